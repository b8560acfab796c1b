package s3

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"strata/pipeline/objects"
)

// Stat describes the object.
func (d *driver) Stat(ctx context.Context, key string) (objects.Info, error) {
	if err := objects.CheckKey(key); err != nil {
		return objects.Info{}, err
	}
	head, err := d.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &d.name, Key: &key, ChecksumMode: types.ChecksumModeEnabled})
	if err != nil {
		return objects.Info{}, d.fault("look at", key, err, objects.ErrChanged)
	}
	return objects.Info{
		Key: key, Size: aws.ToInt64(head.ContentLength), Version: aws.ToString(head.ETag), Modified: aws.ToTime(head.LastModified),
		CRC32C: checksum(aws.ToString(head.ChecksumCRC32C)),
	}, nil
}

// checksum turns the store's writing of a CRC32C into ours. One of an upload in parts ("...-3") is none of the object's bytes.
func checksum(text string) string {
	sum, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return ""
	}
	return hex.EncodeToString(sum)
}

// Read reads a range on the condition that the object is in its version.
func (d *driver) Read(ctx context.Context, key, version string, offset, length int64) (io.ReadCloser, error) {
	if err := objects.CheckKey(key); err != nil {
		return nil, err
	}
	in := &s3.GetObjectInput{Bucket: &d.name, Key: &key, Range: byteRange(offset, length)}
	if version != "" {
		in.IfMatch = &version
	}
	out, err := d.client.GetObject(ctx, in)
	if status(err) == http.StatusRequestedRangeNotSatisfiable {
		return nothing(), nil // past the end
	}
	if err != nil {
		return nil, d.fault("read", key, err, objects.ErrChanged)
	}
	if length == 0 {
		return nothing(), out.Body.Close()
	}
	return out.Body, nil
}

func nothing() io.ReadCloser { return io.NopCloser(bytes.NewReader(nil)) }

// byteRange asks for one byte where none is wanted: there is no range of none.
func byteRange(offset, length int64) *string {
	switch {
	case length < 0 && offset == 0:
		return nil
	case length < 0:
		return aws.String(fmt.Sprintf("bytes=%d-", offset))
	}
	return aws.String(fmt.Sprintf("bytes=%d-%d", offset, offset+max(length, 1)-1))
}

// Create uploads under a free name.
func (d *driver) Create(ctx context.Context, key string, body []byte) (objects.Info, error) {
	info, err := d.put(ctx, &s3.PutObjectInput{Key: &key, IfNoneMatch: aws.String("*")}, body)
	if err != nil {
		return objects.Info{}, d.fault("write", key, err, objects.ErrExists)
	}
	return info, nil
}

// Replace uploads in the place of a version.
func (d *driver) Replace(ctx context.Context, key, version string, body []byte) (objects.Info, error) {
	info, err := d.put(ctx, &s3.PutObjectInput{Key: &key, IfMatch: &version}, body)
	if err != nil {
		return objects.Info{}, d.fault("replace", key, err, objects.ErrChanged)
	}
	return info, nil
}

// put uploads in one request, so that the object is there whole or not at all, with a checksum that the store compares.
func (d *driver) put(ctx context.Context, in *s3.PutObjectInput, body []byte) (objects.Info, error) {
	if err := objects.CheckKey(*in.Key); err != nil {
		return objects.Info{}, err
	}
	sum := objects.Checksum(body)
	bits, err := hex.DecodeString(sum)
	if err != nil {
		return objects.Info{}, err
	}
	in.Bucket, in.Body, in.ContentLength = &d.name, bytes.NewReader(body), aws.Int64(int64(len(body)))
	in.ChecksumCRC32C = aws.String(base64.StdEncoding.EncodeToString(bits))
	out, err := d.client.PutObject(ctx, in)
	if err != nil {
		return objects.Info{}, err
	}
	modified, ok := awsmiddleware.GetServerTime(out.ResultMetadata)
	if !ok {
		modified = time.Now()
	}
	return objects.Info{Key: *in.Key, Size: int64(len(body)), Version: aws.ToString(out.ETag), CRC32C: sum, Modified: modified}, nil
}

// Delete removes the object. Not every store of this protocol knows the condition, so the version is also compared before.
func (d *driver) Delete(ctx context.Context, key, version string) error {
	if err := objects.CheckKey(key); err != nil {
		return err
	}
	in := &s3.DeleteObjectInput{Bucket: &d.name, Key: &key}
	if version != "" {
		info, err := d.Stat(ctx, key)
		if errors.Is(err, objects.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if info.Version != version {
			return fmt.Errorf("delete %s: %w", d.URL(key), objects.ErrChanged)
		}
		in.IfMatch = &version
	}
	_, err := d.client.DeleteObject(ctx, in)
	if version != "" && status(err) == http.StatusNotImplemented {
		in.IfMatch = nil
		_, err = d.client.DeleteObject(ctx, in)
	}
	if err == nil || status(err) == http.StatusNotFound {
		return nil
	}
	return d.fault("delete", key, err, objects.ErrChanged)
}

// Copy has the store copy an object of up to 5 GB. Stores that do not know the condition on the target are helped by looking
// before; only uniquely named copies are ever made, so nobody else writes the name in between.
func (d *driver) Copy(ctx context.Context, from, to string) (objects.Info, error) {
	act := "copy " + d.URL(from) + " to"
	if err := errors.Join(objects.CheckKey(from), objects.CheckKey(to)); err != nil {
		return objects.Info{}, fmt.Errorf("%s %s: %w", act, d.URL(to), err)
	}
	if _, err := d.Stat(ctx, to); err == nil {
		return objects.Info{}, fmt.Errorf("%s %s: %w", act, d.URL(to), objects.ErrExists)
	} else if !errors.Is(err, objects.ErrNotFound) {
		return objects.Info{}, err
	}
	in := &s3.CopyObjectInput{Bucket: &d.name, Key: &to, CopySource: aws.String(d.name + "/" + escape(from)), IfNoneMatch: aws.String("*")}
	_, err := d.client.CopyObject(ctx, in)
	if status(err) == http.StatusNotImplemented {
		in.IfNoneMatch = nil
		_, err = d.client.CopyObject(ctx, in)
	}
	if err != nil {
		return objects.Info{}, d.fault(act, to, err, objects.ErrExists)
	}
	return d.Stat(ctx, to)
}

// escape writes a key as CopyObject reads it: percent-encoded but for the slashes.
func escape(key string) string {
	return strings.NewReplacer("+", "%20", "%2F", "/").Replace(url.QueryEscape(key))
}
