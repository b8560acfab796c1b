package gcs

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"

	"strata/pipeline/objects"
)

// The suite runs against servers in the module of tools; here is what needs none.
func TestFaults(t *testing.T) {
	d := &driver{name: "lake"}
	api := func(code int) error {
		return fmt.Errorf("call: %w", &googleapi.Error{Code: code, Message: "said the store"})
	}
	for _, tc := range []struct {
		err     error
		is      error
		says    string
		passing bool
	}{
		{storage.ErrObjectNotExist, objects.ErrNotFound, "write gs://lake/a: no such object", false},
		{storage.ErrBucketNotExist, objects.ErrNotFound, "there is no bucket lake", false},
		{api(http.StatusNotFound), objects.ErrNotFound, "gs://lake/a", false},
		{api(http.StatusPreconditionFailed), objects.ErrExists, "gs://lake/a", false},
		{api(http.StatusForbidden), objects.ErrRefused, "said the store; grant this account access", false},
		{api(http.StatusBadRequest), nil, "said the store", false},
		{api(http.StatusServiceUnavailable), nil, "said the store", true},
		{api(http.StatusTooManyRequests), nil, "said the store", true},
		{io.ErrUnexpectedEOF, io.ErrUnexpectedEOF, "gs://lake/a", true},
	} {
		err := d.fault("write", "a", tc.err, objects.ErrExists)
		if !strings.Contains(err.Error(), tc.says) || tc.is != nil && !errors.Is(err, tc.is) {
			t.Errorf("%v reads %q; want %q", tc.err, err, tc.says)
		}
		if transient(err) != tc.passing {
			t.Errorf("%v passes: %t", tc.err, !tc.passing)
		}
	}
}

func TestVersionsOfOtherStoresAreRefused(t *testing.T) {
	d := &driver{name: "lake"}
	if _, err := d.Replace(t.Context(), "a", `"etag"`, nil); err == nil || !strings.Contains(err.Error(), "is no generation") {
		t.Errorf("Replace = %v", err)
	}
}
