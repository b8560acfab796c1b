package readers

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// A converter makes the array of n values of a store, from value at on; the caller has checked that there are so many. Where
// Arrow lays values out as Parquet does, the array shares the store's memory.
type converter func(t arrow.DataType, s *store, at, n int) (arrow.Array, error)

// makeArray makes an array without nulls of n values from place at of its buffers on, which it takes over.
func makeArray(t arrow.DataType, n, at int, buffers ...*memory.Buffer) arrow.Array {
	data := array.NewData(t, n, append([]*memory.Buffer{nil}, buffers...), nil, 0, at)
	defer data.Release()
	release(buffers...)
	return array.MakeFromData(data)
}

// shared shares values of a fixed width, booleans and texts.
func shared(t arrow.DataType, s *store, at, n int) (arrow.Array, error) {
	s.data.Retain()
	if s.offsets == nil {
		return makeArray(t, n, at, s.data), nil
	}
	s.offsets.Retain()
	return makeArray(t, n, at, s.offsets, s.data), nil
}

// narrow copies 32-bit values into a smaller type; a value that does not fit is a fault of the file.
func narrow[T int8 | int16 | uint8 | uint16](t arrow.DataType, s *store, at, n int) (arrow.Array, error) {
	out := newBuffer(s.mem, n*sizeOf[T]())
	to := viewOf[T](out.Bytes())
	for i, v := range viewOf[int32](s.data.Bytes())[at : at+n] {
		if to[i] = T(v); int32(to[i]) != v {
			out.Release()
			return nil, fmt.Errorf("value %d does not fit into %s", v, t)
		}
	}
	return makeArray(t, n, 0, out), nil
}

const (
	julianEpoch = 2440588 // the Julian day of 1970-01-01
	dayMicros   = 86_400_000_000
)

// int96s turns nanoseconds of a Julian day into microseconds since 1970. The sum wraps around, as that of Spark does, which writes
// years near 290000 with a negative day and counts on it.
func int96s(t arrow.DataType, s *store, at, n int) (arrow.Array, error) {
	out := newBuffer(s.mem, 8*n)
	to, from := viewOf[int64](out.Bytes()), s.data.Bytes()[12*at:]
	for i := range n {
		nanos, day := int64(binary.LittleEndian.Uint64(from[12*i:])), int32(binary.LittleEndian.Uint32(from[12*i+8:]))
		to[i] = (int64(day)-julianEpoch)*dayMicros + floorDiv(nanos, 1000)
	}
	return makeArray(t, n, 0, out), nil
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// decimals makes decimals of n numbers.
func decimals(t arrow.DataType, mem memory.Allocator, n int, number func(i int) (decimal128.Num, error)) (arrow.Array, error) {
	out := newBuffer(mem, 16*n)
	to := viewOf[decimal128.Num](out.Bytes())
	for i := range n {
		var err error
		if to[i], err = number(i); err != nil {
			out.Release()
			return nil, err
		}
	}
	return makeArray(t, n, 0, out), nil
}

// decimalInts reads decimals that are stored as integers.
func decimalInts[T int32 | int64](t arrow.DataType, s *store, at, n int) (arrow.Array, error) {
	from := viewOf[T](s.data.Bytes())[at:]
	return decimals(t, s.mem, n, func(i int) (decimal128.Num, error) { return decimal128.FromI64(int64(from[i])), nil })
}

// decimalFixed reads decimals that are stored as big-endian bytes of a fixed length.
func decimalFixed(width int) converter {
	return func(t arrow.DataType, s *store, at, n int) (arrow.Array, error) {
		from := s.data.Bytes()[at*width:]
		return decimals(t, s.mem, n, func(i int) (decimal128.Num, error) { return bigEndianDecimal(from[i*width : (i+1)*width]) })
	}
}

// decimalBytes reads decimals that are stored as big-endian bytes of any length.
func decimalBytes(t arrow.DataType, s *store, at, n int) (arrow.Array, error) {
	data, offsets := s.data.Bytes(), viewOf[int32](s.offsets.Bytes())[at:]
	return decimals(t, s.mem, n, func(i int) (decimal128.Num, error) { return bigEndianDecimal(data[offsets[i]:offsets[i+1]]) })
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
	for ; len(b) > 16; b = b[1:] {
		if b[0] != fill || (b[1]^fill)&0x80 != 0 {
			return decimal128.Num{}, fmt.Errorf("a decimal of %d bytes does not fit into 128 bits", len(b))
		}
	}
	var word [16]byte
	for i := range word {
		word[i] = fill
	}
	copy(word[16-len(b):], b)
	return decimal128.New(int64(binary.BigEndian.Uint64(word[:8])), binary.BigEndian.Uint64(word[8:])), nil
}
