package s3

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"strata/pipeline/objects"
)

// The suite runs against a server in the module of tools; here is what needs none.
func TestFaults(t *testing.T) {
	d := &driver{name: "lake"}
	answer := func(code int, name string) error {
		return &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: &http.Response{StatusCode: code}},
			Err:      &smithy.GenericAPIError{Code: name, Message: "said the store"},
		}
	}
	for _, tc := range []struct {
		err     error
		is      error
		says    string
		passing bool
	}{
		{answer(404, "NoSuchKey"), objects.ErrNotFound, "write s3://lake/a: no such object", false},
		{answer(404, "NoSuchBucket"), objects.ErrNotFound, "there is no bucket lake", false},
		{answer(412, "PreconditionFailed"), objects.ErrExists, "s3://lake/a", false},
		{answer(409, "ConditionalRequestConflict"), nil, "said the store", true},
		{answer(403, "AccessDenied"), objects.ErrRefused, "said the store; grant this account access", false},
		{answer(301, "PermanentRedirect"), objects.ErrRefused, "set AWS_REGION", false},
		{answer(400, "InvalidRequest"), nil, "said the store", false},
		{answer(400, "RequestTimeout"), nil, "said the store", true},
		{answer(200, "InternalError"), nil, "said the store", true},
		{answer(503, "SlowDown"), nil, "said the store", true},
		{io.ErrUnexpectedEOF, io.ErrUnexpectedEOF, "s3://lake/a", true},
	} {
		err := d.fault("write", "a", tc.err, objects.ErrExists)
		if !strings.Contains(err.Error(), tc.says) || tc.is != nil && !errors.Is(err, tc.is) {
			t.Errorf("%v reads %q; want %q", tc.err, err, tc.says)
		}
		if tc.is == nil && transient(err) != tc.passing || transient(tc.err) != tc.passing {
			t.Errorf("%v passes: %t", tc.err, !tc.passing)
		}
	}
}

func TestRangesAndNames(t *testing.T) {
	for _, tc := range []struct {
		offset, length int64
		want           string
	}{{0, -1, ""}, {7, -1, "bytes=7-"}, {0, 4, "bytes=0-3"}, {3, 1, "bytes=3-3"}, {5, 0, "bytes=5-5"}} {
		if got := aws.ToString(byteRange(tc.offset, tc.length)); got != tc.want {
			t.Errorf("byteRange(%d, %d) = %q; want %q", tc.offset, tc.length, got, tc.want)
		}
	}
	if got, want := escape("a b/c+d=é%"), "a%20b/c%2Bd%3D%C3%A9%25"; got != want {
		t.Errorf("escape = %q; want %q", got, want)
	}
	for text, want := range map[string]string{"": "", "4waSgw==": "e3069283", "4waSgw==-3": ""} {
		if got := checksum(text); got != want {
			t.Errorf("checksum(%q) = %q; want %q", text, got, want)
		}
	}
	if got := fmt.Sprint(objects.Checksum([]byte("123456789"))); got != "e3069283" {
		t.Errorf("the check value of CRC32C is %s", got)
	}
}
