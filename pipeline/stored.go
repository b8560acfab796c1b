package pipeline

import (
	"context"
	"errors"

	"strata/pipeline/catalog"
	"strata/pipeline/objects"
)

// readStored reads a file of an earlier run. An output that was copied or restored holds other versions of the same objects: one
// that is not in the version that the run wrote is read where it holds the same bytes.
func readStored[T any](ctx context.Context, c *catalog.Catalog, file catalog.File, read func(objects.Info) (T, error)) (T, error) {
	out, err := read(file.Info())
	if !errors.Is(err, objects.ErrChanged) {
		return out, err
	}
	same, changed := c.SameBytes(ctx, file)
	if changed != nil {
		return out, changed
	}
	return read(same)
}
