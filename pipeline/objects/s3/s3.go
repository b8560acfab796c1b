// Package s3 is the driver of S3 and of the stores that speak its protocol.
package s3

import (
	"context"
	"fmt"
	"net/http"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"strata/pipeline/objects"
)

// connections is how many idle ones are kept: as many as requests that a run has under way at once.
const connections = 100

// Open opens a bucket with the credentials, region and endpoint of the environment (the usual AWS_... variables, the shared
// files, or the machine's role). Where an endpoint is set, buckets are parts of the path. Whether the bucket exists shows at
// the first use.
func Open(ctx context.Context, bucket string) (objects.Bucket, error) {
	client := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) { t.MaxIdleConnsPerHost = connections })
	cfg, err := config.LoadDefaultConfig(ctx, config.WithHTTPClient(client),
		config.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }))
	if err != nil {
		return nil, fmt.Errorf("open s3://%s: %w", bucket, err)
	}
	if cfg.Region == "" {
		cfg.Region = "us-east-1"
	}
	return New(s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.UsePathStyle = cfg.BaseEndpoint != nil || os.Getenv("AWS_ENDPOINT_URL") != "" || os.Getenv("AWS_ENDPOINT_URL_S3") != ""
		o.DisableLogOutputChecksumValidationSkipped = true // ranges have no checksum, which is no news
	}), bucket), nil
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

// List lists a page.
func (d *driver) List(ctx context.Context, opts objects.ListOptions) (objects.Page, error) {
	if err := objects.CheckPrefix(opts.Prefix); err != nil {
		return objects.Page{}, fmt.Errorf("list s3://%s: %w", d.name, err)
	}
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
