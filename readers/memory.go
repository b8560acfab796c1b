package readers

import (
	"math/bits"
	"sync"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Pages come and go by the thousand and are about one size, so their memory is kept for the next one: fresh memory has to be
// cleared, and costs the garbage collector a round. A slice's capacity says which class it goes back to.
const (
	leastClass = 9  // 512 bytes
	mostClass  = 26 // 64 MiB
)

// A pool is a memory.Allocator of memory that is not cleared. Many goroutines may use it.
type pool struct{ classes [mostClass + 1]sync.Pool }

// pages is the pool of all snapshots.
var pages = &pool{}

func classOf(size int) int { return max(bits.Len(uint(size-1)), leastClass) }

// Allocate returns size bytes of unspecified contents.
func (p *pool) Allocate(size int) []byte {
	if size <= 0 || size > 1<<mostClass {
		return make([]byte, max(size, 0))
	}
	class := classOf(size)
	if first, ok := p.classes[class].Get().(*byte); ok {
		return unsafe.Slice(first, 1<<class)[:size]
	}
	return make([]byte, size, 1<<class)
}

// Reallocate returns size bytes that begin with those of b.
func (p *pool) Reallocate(size int, b []byte) []byte {
	if size <= cap(b) {
		return b[:size]
	}
	grown := p.Allocate(size)
	copy(grown, b)
	p.Free(b)
	return grown
}

// Free takes memory back that Allocate gave.
func (p *pool) Free(b []byte) {
	if c := cap(b); c >= 1<<leastClass && c <= 1<<mostClass && c&(c-1) == 0 {
		b = b[:1]
		p.classes[classOf(c)].Put(&b[0])
	}
}

// newBuffer returns a buffer of n bytes of unspecified contents, which the caller releases.
func newBuffer(mem memory.Allocator, n int) *memory.Buffer {
	b := memory.NewResizableBuffer(mem)
	b.Resize(n)
	return b
}

// zeroBuffer returns a buffer of n zero bytes.
func zeroBuffer(mem memory.Allocator, n int) *memory.Buffer {
	b := newBuffer(mem, n)
	clear(b.Bytes())
	return b
}

// release lets go of buffers; nil ones are none.
func release(buffers ...*memory.Buffer) {
	for _, b := range buffers {
		if b != nil {
			b.Release()
		}
	}
}

// viewOf is memory as values of a type, to read or fill. It need not be aligned: the processors that this is built for read
// numbers anywhere.
func viewOf[T any](data []byte) []T {
	var zero T
	size := int(unsafe.Sizeof(zero))
	if len(data) < size {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&data[0])), len(data)/size)
}

// bytesOf is the memory of a slice.
func bytesOf[T any](s []T) []byte {
	if len(s) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&s[0])), len(s)*int(unsafe.Sizeof(s[0])))
}

// sizeOf is the size of a value in bytes.
func sizeOf[T any]() int {
	var zero T
	return int(unsafe.Sizeof(zero))
}
