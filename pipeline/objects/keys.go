package objects

import (
	"fmt"
	"strings"
)

// CheckKey refuses keys that some store would read as another: empty, absolute, with empty, "." or ".." parts, or with NUL.
func CheckKey(key string) error {
	if key == "" || strings.ContainsRune(key, 0) || strings.HasSuffix(key, "/") {
		return fmt.Errorf("%q cannot name an object", key)
	}
	if part, ok := badPart(key); ok {
		return fmt.Errorf("%q cannot name an object: part %q", key, part)
	}
	return nil
}

// CheckPrefix refuses prefixes below which no key can lie. The last part may be the beginning of a name.
func CheckPrefix(prefix string) error {
	if strings.ContainsRune(prefix, 0) {
		return fmt.Errorf("%q cannot be a prefix", prefix)
	}
	if at := strings.LastIndexByte(prefix, '/'); at >= 0 {
		if part, ok := badPart(prefix[:at]); ok {
			return fmt.Errorf("%q cannot be a prefix: part %q", prefix, part)
		}
	}
	return nil
}

func badPart(key string) (string, bool) {
	for part := range strings.SplitSeq(key, "/") {
		if part == "" || part == "." || part == ".." || strings.HasPrefix(part, hidden) {
			return part, true
		}
	}
	return "", false
}
