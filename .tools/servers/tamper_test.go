package servers

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"cloud.google.com/go/storage"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/fsouza/fake-gcs-server/fakestorage"
	"google.golang.org/api/option"

	"strata/pipeline/objects"
	"strata/pipeline/objects/gcs"
	"strata/pipeline/objects/s3"
)

// A tamper stands between client and server.
type tamper struct {
	whole  func(*http.Request) (*http.Response, error)                 // does all
	before func(*http.Request) *http.Response                          // answers itself, or nil
	after  func(*http.Request, *http.Response) (*http.Response, error) // changes the answer
}

func (t *tamper) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.before != nil {
		if answer := t.before(r); answer != nil {
			return answer, nil
		}
	}
	if t.whole != nil {
		return t.whole(r)
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || t.after == nil {
		return answer, err
	}
	return t.after(r, answer)
}

func reply(r *http.Request, code int) *http.Response {
	return &http.Response{
		StatusCode: code, Status: http.StatusText(code), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"application/json"}},
		Body:   io.NopCloser(strings.NewReader(fmt.Sprintf(`{"error": {"code": %d}}`, code))),
	}
}

// tamperedGCS is a bucket of a fake GCS behind a tamper.
func tamperedGCS(t *testing.T, middle *tamper) objects.Bucket {
	t.Helper()
	fake, err := fakestorage.NewServerWithOptions(fakestorage.Options{Scheme: "http", Host: "127.0.0.1", Port: 0})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Stop)
	fake.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: "b"})
	client, err := storage.NewClient(context.Background(), option.WithHTTPClient(&http.Client{Transport: middle}),
		option.WithEndpoint(fake.URL()+"/storage/v1/"), storage.WithJSONReads())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return gcs.New(client, "b")
}

// tamperedS3 is a bucket of versitygw behind a tamper, and the same without.
func tamperedS3(t *testing.T, middle *tamper) (tampered, plain objects.Bucket) {
	t.Helper()
	server := Versity(t)
	plain = server.Open(t, "bucket")
	endpoint, _ := strings.CutPrefix(server.Env[0], "AWS_ENDPOINT_URL_S3=")
	return s3.New(awss3.New(awss3.Options{
		BaseEndpoint: &endpoint, UsePathStyle: true, Region: "us-east-1", Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider("strata", "strata-secret", ""), HTTPClient: &http.Client{Transport: middle},
	}), "bucket"), plain
}

// stores are both, for what must hold for both.
var stores = map[string]func(*testing.T, *tamper) objects.Bucket{
	"gcs": tamperedGCS,
	"s3": func(t *testing.T, middle *tamper) objects.Bucket {
		b, _ := tamperedS3(t, middle)
		return b
	},
}
