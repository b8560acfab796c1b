package objects_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"strata/pipeline/objects"
	"strata/pipeline/objects/objectstest"
)

var errPassing = errors.New("503")

func passing(err error) bool { return errors.Is(err, errPassing) }

// retried is a bucket in memory behind faults, and the same with retries.
func retried(patience time.Duration) (*objectstest.Faulty, objects.Bucket) {
	f := &objectstest.Faulty{Bucket: objects.NewMemory()}
	return f, objects.Impatient(f, passing, patience)
}

func failUpTo(n int) func(objectstest.Step) error {
	return func(s objectstest.Step) error {
		if s.N <= n {
			return errPassing
		}
		return nil
	}
}

func TestRetryingPassesTheSuite(t *testing.T) {
	objectstest.Run(t, func(*testing.T) objects.Bucket {
		_, b := retried(time.Minute)
		return b
	})
}

func TestTransientErrorsAreRetried(t *testing.T) {
	f, b := retried(time.Minute)
	f.Before = failUpTo(objects.Attempts - 1)
	if _, err := b.Create(t.Context(), "a", []byte("one")); err != nil {
		t.Errorf("Create answered at the last attempt: %v", err)
	}
	f.Before = failUpTo(1000)
	_, err := b.Create(t.Context(), "b", []byte("one"))
	if !errors.Is(err, errPassing) || !strings.Contains(err.Error(), "(tried 9 times)") {
		t.Errorf("Create that is never answered: %v", err)
	}
	f.Before = func(objectstest.Step) error { return errors.New("400") }
	before := len(f.Steps())
	if _, err := b.Create(t.Context(), "b", []byte("one")); err == nil || len(f.Steps()) != before+1 {
		t.Errorf("a request that is wrong was made %d times: %v", len(f.Steps())-before, err)
	}
}

// A write that came through while its answer was lost has succeeded once (C141 for one object).
func TestC141_LostAnswers(t *testing.T) {
	f, b := retried(time.Minute)
	lose := func(what string, write func() error) {
		t.Helper()
		n := len(f.Steps()) + 1
		f.After = objectstest.FailAt(n, errPassing)
		if err := write(); err != nil {
			t.Errorf("%s whose answer was lost: %v", what, err)
		}
	}
	var first, second, made objects.Info
	lose("Create", func() (err error) { first, err = b.Create(t.Context(), "a", []byte("one")); return err })
	lose("Replace", func() (err error) {
		second, err = b.Replace(t.Context(), "a", first.Version, []byte("two"))
		return err
	})
	lose("Copy", func() (err error) { made, err = b.Copy(t.Context(), "a", "b"); return err })
	lose("Delete", func() error { return b.Delete(t.Context(), "b", made.Version) })
	if data, info, err := objects.ReadAll(t.Context(), b, "a", second.Version); err != nil || string(data) != "two" || info.Key != "a" {
		t.Errorf("a holds %q, %v, %v", data, info, err)
	}
}

// A write that did not come through, and whose name another writer took meanwhile, has lost.
func TestC141_LostRequestsOfLosers(t *testing.T) {
	f, b := retried(time.Minute)
	first := mustCreate(t, b, "a", "one")
	other := func(write func() error) func(objectstest.Step) error {
		n := len(f.Steps()) + 1
		return func(s objectstest.Step) error {
			if s.N != n {
				return nil
			}
			return errors.Join(errPassing, write())
		}
	}
	f.Before = other(func() error { _, err := f.Bucket.Create(ctx, "b", []byte("theirs")); return err })
	if _, err := b.Create(t.Context(), "b", []byte("ours!!")); !errors.Is(err, objects.ErrExists) {
		t.Errorf("Create = %v; want ErrExists", err)
	}
	f.Before = other(func() error { _, err := f.Bucket.Replace(ctx, "a", first.Version, []byte("theirs")); return err })
	if _, err := b.Replace(t.Context(), "a", first.Version, []byte("ours!!")); !errors.Is(err, objects.ErrChanged) {
		t.Errorf("Replace = %v; want ErrChanged", err)
	}
	f.Before = other(func() error { _, err := f.Bucket.Create(ctx, "c", []byte("other!")); return err })
	if _, err := b.Copy(t.Context(), "a", "c"); !errors.Is(err, objects.ErrExists) {
		t.Errorf("Copy = %v; want ErrExists", err)
	}
}

// flaky breaks bodies off, or never answers.
type flaky struct {
	objects.Bucket
	breaks atomic.Int32 // bodies that break off after some bytes
	hangs  atomic.Int32 // requests and bodies that stand still until their context ends
	reads  []string
}

func (f *flaky) Stat(ctx context.Context, key string) (objects.Info, error) {
	if f.hangs.Add(-1) >= 0 {
		<-ctx.Done()
		return objects.Info{}, ctx.Err()
	}
	return f.Bucket.Stat(ctx, key)
}

func (f *flaky) Read(ctx context.Context, key, version string, offset, length int64) (io.ReadCloser, error) {
	f.reads = append(f.reads, fmt.Sprintf("%d+%d", offset, length))
	body, err := f.Bucket.Read(ctx, key, version, offset, length)
	end := io.Reader(nil)
	switch {
	case err != nil:
	case f.breaks.Add(-1) >= 0:
		end = endless{func() error { return errPassing }}
	case f.hangs.Add(-1) >= 0:
		end = endless{func() error { <-ctx.Done(); return ctx.Err() }}
	}
	if end == nil {
		return body, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(io.LimitReader(body, 1000), end), body}, nil
}

type endless struct{ end func() error }

func (e endless) Read([]byte) (int, error) { return 0, e.end() }

func newFlaky(t *testing.T, size int) (*flaky, objects.Bucket, string) {
	f := &flaky{Bucket: objects.NewMemory()}
	b := objects.Impatient(f, passing, 50*time.Millisecond)
	body := strings.Repeat("0123456789", size/10)
	mustCreate(t, b, "a", body)
	return f, b, body
}

func TestBrokenReadsGoOn(t *testing.T) {
	f, b, body := newFlaky(t, 20_000)
	f.breaks.Store(15) // more than there are attempts, but each brings bytes
	data, _, err := objects.ReadAll(t.Context(), b, "a", "")
	if err != nil || string(data) != body || f.breaks.Load() >= 0 {
		t.Errorf("read %d of %d bytes, %v, after %v", len(data), len(body), err, f.reads)
	}
	f.breaks.Store(2)
	f.reads = nil
	part, err := b.Read(t.Context(), "a", "", 100, 2500)
	if err != nil {
		t.Fatal(err)
	}
	defer part.Close()
	if data, err = io.ReadAll(part); err != nil || string(data) != body[100:2600] {
		t.Errorf("read %d bytes, %v", len(data), err)
	}
	if got, want := fmt.Sprint(f.reads), "[100+2500 1100+1500 2100+500]"; got != want {
		t.Errorf("ranges %s; want %s", got, want)
	}
}

// A read that goes on after a break finds that the object was replaced meanwhile.
func TestBrokenReadOfAReplacedObject(t *testing.T) {
	f, b, _ := newFlaky(t, 20_000)
	f.breaks.Store(1)
	info, err := b.Stat(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	body, err := b.Read(t.Context(), "a", info.Version, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Replace(t.Context(), "a", info.Version, []byte("other")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(body); !errors.Is(err, objects.ErrChanged) {
		t.Errorf("the rest = %v; want ErrChanged", err)
	}
	if err := body.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
}

func TestRequestsThatStandStillAreMadeAgain(t *testing.T) {
	f, b, body := newFlaky(t, 20_000)
	f.hangs.Store(2)
	if _, err := b.Stat(t.Context(), "a"); err != nil {
		t.Errorf("Stat: %v", err)
	}
	info, err := b.Stat(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	f.hangs.Store(2)
	part, err := b.Read(t.Context(), "a", info.Version, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer part.Close()
	if data, err := io.ReadAll(part); err != nil || string(data) != body || f.hangs.Load() >= 0 {
		t.Errorf("read %d of %d bytes, %v", len(data), len(body), err)
	}
	f.hangs.Store(1000)
	_, err = b.Stat(t.Context(), "a")
	if err == nil || !strings.Contains(err.Error(), "the store does not answer") {
		t.Errorf("Stat that never answers: %v", err)
	}
}

// A caller's patience is shorter than ours, and its reason is the error.
func TestRetriesEndWithTheirContext(t *testing.T) {
	f, b := retried(time.Minute)
	reason := errors.New("interrupted")
	ended, cancel := context.WithCancelCause(t.Context())
	f.Before = func(s objectstest.Step) error {
		if s.N == 3 {
			cancel(reason)
		}
		return errPassing
	}
	if _, err := b.Create(ended, "a", nil); !errors.Is(err, reason) || len(f.Steps()) != 3 {
		t.Errorf("Create = %v after %d attempts; want %v after 3", err, len(f.Steps()), reason)
	}
}

func TestTransientNetwork(t *testing.T) {
	request := func(err error) error { return &url.Error{Op: "Get", URL: "http://x", Err: err} }
	for _, tc := range []struct {
		err  error
		want bool
	}{
		{io.ErrUnexpectedEOF, true},
		{request(io.EOF), true},
		{io.EOF, false},
		{request(&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}), true},
		{request(syscall.ECONNRESET), true},
		{request(errors.New("http2: server sent GOAWAY and closed the connection; LastStreamID=1")), true},
		{request(errors.New("http: server closed idle connection")), true},
		{request(errors.New("unsupported protocol scheme")), false},
		{request(context.Canceled), false},
		{context.DeadlineExceeded, false},
	} {
		if got := objects.TransientNetwork(fmt.Errorf("read: %w", tc.err)); got != tc.want {
			t.Errorf("%v passes: %t; want %t", tc.err, got, tc.want)
		}
	}
	for code, want := range map[int]bool{200: false, 400: false, 404: false, 408: true, 412: false, 429: true, 500: true, 501: false, 503: true} {
		if objects.TransientStatus(code) != want {
			t.Errorf("status %d passes: %t", code, !want)
		}
	}
}
