package objects

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// All yields all objects below a prefix, page by page, in byte order of their keys. It ends after an error.
func All(ctx context.Context, b Bucket, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		for opts := (ListOptions{Prefix: prefix}); ; {
			page, err := b.List(ctx, opts)
			if err != nil {
				yield(Info{}, err)
				return
			}
			for _, info := range page.Objects {
				if !yield(info, nil) {
					return
				}
			}
			if opts.Token = page.Next; opts.Token == "" {
				return
			}
		}
	}
}

// Prefixes returns the folders right below a prefix that ends in a slash, each ending in a slash.
func Prefixes(ctx context.Context, b Bucket, prefix string) ([]string, error) {
	var all []string
	for opts := (ListOptions{Prefix: prefix, Delimiter: "/"}); ; {
		page, err := b.List(ctx, opts)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Prefixes...)
		if opts.Token = page.Next; opts.Token == "" {
			return all, nil
		}
	}
}

// ReadAll returns the whole object of a version ("": the newest), and what it is; ErrNotFound, ErrChanged. It holds the object
// in memory once.
func ReadAll(ctx context.Context, b Bucket, key, version string) ([]byte, Info, error) {
	for again := 0; ; again++ {
		data, info, err := readAll(ctx, b, key, version)
		replaced := version == "" && errors.Is(err, ErrChanged)
		if again == rereads || !replaced && !errors.Is(err, errDamaged) {
			return data, info, err
		}
	}
}

// rereads is how often an object is read again because it was replaced before it could be read, or came damaged. A store that
// does not replace bytes and checksum at once shows a replacement as damage.
const rereads = 20

// errDamaged: the bytes that came are not those that the store describes.
var errDamaged = errors.New("damaged on the way")

func readAll(ctx context.Context, b Bucket, key, version string) ([]byte, Info, error) {
	info, err := b.Stat(ctx, key)
	if err != nil {
		return nil, Info{}, err
	}
	if version != "" && version != info.Version {
		return nil, Info{}, fmt.Errorf("read %s: %w", b.URL(key), ErrChanged)
	}
	body, err := b.Read(ctx, key, info.Version, 0, -1)
	if err != nil {
		return nil, Info{}, err
	}
	defer body.Close()
	data := bytes.NewBuffer(make([]byte, 0, info.Size+bytes.MinRead))
	if _, err = data.ReadFrom(body); err != nil {
		return nil, Info{}, fmt.Errorf("read %s: %w", b.URL(key), err)
	}
	if int64(data.Len()) != info.Size {
		return nil, Info{}, fmt.Errorf("read %s: %d bytes came of %d: %w; try again", b.URL(key), data.Len(), info.Size, errDamaged)
	}
	if sum := Checksum(data.Bytes()); info.CRC32C != "" && info.CRC32C != sum {
		return nil, Info{}, fmt.Errorf("read %s: the bytes have CRC32C %s, and the store says %s: %w; try again",
			b.URL(key), sum, info.CRC32C, errDamaged)
	}
	return data.Bytes(), info, nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Checksum is the CRC32C of an object's bytes as Info has it.
func Checksum(data []byte) string { return fmt.Sprintf("%08x", crc32.Checksum(data, castagnoli)) }

// A FileBucket has its objects in files. Readers that need many small parts of an object ask a Bucket whether it is one, and
// then read from the file, which the caller closes.
type FileBucket interface {
	Bucket
	OpenFile(ctx context.Context, key, version string) (*os.File, error)
}

// Prefixed is a view of the part of a bucket below a prefix, which is put before every key.
func Prefixed(b Bucket, prefix string) Bucket {
	prefix = strings.Trim(prefix, "/")
	if prefix == "" {
		return b
	}
	view := &prefixed{b, prefix + "/"}
	if files, ok := b.(FileBucket); ok {
		return &prefixedFiles{view, files}
	}
	return view
}

type prefixed struct {
	Bucket
	prefix string
}

func (p *prefixed) cut(info Info, err error) (Info, error) {
	info.Key = strings.TrimPrefix(info.Key, p.prefix)
	return info, err
}

func (p *prefixed) URL(key string) string { return p.Bucket.URL(p.prefix + key) }

func (p *prefixed) Stat(ctx context.Context, key string) (Info, error) {
	return p.cut(p.Bucket.Stat(ctx, p.prefix+key))
}

func (p *prefixed) Read(ctx context.Context, key, version string, offset, length int64) (io.ReadCloser, error) {
	return p.Bucket.Read(ctx, p.prefix+key, version, offset, length)
}

func (p *prefixed) Create(ctx context.Context, key string, body []byte) (Info, error) {
	return p.cut(p.Bucket.Create(ctx, p.prefix+key, body))
}

func (p *prefixed) Replace(ctx context.Context, key, version string, body []byte) (Info, error) {
	return p.cut(p.Bucket.Replace(ctx, p.prefix+key, version, body))
}

func (p *prefixed) Delete(ctx context.Context, key, version string) error {
	return p.Bucket.Delete(ctx, p.prefix+key, version)
}

func (p *prefixed) Copy(ctx context.Context, from, to string) (Info, error) {
	return p.cut(p.Bucket.Copy(ctx, p.prefix+from, p.prefix+to))
}

func (p *prefixed) List(ctx context.Context, opts ListOptions) (Page, error) {
	opts.Prefix = p.prefix + opts.Prefix
	page, err := p.Bucket.List(ctx, opts)
	for i := range page.Objects {
		page.Objects[i].Key = strings.TrimPrefix(page.Objects[i].Key, p.prefix)
	}
	for i := range page.Prefixes {
		page.Prefixes[i] = strings.TrimPrefix(page.Prefixes[i], p.prefix)
	}
	return page, err
}

// prefixedFiles is a view of a bucket of files.
type prefixedFiles struct {
	*prefixed
	files FileBucket
}

func (p *prefixedFiles) OpenFile(ctx context.Context, key, version string) (*os.File, error) {
	return p.files.OpenFile(ctx, p.prefix+key, version)
}

// A Resolver opens buckets by the scheme of an address. "file" also stands for plain paths.
type Resolver map[string]Opener

// Open opens the bucket of an address and returns the rest of it as a key or prefix, as ParseURL splits it.
func (r Resolver) Open(ctx context.Context, address string) (Bucket, string, error) {
	scheme, bucket, key, err := ParseURL(address)
	if err != nil {
		return nil, "", err
	}
	open, ok := r[scheme]
	if !ok {
		return nil, "", fmt.Errorf("%s: there is no driver for %s:// in this binary; there are drivers for %s", address, scheme,
			strings.Join(slices.Sorted(maps.Keys(r)), ", "))
	}
	b, err := open(ctx, bucket)
	return b, key, err
}

// ParseURL splits an address into scheme, bucket and key: gs://lake/users/a is "gs", "lake", "users/a". A plain path and
// a file:// address have the scheme "file", the folder of the last part as their bucket, and the last part as key, but the
// split comes before the first part with a wildcard (* ? [).
func ParseURL(address string) (scheme, bucket, key string, err error) {
	scheme, rest, found := strings.Cut(address, "://")
	if !found {
		scheme, rest = "file", address
	}
	if scheme == "file" {
		bucket, key = splitPath(rest)
		return scheme, bucket, key, nil
	}
	bucket, key, _ = strings.Cut(rest, "/")
	if bucket == "" {
		return "", "", "", fmt.Errorf("%s: there is no bucket after the scheme", address)
	}
	return scheme, bucket, key, nil
}

func splitPath(path string) (folder, key string) {
	path = filepath.ToSlash(path)
	cut := strings.LastIndexByte(path, '/')
	if wild := strings.IndexAny(path, "*?["); wild >= 0 {
		cut = strings.LastIndexByte(path[:wild], '/')
	}
	switch {
	case cut < 0:
		return ".", path
	case cut == 0:
		return "/", path[1:]
	}
	return path[:cut], path[cut+1:]
}
