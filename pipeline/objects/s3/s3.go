// Package s3 is the driver of S3 and of the stores that speak its protocol.
package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"strata/pipeline/objects"
)

// Open opens a bucket with the credentials, region and endpoint of the environment (the usual AWS_... variables, the shared
// files, or the machine's role). Where an endpoint is set, buckets are parts of the path.
func Open(ctx context.Context, bucket string) (objects.Bucket, error) {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }))
	if err != nil {
		return nil, fmt.Errorf("open s3://%s: %w", bucket, err)
	}
	if cfg.Region == "" {
		cfg.Region = "us-east-1"
	}
	client := s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.UsePathStyle = os.Getenv("AWS_ENDPOINT_URL") != "" || os.Getenv("AWS_ENDPOINT_URL_S3") != ""
	})
	return New(client, bucket), nil
}

// New makes a bucket of a client that does not retry by itself: only who repeats a request knows that an answer was lost.
func New(client *s3.Client, bucket string) objects.Bucket {
	return objects.Retrying(&driver{name: bucket, client: client}, transient)
}

// A driver makes each request once. The version of an object is its ETag.
type driver struct {
	name   string
	client *s3.Client
}

func (d *driver) URL(key string) string { return "s3://" + d.name + "/" + key }

func transient(err error) bool {
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() == "ConditionalRequestConflict" {
		return true // another write of the name is under way
	}
	if code := status(err); code != 0 {
		return objects.TransientStatus(code)
	}
	return objects.TransientNetwork(err)
}

func status(err error) int {
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) {
		return response.HTTPStatusCode()
	}
	return 0
}

// fault words an error; precondition is what a failed condition means to the caller.
func (d *driver) fault(act, key string, err, precondition error) error {
	switch status(err) {
	case http.StatusNotFound:
		return fmt.Errorf("%s %s: %w", act, d.URL(key), objects.ErrNotFound)
	case http.StatusPreconditionFailed:
		return fmt.Errorf("%s %s: %w", act, d.URL(key), precondition)
	case http.StatusForbidden, http.StatusUnauthorized:
		return fmt.Errorf("%s %s: %w: %w; grant this account access to the bucket", act, d.URL(key), objects.ErrRefused, err)
	}
	return fmt.Errorf("%s %s: %w", act, d.URL(key), err)
}

// Stat describes the object.
func (d *driver) Stat(ctx context.Context, key string) (objects.Info, error) {
	if err := objects.CheckKey(key); err != nil {
		return objects.Info{}, err
	}
	head, err := d.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &d.name, Key: &key})
	if err != nil {
		return objects.Info{}, d.fault("look at", key, err, objects.ErrChanged)
	}
	return objects.Info{
		Key: key, Size: aws.ToInt64(head.ContentLength), Version: aws.ToString(head.ETag), Modified: aws.ToTime(head.LastModified),
	}, nil
}

// Read reads a range on the condition that the object is in its version.
func (d *driver) Read(ctx context.Context, key, version string, offset, length int64) (io.ReadCloser, error) {
	if err := objects.CheckKey(key); err != nil {
		return nil, err
	}
	if length == 0 {
		return io.NopCloser(bytes.NewReader(nil)), nil
	}
	in := &s3.GetObjectInput{Bucket: &d.name, Key: &key, Range: byteRange(offset, length)}
	if version != "" {
		in.IfMatch = &version
	}
	out, err := d.client.GetObject(ctx, in)
	if status(err) == http.StatusRequestedRangeNotSatisfiable {
		return io.NopCloser(bytes.NewReader(nil)), nil // past the end there is nothing
	}
	if err != nil {
		return nil, d.fault("read", key, err, objects.ErrChanged)
	}
	return out.Body, nil
}

func byteRange(offset, length int64) *string {
	switch {
	case length < 0 && offset == 0:
		return nil
	case length < 0:
		return aws.String(fmt.Sprintf("bytes=%d-", offset))
	}
	return aws.String(fmt.Sprintf("bytes=%d-%d", offset, offset+length-1))
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

func (d *driver) put(ctx context.Context, in *s3.PutObjectInput, body []byte) (objects.Info, error) {
	if err := objects.CheckKey(*in.Key); err != nil {
		return objects.Info{}, err
	}
	in.Bucket, in.Body, in.ContentLength = &d.name, bytes.NewReader(body), aws.Int64(int64(len(body)))
	if _, err := d.client.PutObject(ctx, in); err != nil {
		return objects.Info{}, err
	}
	return d.Stat(ctx, *in.Key) // for the store's clock
}

// Delete removes the object. Not every store of this protocol takes a condition here, so the version is compared before.
func (d *driver) Delete(ctx context.Context, key, version string) error {
	if err := objects.CheckKey(key); err != nil {
		return err
	}
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
	}
	_, err := d.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &d.name, Key: &key})
	if err == nil || status(err) == http.StatusNotFound {
		return nil
	}
	return d.fault("delete", key, err, objects.ErrChanged)
}

// Copy has the store copy an object. Stores that do not know the condition on the target are helped by looking before; only
// uniquely named copies are ever made, so nobody else writes the name in between.
func (d *driver) Copy(ctx context.Context, from, to string) (objects.Info, error) {
	if _, err := d.Stat(ctx, to); err == nil {
		return objects.Info{}, fmt.Errorf("copy %s to %s: %w", d.URL(from), d.URL(to), objects.ErrExists)
	} else if !errors.Is(err, objects.ErrNotFound) {
		return objects.Info{}, err
	}
	source := d.name + "/" + escape(from)
	_, err := d.client.CopyObject(ctx, &s3.CopyObjectInput{Bucket: &d.name, Key: &to, CopySource: &source, IfNoneMatch: aws.String("*")})
	if err != nil {
		return objects.Info{}, d.fault("copy "+d.URL(from)+" to", to, err, objects.ErrExists)
	}
	return d.Stat(ctx, to)
}

// escape writes a key as CopyObject reads it: percent-encoded but for the slashes.
func escape(key string) string {
	return strings.NewReplacer("+", "%20", "%2F", "/").Replace(url.QueryEscape(key))
}

// List lists a page.
func (d *driver) List(ctx context.Context, opts objects.ListOptions) (objects.Page, error) {
	in := &s3.ListObjectsV2Input{Bucket: &d.name, Prefix: &opts.Prefix}
	if opts.Delimiter != "" {
		in.Delimiter = &opts.Delimiter
	}
	if opts.Token != "" {
		in.ContinuationToken = &opts.Token
	}
	if opts.Limit > 0 {
		in.MaxKeys = aws.Int32(int32(min(opts.Limit, 1000)))
	}
	out, err := d.client.ListObjectsV2(ctx, in)
	if err != nil {
		return objects.Page{}, d.fault("list", opts.Prefix, err, objects.ErrChanged)
	}
	page := objects.Page{Next: aws.ToString(out.NextContinuationToken)}
	for _, o := range out.Contents {
		page.Objects = append(page.Objects, objects.Info{
			Key: aws.ToString(o.Key), Size: aws.ToInt64(o.Size), Version: aws.ToString(o.ETag), Modified: aws.ToTime(o.LastModified),
		})
	}
	for _, p := range out.CommonPrefixes {
		page.Prefixes = append(page.Prefixes, aws.ToString(p.Prefix))
	}
	return page, nil
}
