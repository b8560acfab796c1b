// Package gcs is the driver of Google Cloud Storage.
package gcs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strconv"

	"cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/iterator"

	"strata/pipeline/objects"
)

// Open opens a bucket with the credentials of the environment (Application Default Credentials), or, where
// STORAGE_EMULATOR_HOST is set, without any at that host. Whether the bucket exists shows at the first use.
func Open(ctx context.Context, bucket string) (objects.Bucket, error) {
	client, err := storage.NewClient(context.WithoutCancel(ctx), storage.WithJSONReads())
	if err != nil {
		return nil, fmt.Errorf("open gs://%s: %w", bucket, err)
	}
	return New(client, bucket), nil
}

// New makes a bucket of a client, which the caller closes.
func New(client *storage.Client, bucket string) objects.Bucket {
	// Retries are this project's own: only who repeats a request knows that an answer was lost.
	once := &driver{name: bucket, bucket: client.Bucket(bucket).Retryer(storage.WithPolicy(storage.RetryNever))}
	return objects.Retrying(once, transient)
}

// A driver makes each request once.
type driver struct {
	name   string
	bucket *storage.BucketHandle
}

func (d *driver) URL(key string) string { return "gs://" + d.name + "/" + key }

func transient(err error) bool {
	if code := status(err); code != 0 {
		return objects.TransientStatus(code)
	}
	return storage.ShouldRetry(err) || objects.TransientNetwork(err)
}

// fault words an error; precondition is what a failed condition means to the caller.
func (d *driver) fault(act, key string, err, precondition error) error {
	code := status(err)
	switch {
	case errors.Is(err, storage.ErrBucketNotExist):
		return fmt.Errorf("%s %s: %w: there is no bucket %s", act, d.URL(key), objects.ErrNotFound, d.name)
	case errors.Is(err, storage.ErrObjectNotExist), code == http.StatusNotFound:
		return fmt.Errorf("%s %s: %w", act, d.URL(key), objects.ErrNotFound)
	case code == http.StatusPreconditionFailed:
		return fmt.Errorf("%s %s: %w", act, d.URL(key), precondition)
	case code == http.StatusForbidden, code == http.StatusUnauthorized:
		return fmt.Errorf("%s %s: %w: %w; grant this account access to the bucket", act, d.URL(key), objects.ErrRefused, err)
	}
	return fmt.Errorf("%s %s: %w", act, d.URL(key), err)
}

func status(err error) int {
	var api *googleapi.Error
	if errors.As(err, &api) {
		return api.Code
	}
	return 0
}

func infoOf(a *storage.ObjectAttrs) objects.Info {
	return objects.Info{
		Key: a.Name, Size: a.Size, Version: strconv.FormatInt(a.Generation, 10), CRC32C: fmt.Sprintf("%08x", a.CRC32C), Modified: a.Updated,
	}
}

// Stat describes the newest generation.
func (d *driver) Stat(ctx context.Context, key string) (objects.Info, error) {
	if err := objects.CheckKey(key); err != nil {
		return objects.Info{}, err
	}
	attrs, err := d.bucket.Object(key).Attrs(ctx)
	if err != nil {
		return objects.Info{}, d.fault("look at", key, err, objects.ErrChanged)
	}
	return infoOf(attrs), nil
}

func generation(version string) (int64, error) {
	n, err := strconv.ParseInt(version, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is no generation", version)
	}
	return n, nil
}

// Read reads a range of a generation. Where the bucket keeps versions, a generation that was replaced can still be read;
// else that is ErrChanged.
func (d *driver) Read(ctx context.Context, key, version string, offset, length int64) (io.ReadCloser, error) {
	if err := objects.CheckKey(key); err != nil {
		return nil, err
	}
	object := d.bucket.Object(key)
	if version != "" {
		n, err := generation(version)
		if err != nil {
			return nil, err
		}
		object = object.Generation(n)
	}
	body, err := object.NewRangeReader(ctx, offset, length)
	switch {
	case err == nil && body.Attrs.Decompressed:
		_ = body.Close() // ranges and sizes are of the bytes that are stored, and those we are not given
		return nil, fmt.Errorf("read %s: it is stored with Content-Encoding gzip; store it without", d.URL(key))
	case err == nil:
		return body, nil
	case status(err) == http.StatusRequestedRangeNotSatisfiable:
		return io.NopCloser(bytes.NewReader(nil)), nil // past the end there is nothing
	case version != "" && errors.Is(err, storage.ErrObjectNotExist):
		return nil, d.gone(ctx, key)
	}
	return nil, d.fault("read", key, err, objects.ErrChanged)
}

// gone tells an object that was replaced from one that was deleted.
func (d *driver) gone(ctx context.Context, key string) error {
	if _, err := d.Stat(ctx, key); err != nil {
		return err
	}
	return fmt.Errorf("read %s: %w", d.URL(key), objects.ErrChanged)
}

// Create uploads under a free name.
func (d *driver) Create(ctx context.Context, key string, body []byte) (objects.Info, error) {
	info, err := d.upload(ctx, key, storage.Conditions{DoesNotExist: true}, body)
	if status(err) == http.StatusNotFound {
		err = storage.ErrBucketNotExist // what else could be missing
	}
	if err != nil {
		return objects.Info{}, d.fault("write", key, err, objects.ErrExists)
	}
	return info, nil
}

// Replace uploads in the place of a generation.
func (d *driver) Replace(ctx context.Context, key, version string, body []byte) (objects.Info, error) {
	n, err := generation(version)
	if err != nil {
		return objects.Info{}, err
	}
	info, err := d.upload(ctx, key, storage.Conditions{GenerationMatch: n}, body)
	if code := status(err); code == http.StatusPreconditionFailed || code == http.StatusNotFound {
		return objects.Info{}, d.missingOr(ctx, key, objects.ErrChanged)
	}
	if err != nil {
		return objects.Info{}, d.fault("replace", key, err, objects.ErrChanged)
	}
	return info, nil
}

// missingOr returns ErrNotFound for an object that is not there, else the other error.
func (d *driver) missingOr(ctx context.Context, key string, other error) error {
	if _, err := d.Stat(ctx, key); errors.Is(err, objects.ErrNotFound) {
		return err
	}
	return fmt.Errorf("replace %s: %w", d.URL(key), other)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// upload sends the object in one request, so that it is there whole or not at all, with a checksum that the store compares.
func (d *driver) upload(ctx context.Context, key string, on storage.Conditions, body []byte) (objects.Info, error) {
	if err := objects.CheckKey(key); err != nil {
		return objects.Info{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w := d.bucket.Object(key).If(on).NewWriter(ctx)
	w.ChunkSize = 0
	w.SendCRC32C, w.CRC32C = true, crc32.Checksum(body, castagnoli)
	if _, err := w.Write(body); err != nil {
		cancel()
		return objects.Info{}, errors.Join(err, w.Close())
	}
	if err := w.Close(); err != nil {
		return objects.Info{}, err
	}
	return infoOf(w.Attrs()), nil
}

// Delete removes a generation.
func (d *driver) Delete(ctx context.Context, key, version string) error {
	if err := objects.CheckKey(key); err != nil {
		return err
	}
	object := d.bucket.Object(key)
	if version != "" {
		n, err := generation(version)
		if err != nil {
			return err
		}
		object = object.If(storage.Conditions{GenerationMatch: n})
	}
	err := object.Delete(ctx)
	if err == nil || errors.Is(err, storage.ErrObjectNotExist) || status(err) == http.StatusNotFound {
		return nil
	}
	return d.fault("delete", key, err, objects.ErrChanged)
}

// Copy has the store copy an object. It looks at the target before, too: test servers do not know the condition.
func (d *driver) Copy(ctx context.Context, from, to string) (objects.Info, error) {
	act := "copy " + d.URL(from) + " to"
	if err := errors.Join(objects.CheckKey(from), objects.CheckKey(to)); err != nil {
		return objects.Info{}, fmt.Errorf("%s %s: %w", act, d.URL(to), err)
	}
	_, err := d.bucket.Object(to).Attrs(ctx)
	if err == nil {
		return objects.Info{}, fmt.Errorf("%s %s: %w", act, d.URL(to), objects.ErrExists)
	}
	if !errors.Is(err, storage.ErrObjectNotExist) {
		return objects.Info{}, d.fault(act, to, err, objects.ErrExists)
	}
	target := d.bucket.Object(to).If(storage.Conditions{DoesNotExist: true})
	attrs, err := target.CopierFrom(d.bucket.Object(from)).Run(ctx)
	if err != nil {
		return objects.Info{}, d.fault(act, to, err, objects.ErrExists)
	}
	return infoOf(attrs), nil
}

// List lists a page.
func (d *driver) List(ctx context.Context, opts objects.ListOptions) (objects.Page, error) {
	if err := objects.CheckPrefix(opts.Prefix); err != nil {
		return objects.Page{}, fmt.Errorf("list gs://%s: %w", d.name, err)
	}
	limit := opts.Limit
	if limit <= 0 {
		limit = 1000
	}
	query := &storage.Query{Prefix: opts.Prefix, Delimiter: opts.Delimiter}
	if err := query.SetAttrSelection([]string{"Name", "Size", "Generation", "CRC32C", "Updated"}); err != nil {
		return objects.Page{}, err
	}
	var found []*storage.ObjectAttrs
	next, err := iterator.NewPager(d.bucket.Objects(ctx, query), limit, opts.Token).NextPage(&found)
	if status(err) == http.StatusNotFound {
		err = storage.ErrBucketNotExist
	}
	if err != nil {
		return objects.Page{}, d.fault("list", opts.Prefix, err, objects.ErrChanged)
	}
	page := objects.Page{Next: next}
	for _, attrs := range found {
		if attrs.Prefix != "" {
			page.Prefixes = append(page.Prefixes, attrs.Prefix)
		} else {
			page.Objects = append(page.Objects, infoOf(attrs))
		}
	}
	return page, nil
}
