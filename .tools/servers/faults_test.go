package servers

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"strata/pipeline/objects"
)

// forBoth runs a test against GCS and S3, each behind a tamper.
func forBoth(t *testing.T, test func(t *testing.T, open func(*tamper) objects.Bucket)) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // pauses before retries are real
			test(t, func(middle *tamper) objects.Bucket { return open(t, middle) })
		})
	}
}

func isUpload(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/upload/") || r.Method == http.MethodPut
}

func isDownload(r *http.Request) bool {
	return r.Method == http.MethodGet && (r.URL.Query().Get("alt") == "media" || r.URL.Query().Get("x-id") == "GetObject")
}

func mustCreate(t *testing.T, b objects.Bucket, key, body string) objects.Info {
	t.Helper()
	info, err := b.Create(t.Context(), key, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func TestTransientAnswersAreRetried(t *testing.T) {
	forBoth(t, func(t *testing.T, open func(*tamper) objects.Bucket) {
		var failures atomic.Int32
		code := http.StatusServiceUnavailable
		b := open(&tamper{before: func(r *http.Request) *http.Response {
			if failures.Add(-1) >= 0 {
				return reply(r, code)
			}
			return nil
		}})
		for _, code = range []int{500, 502, 503, 429, 408} {
			failures.Store(2)
			info, err := b.Create(t.Context(), "a", []byte("one"))
			if err != nil {
				t.Fatalf("Create after two %d: %v", code, err)
			}
			failures.Store(1)
			if _, _, err := objects.ReadAll(t.Context(), b, "a", ""); err != nil {
				t.Errorf("read after a %d: %v", code, err)
			}
			failures.Store(1)
			if _, err := b.List(t.Context(), objects.ListOptions{}); err != nil {
				t.Errorf("List after a %d: %v", code, err)
			}
			failures.Store(1)
			if err := b.Delete(t.Context(), "a", info.Version); err != nil {
				t.Errorf("Delete after a %d: %v", code, err)
			}
		}
	})
}

// What will not pass is not tried again, and says what to do.
func TestRefusalsAreNotRetried(t *testing.T) {
	forBoth(t, func(t *testing.T, open func(*tamper) objects.Bucket) {
		var requests atomic.Int32
		b := open(&tamper{before: func(r *http.Request) *http.Response {
			requests.Add(1)
			return reply(r, http.StatusForbidden)
		}})
		_, err := b.Create(t.Context(), "a", []byte("one"))
		if !errors.Is(err, objects.ErrRefused) || !strings.Contains(err.Error(), b.URL("a")) || requests.Load() != 1 {
			t.Errorf("Create = %v after %d requests; want ErrRefused after 1", err, requests.Load())
		}
	})
}

// An upload that the store took, and whose answer was lost, is one upload (C141 for one object).
func TestC141_LostAnswerOfAnUpload(t *testing.T) {
	forBoth(t, func(t *testing.T, open func(*tamper) objects.Bucket) {
		var lose atomic.Bool
		cut := false
		b := open(&tamper{after: func(r *http.Request, answer *http.Response) (*http.Response, error) {
			if !isUpload(r) || !lose.CompareAndSwap(true, false) {
				return answer, nil
			}
			answer.Body.Close()
			if cut {
				return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
			}
			return reply(r, http.StatusBadGateway), nil
		}})
		for _, cut = range []bool{false, true} {
			lose.Store(true)
			first, err := b.Create(t.Context(), "a", []byte("ours"))
			if err != nil {
				t.Fatalf("Create whose answer was lost: %v", err)
			}
			lose.Store(true)
			second, err := b.Replace(t.Context(), "a", first.Version, []byte("ours again"))
			if err != nil {
				t.Fatalf("Replace whose answer was lost: %v", err)
			}
			if _, err := b.Create(t.Context(), "a", []byte("theirs")); !errors.Is(err, objects.ErrExists) {
				t.Errorf("another Create = %v; want ErrExists", err)
			}
			lose.Store(true)
			if _, err := b.Create(t.Context(), "a", []byte("theirs")); !errors.Is(err, objects.ErrExists) {
				t.Errorf("another Create whose answer was lost = %v; want ErrExists", err)
			}
			lose.Store(false)
			if err := b.Delete(t.Context(), "a", second.Version); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// A body that breaks off is read on from where it broke.
func TestBrokenReadGoesOn(t *testing.T) {
	forBoth(t, func(t *testing.T, open func(*tamper) objects.Bucket) {
		var broken atomic.Int32
		b := open(&tamper{after: func(r *http.Request, answer *http.Response) (*http.Response, error) {
			if isDownload(r) && broken.Add(-1) >= 0 {
				answer.Body = struct {
					io.Reader
					io.Closer
				}{io.MultiReader(io.LimitReader(answer.Body, 1000), brokenReader{}), answer.Body}
			}
			return answer, nil
		}})
		body := strings.Repeat("0123456789", 1000)
		mustCreate(t, b, "a", body)
		broken.Store(3)
		data, _, err := objects.ReadAll(t.Context(), b, "a", "")
		if err != nil || string(data) != body {
			t.Errorf("read %d of %d bytes, %v", len(data), len(body), err)
		}
		if broken.Load() >= 0 {
			t.Error("no read was broken")
		}
	})
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// Bytes that change on the way are told: up, by the store; down, by us.
func TestDamageOnTheWay(t *testing.T) {
	forBoth(t, func(t *testing.T, open func(*tamper) objects.Bucket) {
		var up, down atomic.Bool
		b := open(&tamper{
			before: func(r *http.Request) *http.Response {
				if isUpload(r) && up.Load() {
					data, _ := io.ReadAll(r.Body)
					r.Body = io.NopCloser(bytes.NewReader(bytes.Replace(data, []byte("whole"), []byte("whale"), 1)))
				}
				return nil
			},
			after: func(r *http.Request, answer *http.Response) (*http.Response, error) {
				if isDownload(r) && down.Load() {
					data, _ := io.ReadAll(answer.Body)
					answer.Body = io.NopCloser(bytes.NewReader(bytes.Replace(data, []byte("whole"), []byte("whale"), 1)))
				}
				return answer, nil
			},
		})
		up.Store(true)
		if _, err := b.Create(t.Context(), "a", []byte("a whole object")); err == nil {
			t.Error("the store took damaged bytes")
		}
		up.Store(false)
		mustCreate(t, b, "a", "a whole object")
		down.Store(true)
		if data, _, err := objects.ReadAll(t.Context(), b, "a", ""); err == nil {
			t.Errorf("read %q for a whole object", data)
		}
	})
}

// A cancelled upload leaves nothing under its name, also not later (C134 for one object).
func TestC134_CancelledUploadLeavesNothing(t *testing.T) {
	forBoth(t, func(t *testing.T, open func(*tamper) objects.Bucket) {
		ctx, cancel := context.WithCancel(t.Context())
		b := open(&tamper{before: func(r *http.Request) *http.Response {
			if isUpload(r) && ctx.Err() == nil {
				r.Body = struct {
					io.Reader
					io.Closer
				}{io.MultiReader(io.LimitReader(r.Body, 500_000), cancelling{r.Context(), cancel}), r.Body}
			}
			return nil
		}})
		if _, err := b.Create(ctx, "a", make([]byte, 1<<20)); !errors.Is(err, context.Canceled) {
			t.Errorf("a cancelled Create = %v", err)
		}
		if _, err := b.Stat(t.Context(), "a"); !errors.Is(err, objects.ErrNotFound) {
			t.Errorf("Stat = %v; want ErrNotFound", err)
		}
	})
}

// cancelling is the middle of a body, where the upload is cancelled.
type cancelling struct {
	ctx    context.Context
	cancel func()
}

func (c cancelling) Read([]byte) (int, error) {
	c.cancel()
	<-c.ctx.Done()
	return 0, c.ctx.Err()
}

// An upload that is cut off in the middle leaves no part under its name, and is made again as a whole (C135 for one object).
func TestC135_CutUploadLeavesNoPart(t *testing.T) {
	forBoth(t, func(t *testing.T, open func(*tamper) objects.Bucket) {
		var cuts atomic.Int32
		b := open(&tamper{before: func(r *http.Request) *http.Response {
			if isUpload(r) && cuts.Add(-1) >= 0 {
				r.Body = struct {
					io.Reader
					io.Closer
				}{io.MultiReader(io.LimitReader(r.Body, 500_000), brokenReader{}), r.Body}
			}
			return nil
		}})
		body := strings.Repeat("0123456789abcdef", 1<<16)
		cuts.Store(2)
		mustCreate(t, b, "a", body)
		if data, info, err := objects.ReadAll(t.Context(), b, "a", ""); err != nil || string(data) != body || cuts.Load() >= 0 {
			t.Errorf("read %d bytes of %v, %v", len(data), info, err)
		}
		cuts.Store(1000)
		if _, err := b.Create(t.Context(), "b", []byte(body)); err == nil {
			t.Error("an upload that is always cut off succeeded")
		}
		if _, err := b.Stat(t.Context(), "b"); !errors.Is(err, objects.ErrNotFound) {
			t.Errorf("Stat = %v; want ErrNotFound", err)
		}
	})
}
