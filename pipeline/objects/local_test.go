package objects_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"strata/pipeline/objects"
	"strata/pipeline/objects/objectstest"
)

func newLocal(t *testing.T, root string) *objects.Local {
	t.Helper()
	b, err := objects.NewLocal(root)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func mustCreate(t *testing.T, b objects.Bucket, key, body string) objects.Info {
	t.Helper()
	info, err := b.Create(t.Context(), key, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// keys lists everything below a prefix.
func keys(t *testing.T, b objects.Bucket, prefix string) string {
	t.Helper()
	var out []string
	for info, err := range objects.All(t.Context(), b, prefix) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, info.Key)
	}
	return strings.Join(out, " ")
}

func TestLocal(t *testing.T) {
	objectstest.Run(t, func(t *testing.T) objects.Bucket { return newLocal(t, t.TempDir()) })
}

// On network file systems a hidden file is locked in place of the folder.
func TestLocalThatLocksFiles(t *testing.T) {
	objectstest.Run(t, func(t *testing.T) objects.Bucket {
		b := newLocal(t, t.TempDir())
		b.LockFiles()
		return b
	})
}

func TestLocalShowsNoFileOfItsOwn(t *testing.T) {
	root := t.TempDir()
	b := newLocal(t, root)
	if err := os.WriteFile(filepath.Join(root, ".strata-123"), []byte("a crash left it"), 0o600); err != nil {
		t.Fatal(err)
	}
	info := mustCreate(t, b, "a", "one")
	if _, err := b.Replace(t.Context(), "a", info.Version, []byte("two")); err != nil {
		t.Fatal(err)
	}
	if got := keys(t, b, ""); got != "a" {
		t.Errorf("List = %s; want a alone", got)
	}
	if entries, err := os.ReadDir(root); err != nil || len(entries) != 2 {
		t.Errorf("the folder holds %v, %v; want a and what the crash left", entries, err)
	}
	if _, err := b.Create(t.Context(), ".strata-x", nil); err == nil {
		t.Error("an object may be called as the driver's own files are")
	}
}

func TestLocalNamesAnUnwritableFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	b := newLocal(t, filepath.Join(file, "below"))
	_, err := b.Create(t.Context(), "a", nil)
	if !errors.Is(err, objects.ErrRefused) || !strings.Contains(err.Error(), file+" is no folder") {
		t.Errorf("Create below a file = %v; want its path", err)
	}
}

func TestLocalFaultsNameThePathAndTheWayOut(t *testing.T) {
	at := func(err error) error { return &os.PathError{Op: "write", Path: "/out/.strata-1", Err: err} }
	for _, tc := range []struct {
		err  error
		want string
		is   error
	}{
		{at(syscall.ENOSPC), "write /out/a: the disk is full; make room there, or choose another place", syscall.ENOSPC},
		{at(syscall.EDQUOT), "the disk is full", syscall.EDQUOT},
		{at(syscall.EACCES), "write /out/a: the store refuses: permission denied; give this user access", objects.ErrRefused},
		{at(syscall.EROFS), "the file system is read-only", objects.ErrRefused},
		{at(syscall.EMFILE), "ulimit -n", nil},
		{at(syscall.ENOENT), "write /out/a: no such object", objects.ErrNotFound},
		{at(syscall.EIO), "write /out/a: write /out/.strata-1: input/output error", syscall.EIO},
	} {
		err := objects.Fault("write", "/out/a", tc.err)
		if !strings.Contains(err.Error(), tc.want) || tc.is != nil && !errors.Is(err, tc.is) {
			t.Errorf("%v reads %q; want %q", tc.err, err, tc.want)
		}
	}
}

// The kernel's clock of modification times stands still for some milliseconds, and inodes are given away again.
func TestLocalVersionsNeverRepeat(t *testing.T) {
	b := newLocal(t, t.TempDir())
	info := mustCreate(t, b, "a", "000")
	seen := map[string]int{info.Version: 0}
	for i := 1; i < 200; i++ {
		next, err := b.Replace(t.Context(), "a", info.Version, fmt.Appendf(nil, "%03d", i))
		if err != nil {
			t.Fatal(err)
		}
		if before, ok := seen[next.Version]; ok {
			t.Fatalf("contents %d and %d have one version, %s", before, i, next.Version)
		}
		seen[next.Version], info = i, next
	}
}

// A reader learns that a file was written over in place, as other programs do, while it read.
func TestLocalReadOfAFileWrittenOver(t *testing.T) {
	root := t.TempDir()
	b := newLocal(t, root)
	info := mustCreate(t, b, "a", strings.Repeat("old ", 100))
	body, err := b.Read(t.Context(), "a", info.Version, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if _, err := io.ReadFull(body, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "a"), []byte(strings.Repeat("new ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(body); !errors.Is(err, objects.ErrChanged) {
		t.Errorf("the rest of the body = %v; want ErrChanged", err)
	}
	if _, err := b.OpenFile(t.Context(), "a", info.Version); !errors.Is(err, objects.ErrChanged) {
		t.Errorf("OpenFile = %v; want ErrChanged", err)
	}
}

func TestLocalFoldersAreNoObjects(t *testing.T) {
	root := t.TempDir()
	b := newLocal(t, root)
	if err := os.MkdirAll(filepath.Join(root, "empty", "deeper"), 0o700); err != nil {
		t.Fatal(err)
	}
	mustCreate(t, b, "full/a", "one")
	for _, key := range []string{"empty", "full", "full/a/below"} {
		if _, err := b.Stat(t.Context(), key); !errors.Is(err, objects.ErrNotFound) {
			t.Errorf("Stat(%s) = %v", key, err)
		}
		if _, err := b.Read(t.Context(), key, "", 0, -1); !errors.Is(err, objects.ErrNotFound) {
			t.Errorf("Read(%s) = %v", key, err)
		}
		if err := b.Delete(t.Context(), key, ""); err != nil {
			t.Errorf("Delete(%s) = %v", key, err)
		}
		if _, err := b.Create(t.Context(), key, nil); !errors.Is(err, objects.ErrRefused) {
			t.Errorf("Create(%s) = %v; want ErrRefused", key, err)
		}
	}
	if page, err := b.List(t.Context(), objects.ListOptions{Delimiter: "/"}); err != nil || fmt.Sprint(page.Prefixes) != "[full/]" {
		t.Errorf("List = %v, %v; want full/ alone", page, err)
	}
	for _, prefix := range []string{"../", "a/../../", "/", "full//"} {
		if page, err := b.List(t.Context(), objects.ListOptions{Prefix: prefix}); err == nil {
			t.Errorf("List(%q) = %v; want an error", prefix, page)
		}
	}
}

func TestLocalDeleteRemovesEmptyFolders(t *testing.T) {
	root := t.TempDir()
	b := newLocal(t, root)
	mustCreate(t, b, "x/y/z/a", "one")
	mustCreate(t, b, "x/b", "two")
	old := filepath.Join(root, "x/y/.strata-old")
	if err := os.WriteFile(old, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	before := time.Now().Add(-objects.AbandonedAfter - time.Hour)
	if err := os.Chtimes(old, before, before); err != nil {
		t.Fatal(err)
	}
	if err := b.Delete(t.Context(), "x/y/z/a", ""); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "x/y")); !os.IsNotExist(err) {
		t.Errorf("x/y is still there: %v", err)
	}
	if err := b.Delete(t.Context(), "x/b", ""); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(root); err != nil || len(entries) != 0 {
		t.Errorf("the root holds %v, %v; want nothing", entries, err)
	}
}

// Writers and deleters of one folder take it away from each other, and nobody notices.
func TestLocalCreatesBesideDeletes(t *testing.T) {
	b := newLocal(t, t.TempDir())
	mustCreate(t, b, "from", "one")
	var wait, remover sync.WaitGroup
	done := make(chan struct{})
	remover.Go(func() { // as Delete does, but all the time
		for {
			select {
			case <-done:
				return
			default:
			}
			for _, folder := range []string{"x/y/z", "x/y", "x"} {
				_ = syscall.Rmdir(b.URL(folder))
			}
		}
	})
	for w := range 6 {
		wait.Go(func() {
			for i := range 40 {
				key := fmt.Sprintf("x/y/z/%d", w)
				var err error
				if i%2 == 0 {
					_, err = b.Create(t.Context(), key, []byte("one"))
				} else {
					_, err = b.Copy(t.Context(), "from", key)
				}
				if err = errors.Join(err, b.Delete(t.Context(), key, "")); err != nil {
					t.Errorf("writer %d, round %d: %v", w, i, err)
					return
				}
			}
		})
	}
	wait.Wait()
	close(done)
	remover.Wait()
	if got := keys(t, b, ""); got != "from" {
		t.Errorf("left are %s", got)
	}
}

func TestLocalFollowsLinks(t *testing.T) {
	root, other := t.TempDir(), t.TempDir()
	b := newLocal(t, root)
	mustCreate(t, newLocal(t, other), "deep/a", "one")
	mustCreate(t, b, "d/b", "two")
	for name, target := range map[string]string{"c": other, "d/file": filepath.Join(other, "deep/a"), "d/up": root, "d/here": "."} {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(root, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, want := keys(t, b, ""), "c/deep/a d/b d/file"; got != want {
		t.Errorf("List = %s; want %s", got, want)
	}
	if _, err := b.Read(t.Context(), "pipe", "", 0, -1); err == nil || !strings.Contains(err.Error(), "not a file") {
		t.Errorf("Read of a pipe = %v", err)
	}
	if err := os.Symlink("/nowhere/at/all", filepath.Join(root, "d/lost.parquet")); err != nil {
		t.Fatal(err)
	}
	_, err := b.List(t.Context(), objects.ListOptions{})
	if err == nil || !strings.Contains(err.Error(), "lost.parquet leads nowhere") {
		t.Errorf("List with a broken link = %v", err)
	}
}

// Who waits for the lock of a folder that is removed and made again gets the lock of the new one.
func TestLocalLockOfAFolderMadeAgain(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "x")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	b := newLocal(t, folder)
	var waiter sync.WaitGroup
	err := b.Locked(folder, func() error {
		waiter.Go(func() {
			err := b.Locked(folder, func() error {
				other, err := os.Open(folder)
				if err != nil {
					return err
				}
				defer other.Close()
				if err := syscall.Flock(int(other.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); !errors.Is(err, syscall.EWOULDBLOCK) {
					t.Errorf("somebody else gets the lock, too: %v", err)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
		time.Sleep(50 * time.Millisecond) // it waits now
		return errors.Join(os.Remove(folder), os.Mkdir(folder, 0o700))
	})
	waiter.Wait()
	if err != nil {
		t.Fatal(err)
	}
}
