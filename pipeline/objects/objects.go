// Package objects is the ground floor: bytes under keys in buckets, with the few conditional operations that a commit needs.
//
// A Bucket is a local folder, a Google Cloud Storage bucket or an S3 bucket; the drivers for the last two are the packages
// below this one, so that who needs only the interface does not link their libraries. Everyone in the project may import
// this package and it imports nothing of the project. Every driver passes the one suite in objectstest.
package objects

import (
	"context"
	"errors"
	"io"
	"time"
)

// The outcomes that a caller decides on; test for them with errors.Is. Every other error is a failure of the store.
var (
	// ErrNotFound: there is no such object (or no such bucket).
	ErrNotFound = errors.New("no such object")
	// ErrExists: Create or Copy found an object under the name.
	ErrExists = errors.New("the object exists already")
	// ErrChanged: the object is not in the version that the caller named.
	ErrChanged = errors.New("the object has changed")
	// ErrRefused: the store does not let this user do that, now or later.
	ErrRefused = errors.New("the store refuses")
)

// Info describes one version of one object.
type Info struct {
	Key      string    // the full name within the bucket, with forward slashes, no leading one
	Size     int64     // bytes
	Version  string    // opaque; equal strings mean the same bytes (GCS generation, S3 ETag, local inode+size+mtime)
	CRC32C   string    // 8 lower-case hexadecimal digits where the store tells it for free, else empty
	Modified time.Time // by the store's clock
}

// ListOptions selects one page of a listing.
type ListOptions struct {
	Prefix    string // keys that start with it
	Delimiter string // "" or "/": with "/", keys with a further slash are folded into Page.Prefixes
	Token     string // Page.Next of the page before; empty for the first page
	Limit     int    // keys and prefixes a page; 0 takes the store's default
}

// Page is one page of a listing, in byte order of the keys.
type Page struct {
	Objects  []Info
	Prefixes []string // ending in the delimiter
	Next     string   // empty after the last page
}

// A Bucket holds objects. Its methods may be called by many goroutines; they retry transient errors with backoff and name
// the object in what they return. A write that fails or is cancelled never leaves a part of an object under its name. When it
// is cancelled, or its last answer lost, after the store has everything, the whole object may be there: so names are used once.
type Bucket interface {
	// Stat describes the object's newest version; ErrNotFound.
	Stat(ctx context.Context, key string) (Info, error)
	// Read returns length bytes from offset (length < 0: to the end) of exactly this version ("" reads the newest);
	// ErrNotFound, ErrChanged. The caller closes it. Reading past the end returns what there is.
	Read(ctx context.Context, key, version string, offset, length int64) (io.ReadCloser, error)
	// Create stores body under a name that must be free; ErrExists. An answer that was lost on the way is looked up
	// again: when the object holds exactly body, the call has succeeded.
	Create(ctx context.Context, key string, body []byte) (Info, error)
	// Replace stores body in place of exactly this version; ErrNotFound, ErrChanged. Lost answers as in Create.
	Replace(ctx context.Context, key, version string, body []byte) (Info, error)
	// List returns one page of the keys below a prefix.
	List(ctx context.Context, opts ListOptions) (Page, error)
	// Delete removes exactly this version ("" removes the newest); ErrChanged. A missing object is no error.
	Delete(ctx context.Context, key, version string) error
	// Copy makes a second object of the same bytes inside the bucket, by the store, without a download; the name must
	// be free (ErrExists). Locally it is a hard link.
	Copy(ctx context.Context, from, to string) (Info, error)
	// URL is the address of a key, for messages: gs://bucket/key, s3://bucket/key, or the path of a local file.
	URL(key string) string
}

// An Opener opens the bucket that a scheme's host names ("lake" in gs://lake/users).
type Opener func(ctx context.Context, bucket string) (Bucket, error)
