package pipeline

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"unsafe"
)

// An allowance is how much of something a stage may hold in memory. Many goroutines draw on it.
type allowance struct {
	budget int64 // bytes

	mu   sync.Mutex
	held int64 // bytes
}

// reserve reports whether so many bytes more may stay in memory.
func (a *allowance) reserve(size int64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.held+size > a.budget {
		return false
	}
	a.held += size
	return true
}

// release gives back what was reserved.
func (a *allowance) release(size int64) {
	a.mu.Lock()
	a.held -= size
	a.mu.Unlock()
}

// spills are the temporary files of a stage.
type spills struct {
	dir string

	mu    sync.Mutex
	bytes int64 // written
	files []*os.File
}

// close removes the files.
func (s *spills) close() {
	for _, f := range s.files {
		_ = f.Close() // it has no name and is gone with this
	}
	s.files = nil
}

// open makes a file. It has no name any more once it is open, so that nothing stays behind.
func (s *spills) open() (*os.File, error) {
	file, err := os.CreateTemp(s.dir, "strata-spill-*")
	if err != nil {
		return nil, s.fault(err)
	}
	if err := os.Remove(file.Name()); err != nil {
		return nil, s.fault(errors.Join(err, file.Close()))
	}
	s.mu.Lock()
	s.files = append(s.files, file)
	s.mu.Unlock()
	return file, nil
}

// fault is the one place where this fault is worded.
func (s *spills) fault(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err // the file has no name that means anything
	}
	return fmt.Errorf("spill users to temporary files in %s: %w; make room there, point TMPDIR at another disk or raise --memory", s.dir, err)
}

// read reads back what was appended at an offset.
func (s *spills) read(file *os.File, offset int64, parts ...[]byte) error {
	for _, part := range parts {
		if _, err := file.ReadAt(part, offset); err != nil && (err != io.EOF || len(part) > 0) {
			return fmt.Errorf("read spilled users back from %s: %w", s.dir, err)
		}
		offset += int64(len(part))
	}
	return nil
}

// A spillFile is one worker's temporary file, made when it is first needed.
type spillFile struct {
	spills *spills
	file   *os.File
	offset int64
}

// append writes parts one after the other and returns where they begin.
func (s *spillFile) append(parts ...[]byte) (offset int64, err error) {
	if s.file == nil {
		if s.file, err = s.spills.open(); err != nil {
			return 0, err
		}
	}
	offset = s.offset
	for _, data := range parts {
		if _, err := s.file.WriteAt(data, s.offset); err != nil {
			return 0, s.spills.fault(err)
		}
		s.offset += int64(len(data))
	}
	s.spills.mu.Lock()
	s.spills.bytes += s.offset - offset
	s.spills.mu.Unlock()
	return offset, nil
}

// wordBytes is the memory of words as bytes, for files that only this process reads.
func wordBytes[T uint32 | uint64](words []T) []byte {
	if len(words) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), int(unsafe.Sizeof(words[0]))*len(words))
}
