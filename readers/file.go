package readers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/parquet-go/parquet-go"

	"strata/pipeline/objects"
)

// A FormatError is an object that is not a Parquet file this package can read.
type FormatError struct {
	Object string // its address
	Err    error
}

func (e *FormatError) Error() string { return e.Object + ": " + e.Err.Error() }
func (e *FormatError) Unwrap() error { return e.Err }

// A fileBucket can open its objects as local files, which are then read in place.
type fileBucket interface {
	OpenFile(ctx context.Context, key, version string) (*os.File, error)
}

// A file is one pinned object with its footer.
type file struct {
	bucket  objects.Bucket
	object  objects.Info
	parquet *parquet.File
	local   *os.File // of a local bucket, else nil
}

// footerGuess is how much of an object's end is read at once; larger footers take a second request.
const footerGuess = 64 << 10

// openFile reads the footer of an object.
func openFile(ctx context.Context, bucket objects.Bucket, object objects.Info) (*file, error) {
	f := &file{bucket: bucket, object: object}
	fault := func(format string, args ...any) error {
		return &FormatError{Object: f.url(), Err: fmt.Errorf(format, args...)}
	}
	if object.Size < 12 {
		return nil, fault("%d bytes are no Parquet file; the upload may have been cut off", object.Size)
	}
	reader, err := f.open(ctx)
	if err != nil {
		return nil, err
	}
	err = guarded(func() (err error) {
		f.parquet, err = parquet.OpenFile(reader, object.Size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true),
			parquet.OptimisticRead(f.local == nil), parquet.ReadBufferSize(readBuffer(f.local == nil)))
		return err
	})
	if err != nil {
		f.close()
		if ctx.Err() != nil || errors.Is(err, objects.ErrChanged) || errors.Is(err, objects.ErrNotFound) {
			return nil, fmt.Errorf("read the footer of %s: %w", f.url(), err)
		}
		return nil, fault("the Parquet footer cannot be read: %w; the file may be cut off or of another format", err)
	}
	return f, f.checkFooter()
}

func readBuffer(remote bool) int {
	if remote {
		return footerGuess
	}
	return 4 << 10
}

// open returns a reader of the object's bytes.
func (f *file) open(ctx context.Context) (io.ReaderAt, error) {
	if b, ok := f.bucket.(fileBucket); ok {
		local, err := b.OpenFile(ctx, f.object.Key, f.object.Version)
		f.local = local
		return local, err
	}
	return &remote{ctx: ctx, bucket: f.bucket, object: f.object}, nil
}

func (f *file) close() {
	if f.local != nil {
		f.local.Close()
	}
}

func (f *file) url() string { return f.bucket.URL(f.object.Key) }

// checkFooter refuses counts and places that cannot be.
func (f *file) checkFooter() error {
	for i, group := range f.parquet.Metadata().RowGroups {
		for _, c := range group.Columns {
			m := c.MetaData
			start := m.DataPageOffset
			if m.DictionaryPageOffset > 0 {
				start = min(start, m.DictionaryPageOffset)
			}
			if start < 0 || m.TotalCompressedSize < 0 || start > f.object.Size-m.TotalCompressedSize || group.NumRows < 0 {
				return &FormatError{Object: f.url(), Err: fmt.Errorf("row group %d, column %v: its bytes lie outside of the file", i, m.PathInSchema)}
			}
		}
	}
	return nil
}

// remote reads ranges of one version of an object. It is used for footers; column chunks are fetched as a whole.
type remote struct {
	ctx    context.Context
	bucket objects.Bucket
	object objects.Info
}

// ReadAt reads one range.
func (r *remote) ReadAt(p []byte, offset int64) (int, error) {
	body, err := r.bucket.Read(r.ctx, r.object.Key, r.object.Version, offset, int64(len(p)))
	if err != nil {
		return 0, err
	}
	defer body.Close()
	n, err := io.ReadFull(body, p)
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	return n, err
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
