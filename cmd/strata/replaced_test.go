package main

import (
	"context"
	"io"
	"os"
	"strings"
	"testing"

	"strata/pipeline/objects"
)

// A meddled bucket has something happen to it right before one of its reads. It is read as a remote one is: piece by piece.
type meddled struct {
	objects.Bucket
	left   int // reads before it happens
	meddle func()
}

func (m *meddled) Read(ctx context.Context, key, version string, offset, length int64) (io.ReadCloser, error) {
	if m.left--; m.left == 0 {
		m.meddle()
	}
	return m.Bucket.Read(ctx, key, version, offset, length)
}

// A snapshot's file is replaced, cut or deleted between any two reads of it: the run stops, says which file, and leaves
// nothing; it never mixes what it has read with what is there now.
func TestBadInput_FileReplacedWhileWeRead(t *testing.T) {
	open := stores["file"]
	t.Cleanup(func() { stores["file"] = open })
	for what, meddle := range map[string]func(name string){
		"replaced": func(name string) {
			_ = os.Rename(name, name+".old")
			data, _ := os.ReadFile(name + ".old")
			_ = os.WriteFile(name, data, 0o600)
		},
		"cut":     func(name string) { _ = os.Truncate(name, 1000) },
		"deleted": func(name string) { _ = os.Remove(name) },
	} {
		stopped := 0
		for read := 1; read <= 4; read++ {
			s := newSite(t, smallConfig)
			name := s.path(snapshot(s, today, users(5000)))
			bucket := &meddled{left: read, meddle: func() { meddle(name) }}
			stores["file"] = func(ctx context.Context, folder string) (objects.Bucket, error) {
				var err error
				bucket.Bucket, err = open(ctx, folder)
				return bucket, err
			}
			code, _, errs := cli(t, s.folder, "run", "--date", today, "--quiet", "--workers", "1")
			if bucket.left > 0 && code == 0 {
				break // it was read with fewer reads
			}
			want := map[bool]string{false: "the object has changed", true: "no such object"}[what == "deleted"]
			if code != exitInput || !strings.Contains(errs, want) || !strings.Contains(errs, name) {
				t.Errorf("%s before read %d: exit %d: %s", what, read, code, errs)
			}
			s.leftNothing(today)
			stopped++
		}
		if stopped < 2 {
			t.Errorf("%s: only %d reads were met", what, stopped)
		}
	}
}
