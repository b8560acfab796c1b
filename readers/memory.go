package readers

import "unsafe"

// unsafeView is the memory of a byte slice as words. The memory comes from Arrow buffers or make, so it is aligned well
// enough for every architecture that Go supports here.
func unsafeView[T any](data []byte) []T {
	var zero T
	return unsafe.Slice((*T)(unsafe.Pointer(&data[0])), len(data)/int(unsafe.Sizeof(zero)))
}
