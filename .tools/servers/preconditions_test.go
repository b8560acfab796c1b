package servers

import (
	"errors"
	"net/http"
	"testing"

	"strata/pipeline/objects"
)

// The fake does not look at these conditions, so a handler in front of it refuses what carries them.
func TestPreconditionsReachGCS(t *testing.T) {
	refuse := ""
	middle := &tamper{before: func(r *http.Request) *http.Response {
		if refuse != "" && r.URL.Query().Get(refuse) != "" {
			return reply(r, http.StatusPreconditionFailed)
		}
		return nil
	}}
	b := tamperedGCS(t, middle)
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

// versitygw does not look at the condition of a copy, so a handler in front of it refuses what carries it; and deletes, whose
// version the driver compares before.
func TestPreconditionsReachS3(t *testing.T) {
	refuse := ""
	middle := &tamper{before: func(r *http.Request) *http.Response {
		if refuse != "" && r.Header.Get(refuse) != "" && (r.Method == http.MethodDelete || r.Header.Get("X-Amz-Copy-Source") != "") {
			return reply(r, http.StatusPreconditionFailed)
		}
		return nil
	}}
	b, _ := tamperedS3(t, middle)
	info, err := b.Create(t.Context(), "a", []byte("one"))
	if err != nil {
		t.Fatal(err)
	}
	refuse = "If-Match"
	if err := b.Delete(t.Context(), "a", info.Version); !errors.Is(err, objects.ErrChanged) {
		t.Errorf("Delete under a failing condition = %v; want ErrChanged", err)
	}
	refuse = "If-None-Match"
	if _, err := b.Copy(t.Context(), "a", "c"); !errors.Is(err, objects.ErrExists) {
		t.Errorf("Copy under a failing condition = %v; want ErrExists", err)
	}
}

// Stores of the protocol that do not know a condition say so, and are asked again without.
func TestS3WithoutConditionsOnCopyAndDelete(t *testing.T) {
	middle := &tamper{before: func(r *http.Request) *http.Response {
		if r.Method == http.MethodDelete && r.Header.Get("If-Match") != "" ||
			r.Header.Get("X-Amz-Copy-Source") != "" && r.Header.Get("If-None-Match") != "" {
			return reply(r, http.StatusNotImplemented)
		}
		return nil
	}}
	b, _ := tamperedS3(t, middle)
	info, err := b.Create(t.Context(), "a", []byte("one"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Copy(t.Context(), "a", "b"); err != nil {
		t.Errorf("Copy = %v", err)
	}
	if _, err := b.Copy(t.Context(), "a", "b"); !errors.Is(err, objects.ErrExists) {
		t.Errorf("Copy onto another = %v; want ErrExists", err)
	}
	if err := b.Delete(t.Context(), "a", "another version"); !errors.Is(err, objects.ErrChanged) {
		t.Errorf("Delete of another version = %v; want ErrChanged", err)
	}
	if err := b.Delete(t.Context(), "a", info.Version); err != nil {
		t.Errorf("Delete = %v", err)
	}
}
