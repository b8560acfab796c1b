package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"strata/pipeline/objects"
)

// The tests of whole processes start this test binary again as strata itself. These variables say so, and what is to
// happen to it at its writes into the output.
const (
	asStrata = "STRATA_TEST_AS_STRATA"
	killAt   = "STRATA_TEST_KILL_AT" // at which step it kills itself: 2n before write n, 2n+1 after it
	holdAt   = "STRATA_TEST_HOLD_AT" // before writing a key with this text it says that it is there, and waits
	holdIn   = "STRATA_TEST_HOLD_IN" // the folder where it does so
)

func TestMain(m *testing.M) {
	if os.Getenv(asStrata) == "" {
		os.Exit(m.Run())
	}
	kill, err := strconv.Atoi(os.Getenv(killAt))
	if err != nil {
		kill = -1
	}
	openLocal = func(folder string) (objects.Bucket, error) {
		local, err := objects.NewLocal(folder)
		return &sabotaged{Local: local, kill: int64(kill)}, err
	}
	main()
}

// sabotaged is an output in which things happen at writes.
type sabotaged struct {
	*objects.Local
	kill  int64
	steps atomic.Int64
}

// step kills the process if this is the step for it.
func (s *sabotaged) step() {
	if s.steps.Add(1)-1 == s.kill {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // until it has come
	}
}

// hold waits at a key until the test lets the process go on, or ctx ends.
func (s *sabotaged) hold(ctx context.Context, key string) {
	text, folder := os.Getenv(holdAt), os.Getenv(holdIn)
	if text == "" || !strings.Contains(key, text) {
		return
	}
	if err := os.WriteFile(filepath.Join(folder, "ready-"+strconv.Itoa(os.Getpid())), nil, 0o600); err != nil {
		panic(err)
	}
	for ctx.Err() == nil {
		if _, err := os.Stat(filepath.Join(folder, "go")); err == nil {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func (s *sabotaged) Create(ctx context.Context, key string, body []byte) (objects.Info, error) {
	s.hold(ctx, key)
	s.step()
	defer s.step()
	return s.Local.Create(ctx, key, body)
}

func (s *sabotaged) Replace(ctx context.Context, key, version string, body []byte) (objects.Info, error) {
	s.hold(ctx, key)
	s.step()
	defer s.step()
	return s.Local.Replace(ctx, key, version, body)
}

func (s *sabotaged) Delete(ctx context.Context, key, version string) error {
	s.step()
	defer s.step()
	return s.Local.Delete(ctx, key, version)
}

func (s *sabotaged) Copy(ctx context.Context, from, to string) (objects.Info, error) {
	s.step()
	defer s.step()
	return s.Local.Copy(ctx, from, to)
}

// A program is strata as a process of its own.
type program struct {
	*exec.Cmd
	out, errs bytes.Buffer
}

// start starts strata at a site, with further variables of the environment.
func (s *site) start(env []string, args ...string) *program {
	s.t.Helper()
	p := &program{Cmd: exec.Command(os.Args[0], args...)}
	p.Dir, p.Stdout, p.Stderr = s.folder, &p.out, &p.errs
	p.Env = append(append(os.Environ(), asStrata+"=1"), env...)
	if err := p.Start(); err != nil {
		s.t.Fatal(err)
	}
	return p
}

// end waits for the process and returns its exit code, -1 when it was killed.
func (p *program) end() int {
	var exit *exec.ExitError
	if err := p.Wait(); err != nil && !errors.As(err, &exit) {
		return -2
	}
	return p.ProcessState.ExitCode()
}
