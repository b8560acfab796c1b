package readers

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/encoding"
)

// A converter makes the dense Arrow array of n decoded values: nulls are absent. What it can it shares with the page, whose
// memory owner gives back when the array is released.
type converter func(t arrow.DataType, values encoding.Values, n int, owner *pageOwner) (arrow.Array, error)

// A pageOwner gives a page's memory back to its pool when the last Arrow buffer that shares it is released.
type pageOwner struct{ page parquet.Page }

// share makes an Arrow buffer of a page's memory.
func (o *pageOwner) share(data []byte) *memory.Buffer {
	parquet.Retain(o.page)
	return memory.NewBufferWithAllocator(data, o)
}

// Allocate is never called: shared buffers are not resized.
func (o *pageOwner) Allocate(int) []byte { panic("a shared page does not grow") }

// Reallocate is never called: shared buffers are not resized.
func (o *pageOwner) Reallocate(int, []byte) []byte { panic("a shared page does not grow") }

// Free gives one share of the page back.
func (o *pageOwner) Free([]byte) { parquet.Release(o.page) }

// makeArray makes an array without nulls and hands its buffers over to it.
func makeArray(t arrow.DataType, n int, buffers ...*memory.Buffer) arrow.Array {
	data := array.NewData(t, n, append([]*memory.Buffer{nil}, buffers...), nil, 0, 0)
	defer data.Release()
	for _, b := range buffers {
		b.Release()
	}
	return array.MakeFromData(data)
}

// fixed shares values of a fixed width in bytes.
func fixed(width int) converter {
	return func(t arrow.DataType, values encoding.Values, n int, owner *pageOwner) (arrow.Array, error) {
		data, _ := values.Data()
		if len(data) < n*width {
			return nil, fmt.Errorf("the page holds %d bytes for %d values of %d", len(data), n, width)
		}
		return makeArray(t, n, owner.share(data[:n*width])), nil
	}
}

func booleans(t arrow.DataType, values encoding.Values, n int, owner *pageOwner) (arrow.Array, error) {
	data, _ := values.Data()
	if len(data)*8 < n {
		return nil, fmt.Errorf("the page holds %d bytes for %d bits", len(data), n)
	}
	return makeArray(t, n, owner.share(data)), nil
}

// narrow copies 32-bit values into a smaller type; a value that does not fit is a fault of the file.
func narrow[T int8 | int16 | uint8 | uint16](t arrow.DataType, values encoding.Values, n int, _ *pageOwner) (arrow.Array, error) {
	wide := int32s(values)
	if len(wide) < n {
		return nil, fmt.Errorf("the page holds %d of %d values", len(wide), n)
	}
	out := make([]T, n)
	for i, v := range wide[:n] {
		if out[i] = T(v); int32(out[i]) != v {
			return nil, fmt.Errorf("value %d does not fit into %s", v, t)
		}
	}
	return makeArray(t, n, memory.NewBufferBytes(bytesOf(out))), nil
}

// byteArrays shares bytes and offsets of texts.
func byteArrays(t arrow.DataType, values encoding.Values, n int, owner *pageOwner) (arrow.Array, error) {
	data, offsets := values.Data()
	if n == 0 {
		return makeArray(t, 0, memory.NewBufferBytes(make([]byte, 4)), memory.NewBufferBytes(nil)), nil
	}
	if len(offsets) < n+1 {
		return nil, fmt.Errorf("the page holds %d of %d values", max(len(offsets)-1, 0), n)
	}
	if offsets[n] > math.MaxInt32 || int(offsets[n]) > len(data) {
		return nil, errors.New("the page holds over 2 GiB of text")
	}
	return makeArray(t, n, owner.share(bytesOf(offsets[:n+1])), owner.share(data)), nil
}

const julianEpoch = 2440588 // the Julian day of 1970-01-01

// int96s turns nanoseconds of a Julian day into microseconds since 1970, which hold every day that the format can tell.
func int96s(t arrow.DataType, values encoding.Values, n int, _ *pageOwner) (arrow.Array, error) {
	all := values.Int96()
	if len(all) < n {
		return nil, fmt.Errorf("the page holds %d of %d values", len(all), n)
	}
	out := make([]int64, n)
	for i, v := range all[:n] {
		var ok bool
		if out[i], ok = int96Micros(v); !ok {
			return nil, fmt.Errorf("an INT96 timestamp of Julian day %d is out of range", v[2])
		}
	}
	return makeArray(t, n, memory.NewBufferBytes(bytesOf(out))), nil
}

func int96Micros(v deprecated.Int96) (int64, bool) {
	nanos := int64(uint64(v[1])<<32 | uint64(v[0]))
	days := int64(int32(v[2])) - julianEpoch
	const dayMicros = 86_400_000_000
	if days > math.MaxInt64/dayMicros-1 || days < math.MinInt64/dayMicros+1 {
		return 0, false
	}
	return days*dayMicros + floorDiv(nanos, 1000), true
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func decimals(t arrow.DataType, n int, at func(i int) (decimal128.Num, error)) (arrow.Array, error) {
	out := make([]decimal128.Num, n)
	for i := range out {
		var err error
		if out[i], err = at(i); err != nil {
			return nil, err
		}
	}
	return makeArray(t, n, memory.NewBufferBytes(bytesOf(out))), nil
}

// decimalInts reads decimals that are stored as integers.
func decimalInts(narrow bool) converter {
	return func(t arrow.DataType, values encoding.Values, n int, _ *pageOwner) (arrow.Array, error) {
		data, _ := values.Data()
		width := 8
		if narrow {
			width = 4
		}
		if len(data) < n*width {
			return nil, fmt.Errorf("the page holds %d bytes for %d values of %d", len(data), n, width)
		}
		return decimals(t, n, func(i int) (decimal128.Num, error) {
			if narrow {
				return decimal128.FromI64(int64(int32(binary.LittleEndian.Uint32(data[4*i:])))), nil
			}
			return decimal128.FromI64(int64(binary.LittleEndian.Uint64(data[8*i:]))), nil
		})
	}
}

// decimalFixed reads decimals that are stored as big-endian bytes of a fixed length.
func decimalFixed(width int) converter {
	return func(t arrow.DataType, values encoding.Values, n int, _ *pageOwner) (arrow.Array, error) {
		data, _ := values.Data()
		if len(data) < n*width {
			return nil, fmt.Errorf("the page holds %d bytes for %d values of %d", len(data), n, width)
		}
		return decimals(t, n, func(i int) (decimal128.Num, error) { return bigEndianDecimal(data[i*width : (i+1)*width]) })
	}
}

func decimalBytes(t arrow.DataType, values encoding.Values, n int, _ *pageOwner) (arrow.Array, error) {
	data, offsets := values.Data()
	if n > 0 && len(offsets) < n+1 {
		return nil, fmt.Errorf("the page holds %d of %d values", max(len(offsets)-1, 0), n)
	}
	return decimals(t, n, func(i int) (decimal128.Num, error) { return bigEndianDecimal(data[offsets[i]:offsets[i+1]]) })
}

// bigEndianDecimal reads a two's complement number of any length that fits into 128 bits.
func bigEndianDecimal(b []byte) (decimal128.Num, error) {
	if len(b) == 0 {
		return decimal128.Num{}, errors.New("a decimal of no bytes")
	}
	fill := byte(0)
	if b[0]&0x80 != 0 {
		fill = 0xff
	}
	for len(b) > 16 {
		if b[0] != fill || (b[1]^fill)&0x80 != 0 {
			return decimal128.Num{}, fmt.Errorf("decimal %v does not fit into 128 bits", new(big.Int).SetBytes(b))
		}
		b = b[1:]
	}
	var word [16]byte
	for i := range word {
		word[i] = fill
	}
	copy(word[16-len(b):], b)
	return decimal128.New(int64(binary.BigEndian.Uint64(word[:8])), binary.BigEndian.Uint64(word[8:])), nil
}

// bytesOf is the memory of a slice.
func bytesOf[T any](s []T) []byte {
	if len(s) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&s[0])), len(s)*int(unsafe.Sizeof(s[0])))
}

// int32s is the memory of 32-bit values, however the page names them.
func int32s(values encoding.Values) []int32 {
	data, _ := values.Data()
	if len(data) < 4 {
		return nil
	}
	return unsafe.Slice((*int32)(unsafe.Pointer(&data[0])), len(data)/4)
}
