package servers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"cloud.google.com/go/storage"
	"github.com/fsouza/fake-gcs-server/fakestorage"
	"google.golang.org/api/option"

	"strata/pipeline/objects"
	"strata/pipeline/objects/gcs"
)

// A tamper stands between client and server.
type tamper struct {
	http.RoundTripper
	before func(*http.Request) *http.Response                          // answers itself, or nil
	after  func(*http.Request, *http.Response) (*http.Response, error) // changes the answer
}

func (t *tamper) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.before != nil {
		if answer := t.before(r); answer != nil {
			return answer, nil
		}
	}
	answer, err := t.RoundTripper.RoundTrip(r)
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

// tampered is a bucket of a fake GCS behind a tamper.
func tampered(t *testing.T, middle *tamper) objects.Bucket {
	t.Helper()
	fake, err := fakestorage.NewServerWithOptions(fakestorage.Options{Scheme: "http", Host: "127.0.0.1", Port: uint16(freePort(t))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Stop)
	fake.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: "b"})
	middle.RoundTripper = http.DefaultTransport
	client, err := storage.NewClient(context.Background(), option.WithHTTPClient(&http.Client{Transport: middle}),
		option.WithEndpoint(fake.URL()+"/storage/v1/"), storage.WithJSONReads())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return gcs.New(client, "b")
}

// The fake does not look at these conditions, so a handler in front of it refuses what carries them.
func TestPreconditionsReachTheStore(t *testing.T) {
	refuse := ""
	middle := &tamper{before: func(r *http.Request) *http.Response {
		if refuse != "" && r.URL.Query().Get(refuse) != "" {
			return reply(r, http.StatusPreconditionFailed)
		}
		return nil
	}}
	b := tampered(t, middle)
	info, err := b.Create(t.Context(), "a", []byte("one"))
	if err != nil {
		t.Fatal(err)
	}
	refuse = "ifGenerationMatch"
	if err := b.Delete(t.Context(), "a", info.Version); !errors.Is(err, objects.ErrChanged) {
		t.Errorf("Delete under a failing condition = %v; want ErrChanged", err)
	}
	if _, err := b.Copy(t.Context(), "a", "c"); !errors.Is(err, objects.ErrExists) {
		t.Errorf("Copy under a failing condition = %v; want ErrExists", err)
	}
}

func TestTransientErrorsAreRetried(t *testing.T) {
	var failures atomic.Int32
	middle := &tamper{before: func(r *http.Request) *http.Response {
		if failures.Add(-1) >= 0 {
			return reply(r, http.StatusServiceUnavailable)
		}
		return nil
	}}
	b := tampered(t, middle)
	failures.Store(2)
	if _, err := b.Create(t.Context(), "a", []byte("one")); err != nil {
		t.Fatalf("Create after two 503: %v", err)
	}
	failures.Store(2)
	if _, _, err := objects.ReadAll(t.Context(), b, "a", ""); err != nil {
		t.Fatalf("read after two 503: %v", err)
	}
}

// An upload that the store took, and whose answer was lost, is one upload (C141 for one object).
func TestC141_LostAnswerOfAnUpload(t *testing.T) {
	var lose atomic.Bool
	middle := &tamper{after: func(r *http.Request, answer *http.Response) (*http.Response, error) {
		if r.Method == http.MethodPost && lose.CompareAndSwap(true, false) {
			answer.Body.Close()
			return reply(r, http.StatusBadGateway), nil
		}
		return answer, nil
	}}
	b := tampered(t, middle)
	lose.Store(true)
	first, err := b.Create(t.Context(), "a", []byte("ours"))
	if err != nil {
		t.Fatalf("Create whose answer was lost: %v", err)
	}
	lose.Store(true)
	if _, err := b.Replace(t.Context(), "a", first.Version, []byte("ours again")); err != nil {
		t.Fatalf("Replace whose answer was lost: %v", err)
	}
	if _, err := b.Create(t.Context(), "a", []byte("theirs")); !errors.Is(err, objects.ErrExists) {
		t.Errorf("another Create = %v; want ErrExists", err)
	}
}

// A body that breaks off is read on from where it broke.
func TestBrokenReadGoesOn(t *testing.T) {
	var broken atomic.Int32
	middle := &tamper{after: func(r *http.Request, answer *http.Response) (*http.Response, error) {
		if r.URL.Query().Get("alt") == "media" && broken.Add(-1) >= 0 {
			answer.Body = struct {
				io.Reader
				io.Closer
			}{io.MultiReader(io.LimitReader(answer.Body, 1000), brokenReader{}), answer.Body}
		}
		return answer, nil
	}}
	b := tampered(t, middle)
	body := strings.Repeat("0123456789", 1000)
	if _, err := b.Create(t.Context(), "a", []byte(body)); err != nil {
		t.Fatal(err)
	}
	broken.Store(3)
	data, _, err := objects.ReadAll(t.Context(), b, "a", "")
	if err != nil || string(data) != body {
		t.Errorf("read %d of %d bytes, %v", len(data), len(body), err)
	}
	if broken.Load() >= 0 {
		t.Error("no read was broken")
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// A cancelled upload leaves nothing under its name, also not later (C134 for one object).
func TestC134_CancelledUploadLeavesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	middle := &tamper{before: func(r *http.Request) *http.Response {
		if r.Method == http.MethodPost {
			cancel()
		}
		return nil
	}}
	b := tampered(t, middle)
	if _, err := b.Create(ctx, "a", make([]byte, 1<<20)); err == nil {
		t.Fatal("a cancelled Create succeeded")
	}
	if _, err := b.Stat(t.Context(), "a"); !errors.Is(err, objects.ErrNotFound) {
		t.Errorf("Stat = %v; want ErrNotFound", err)
	}
}
