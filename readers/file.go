package readers

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	"strata/pipeline/objects"
)

// A FormatError is an object that is no Parquet file, or one that this package cannot read: a fault of the input.
type FormatError struct {
	Object string // its address
	Err    error
}

func (e *FormatError) Error() string { return e.Object + ": " + e.Err.Error() }
func (e *FormatError) Unwrap() error { return e.Err }

// InputFault marks a fault of the input, for who may not know this package.
func (e *FormatError) InputFault() {}

// A storeError is what the store says where bytes should come: nothing about what they say.
type storeError struct{ error }

func (e storeError) Unwrap() error { return e.error }

// fromStore tells whether an error is one of reaching an object's bytes.
func fromStore(err error) bool {
	var remote storeError
	var local *fs.PathError
	return errors.As(err, &remote) || errors.As(err, &local)
}

// A fileBucket can open its objects as local files, which are then read in place.
type fileBucket interface {
	OpenFile(ctx context.Context, key, version string) (*os.File, error)
}

// A file is one pinned object with its footer.
type file struct {
	bucket objects.Bucket
	object objects.Info
	footer footer
	root   *element // of the schema
	local  *os.File // of a local bucket, else nil

	tailBytes  []byte // the end of the object: the footer, and what was read with it of page indexes
	metadata   []byte // of the footer
	decoded    sync.Once
	statistics *statisticsFooter // once decoded
}

const (
	magic       = "PAR1"
	leastBytes  = 12       // a file without rows has more
	footerGuess = 64 << 10 // how much of an object's end is read at once; larger footers take a second request
	mostFooter  = 256 << 20
	mostRows    = 1 << 31 // of a row group
)

// openFile reads the footer of an object.
func openFile(ctx context.Context, bucket objects.Bucket, object objects.Info) (*file, error) {
	f := &file{bucket: bucket, object: object}
	switch {
	case object.Size == 0:
		return nil, f.fault(errors.New("the object is empty: an upload that failed; deliver it again"))
	case object.Size < leastBytes:
		return nil, f.fault(fmt.Errorf("%d bytes are no Parquet file; the upload may have been cut off", object.Size))
	}
	reader, err := f.open(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the footer of %s: %w", f.url(), err)
	}
	if err := f.readFooter(reader); err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

// fault is an error of the object's contents, but for what the store says.
func (f *file) fault(err error) error {
	if fromStore(err) {
		return fmt.Errorf("read %s: %w", f.url(), err)
	}
	return &FormatError{Object: f.url(), Err: err}
}

// readFooter reads and checks the metadata at the object's end.
func (f *file) readFooter(reader io.ReaderAt) error {
	tail, err := f.tail(reader, min(f.object.Size, footerGuess))
	if err != nil {
		return err
	}
	size, err := footerSize(tail, f.object.Size)
	if err != nil {
		return f.fault(err)
	}
	if size+8 > len(tail) {
		if tail, err = f.tail(reader, int64(size)+8); err != nil {
			return err
		}
	}
	if _, err := decodeThrift(tail[len(tail)-8-size:len(tail)-8], &f.footer); err != nil {
		return f.fault(fmt.Errorf("the Parquet footer cannot be read: %w; the file may be damaged", err))
	}
	if err := f.checkFooter(); err != nil {
		return f.fault(err)
	}
	f.keep(tail, size)
	return nil
}

// keep keeps of the object's end what lies behind its data: the footer and, of an object that is not local, the page indexes. The
// rest would be held for every file of a snapshot.
func (f *file) keep(tail []byte, footerBytes int) {
	from := len(tail) - 8 - footerBytes
	if f.local == nil {
		from = int(min(max(f.dataEnd()-(f.object.Size-int64(len(tail))), 0), int64(from)))
	}
	f.tailBytes = bytes.Clone(tail[from:])
	f.metadata = f.tailBytes[len(f.tailBytes)-8-footerBytes : len(f.tailBytes)-8]
}

// dataEnd is where the last column chunk ends.
func (f *file) dataEnd() (end int64) {
	for _, group := range f.footer.RowGroups {
		for _, column := range group.Columns {
			end = max(end, column.MetaData.start()+column.MetaData.TotalCompressedSize)
		}
	}
	return end
}

// tail reads the last n bytes of the object.
func (f *file) tail(reader io.ReaderAt, n int64) ([]byte, error) {
	data := make([]byte, n)
	if got, err := reader.ReadAt(data, f.object.Size-n); got < len(data) {
		if err == nil || errors.Is(err, io.EOF) {
			err = fmt.Errorf("it has fewer bytes than the %d that were listed: %w", f.object.Size, objects.ErrChanged)
		}
		return nil, fmt.Errorf("read the footer of %s: %w", f.url(), err)
	}
	return data, nil
}

// footerSize reads the last eight bytes of a file.
func footerSize(tail []byte, fileSize int64) (int, error) {
	end := tail[len(tail)-8:]
	switch string(end[4:]) {
	case magic:
	case "PARE":
		return 0, errors.New("the file is encrypted, which is not supported; deliver it decrypted")
	default:
		return 0, fmt.Errorf("the file does not end as a Parquet file does (%q instead of %q); it is cut off or of another format", end[4:], magic)
	}
	size := int64(binary.LittleEndian.Uint32(end))
	if size > fileSize-leastBytes || size > mostFooter || size == 0 {
		return 0, fmt.Errorf("its footer is said to have %d bytes in a file of %d; the file is damaged", size, fileSize)
	}
	return int(size), nil
}

// checkFooter refuses what no footer may say, whatever columns are read.
func (f *file) checkFooter() error {
	var err error
	if f.root, err = schemaTree(f.footer.Schema); err != nil {
		return err
	}
	leaves := 0
	for _, e := range f.footer.Schema {
		if e.NumChildren.V == 0 && e.Type.Valid {
			leaves++
		}
	}
	rows := int64(0)
	for i, group := range f.footer.RowGroups {
		rows += group.NumRows
		if group.NumRows < 0 || group.NumRows > mostRows {
			return fmt.Errorf("row group %d is said to have %d rows", i, group.NumRows)
		}
		if len(group.Columns) != leaves {
			return fmt.Errorf("row group %d has %d columns and the schema has %d", i, len(group.Columns), leaves)
		}
	}
	if rows < f.footer.NumRows { // some writers leave the sum 0
		return fmt.Errorf("its footer says %d rows, and its row groups have %d; the file is damaged", f.footer.NumRows, rows)
	}
	return nil
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
		_ = f.local.Close() // it was only read
	}
}

func (f *file) url() string { return f.bucket.URL(f.object.Key) }

// place returns where a column chunk lies, or why it cannot be read.
func (f *file) place(group int, leaf *node) (m *chunkMeta, start, end int64, err error) {
	c := &f.footer.RowGroups[group].Columns[leaf.first]
	m = &c.MetaData
	switch {
	case c.Crypto.Valid:
		return nil, 0, 0, errors.New("the column is encrypted, which is not supported")
	case c.FilePath != "":
		return nil, 0, 0, fmt.Errorf("its values lie in another file, %q, which is not supported", c.FilePath)
	case m.Type != leaf.physical:
		return nil, 0, 0, fmt.Errorf("its values are %s where the schema says %s", m.Type, leaf.physical)
	case m.NumValues < 0 || leaf.rep == 0 && m.NumValues != f.footer.RowGroups[group].NumRows:
		return nil, 0, 0, fmt.Errorf("it has %d values and the row group %d rows", m.NumValues, f.footer.RowGroups[group].NumRows)
	}
	start = m.start()
	if last := f.object.Size - 8; start < 0 || m.TotalCompressedSize < 0 || start > last-m.TotalCompressedSize {
		return nil, 0, 0, fmt.Errorf("its %d bytes at %d lie outside of the file", m.TotalCompressedSize, start)
	}
	return m, start, min(start+m.TotalCompressedSize+chunkPadding, f.object.Size-8), canDecompress(m.Codec)
}

// remote reads ranges of one version of an object.
type remote struct {
	ctx    context.Context
	bucket objects.Bucket
	object objects.Info
}

// ReadAt reads one range.
func (r *remote) ReadAt(p []byte, offset int64) (int, error) {
	body, err := r.bucket.Read(r.ctx, r.object.Key, r.object.Version, offset, int64(len(p)))
	if err != nil {
		return 0, storeError{err}
	}
	defer body.Close()
	n, err := io.ReadFull(body, p)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = io.EOF
	case err != nil && !errors.Is(err, io.EOF):
		err = storeError{err}
	}
	return n, err
}
