package pipeline

import (
	"os"
	"strconv"
	"strings"
)

// defaultMemory is a quarter of the machine's memory, or of what the process may use of it, or 1 GiB where that cannot be
// told.
func defaultMemory() int64 {
	total := int64(4 << 30)
	if n := memTotal("/proc/meminfo"); n > 0 {
		total = n
	}
	if n := number("/sys/fs/cgroup/memory.max"); n > 0 {
		total = min(total, n)
	}
	return total / 4
}

// memTotal reads the machine's memory in bytes; 0 where it cannot.
func memTotal(path string) int64 {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) >= 2 && fields[0] == "MemTotal:" {
			kib, _ := strconv.ParseInt(fields[1], 10, 64)
			return kib << 10
		}
	}
	return 0
}

// number reads a file that holds one number; 0 where it does not.
func number(path string) int64 {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n
}
