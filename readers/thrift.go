package readers

import (
	"errors"
	"fmt"

	"github.com/parquet-go/parquet-go/encoding/thrift"
)

// maxDepth bounds how deep structs nest in metadata, and groups in a schema. The format itself needs a handful.
const maxDepth = 64

// A boundedReader reads Thrift metadata from outside: a list cannot claim more elements than there are bytes, and structs
// cannot nest without end.
type boundedReader struct {
	thrift.BytesReader
	size int   // bytes
	open []int // how many structs are still to end, level by level
}

// decodeThrift decodes a value from the beginning of data, and returns how many bytes it took. Strings share data's memory.
func decodeThrift(data []byte, into any) (n int, err error) {
	var protocol thrift.CompactProtocol
	r := &boundedReader{BytesReader: protocol.NewReaderFromBytes(data), size: len(data), open: []int{1}}
	err = guarded(func() error { return thrift.NewDecoder(r).Decode(into) })
	return r.BytesRead(), err
}

// Discard skips bytes; skipping a field asks for it by type assertion.
func (r *boundedReader) Discard(n int) (int, error) {
	return r.BytesReader.(interface{ Discard(int) (int, error) }).Discard(n)
}

// ReadField keeps count of open structs.
func (r *boundedReader) ReadField() (thrift.Field, error) {
	f, err := r.BytesReader.ReadField()
	switch {
	case err != nil:
	case f.Type == thrift.STRUCT:
		err = r.push(1)
	case f.Type == thrift.STOP:
		r.pop()
	}
	return f, err
}

func (r *boundedReader) push(structs int) error {
	if len(r.open) == maxDepth {
		return fmt.Errorf("structs nest more than %d deep", maxDepth)
	}
	r.open = append(r.open, structs)
	return nil
}

func (r *boundedReader) pop() {
	last := len(r.open) - 1
	if last < 0 {
		return
	}
	if r.open[last]--; r.open[last] == 0 {
		r.open = r.open[:last]
	}
}

// ReadList refuses lists that cannot be.
func (r *boundedReader) ReadList() (thrift.List, error) {
	l, err := r.BytesReader.ReadList()
	switch {
	case err != nil:
	case int(l.Size) > r.size-r.BytesRead():
		err = fmt.Errorf("a list of %d elements in %d bytes", l.Size, r.size-r.BytesRead())
	case l.Type == thrift.LIST || l.Type == thrift.SET || l.Type == thrift.MAP:
		err = errors.New("a list of lists, which the format does not have")
	case l.Type == thrift.STRUCT && l.Size > 0:
		err = r.push(int(l.Size))
	}
	return l, err
}

// ReadSet refuses sets.
func (r *boundedReader) ReadSet() (thrift.Set, error) {
	return thrift.Set{}, errors.New("a set, which the format does not have")
}

// ReadMap refuses maps.
func (r *boundedReader) ReadMap() (thrift.Map, error) {
	return thrift.Map{}, errors.New("a map, which the format does not have")
}

// guarded runs a call into a library on bytes from outside; a panic becomes an error.
func guarded(call func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("damaged data: %v", p)
		}
	}()
	return call()
}
