package objects_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"strata/pipeline/objects"
)

// TestMain also plays the other processes of the tests below.
func TestMain(m *testing.M) {
	switch root := os.Getenv("STRATA_TEST_ROOT"); os.Getenv("STRATA_TEST_ROLE") {
	case "count":
		os.Exit(count(root, 50))
	case "create":
		os.Exit(createAll(root, 50))
	case "hold":
		b, _ := objects.NewLocal(root)
		b.Locked(root, func() error {
			os.WriteFile(filepath.Join(root, "held"), nil, 0o600)
			select {}
		})
	}
	os.Exit(m.Run())
}

func process(t *testing.T, role, root string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "STRATA_TEST_ROLE="+role, "STRATA_TEST_ROOT="+root)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// count adds one to the number in an object, n times, and returns its exit code.
func count(root string, n int) int {
	b, err := objects.NewLocal(root)
	for done := 0; done < n && err == nil; {
		var data []byte
		var info objects.Info
		if data, info, err = objects.ReadAll(ctx, b, "number", ""); err != nil {
			break
		}
		number, _ := strconv.Atoi(string(data))
		_, err = b.Replace(ctx, "number", info.Version, strconv.AppendInt(nil, int64(number+1), 10))
		switch {
		case err == nil:
			done++
		case errors.Is(err, objects.ErrChanged):
			err = nil
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// createAll creates n objects where nobody else did, and returns how many it won.
func createAll(root string, n int) (won int) {
	b, err := objects.NewLocal(root)
	for i := 0; i < n && err == nil; i++ {
		_, err = b.Create(ctx, fmt.Sprintf("x/%d", i), strconv.AppendInt(nil, int64(os.Getpid()), 10))
		switch {
		case err == nil:
			won++
		case errors.Is(err, objects.ErrExists):
			err = nil
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 200
	}
	return won
}

// Of the processes that create one object, one wins.
func TestLocalProcessesCreateOnce(t *testing.T) {
	root := t.TempDir()
	var running []*exec.Cmd
	for range 4 {
		running = append(running, process(t, "create", root))
	}
	won := map[string]int{}
	total := 0
	for _, p := range running {
		_ = p.Wait() // its exit code is an answer
		won[strconv.Itoa(p.Process.Pid)] = p.ProcessState.ExitCode()
		total += p.ProcessState.ExitCode()
	}
	if total != 50 {
		t.Errorf("the processes say that they made %v of 50 objects", won)
	}
	b := newLocal(t, root)
	for info, err := range objects.All(t.Context(), b, "") {
		if err != nil {
			t.Fatal(err)
		}
		data, _, err := objects.ReadAll(t.Context(), b, info.Key, "")
		if err != nil {
			t.Fatal(err)
		}
		won[string(data)]--
	}
	for pid, n := range won {
		if n != 0 {
			t.Errorf("process %s says that it made %d objects more than there are", pid, n)
		}
	}
}

// Processes that replace one object lose no update.
func TestLocalProcessesExcludeEachOther(t *testing.T) {
	root := t.TempDir()
	b := newLocal(t, root)
	mustCreate(t, b, "number", "0")
	var running []*exec.Cmd
	for range 4 {
		running = append(running, process(t, "count", root))
	}
	for _, p := range running {
		if err := p.Wait(); err != nil {
			t.Error(err)
		}
	}
	if data, _, err := objects.ReadAll(t.Context(), b, "number", ""); err != nil || string(data) != "200" {
		t.Errorf("4 processes counted to %s, %v; want 200", data, err)
	}
}

// A process that is killed gives its lock back; one that only waits for it can be interrupted.
func TestLocalLockEndsWithItsProcess(t *testing.T) {
	root := t.TempDir()
	b := newLocal(t, root)
	info := mustCreate(t, b, "a", "one")
	holder := process(t, "hold", root)
	for {
		if _, err := os.Stat(filepath.Join(root, "held")); err == nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	waiting, stop := timeout(t, 50*time.Millisecond)
	defer stop()
	if _, err := b.Replace(waiting, "a", info.Version, []byte("two")); !errors.Is(err, waiting.Err()) || err == nil {
		t.Errorf("Replace under a foreign lock = %v; want the end of its context", err)
	}
	holder.Process.Kill()
	holder.Wait()
	if _, err := b.Replace(t.Context(), "a", info.Version, []byte("two")); err != nil {
		t.Errorf("Replace after a kill = %v", err)
	}
}
