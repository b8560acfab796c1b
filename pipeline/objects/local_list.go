package objects

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// List returns a page of the files below a prefix, in byte order of their keys. It follows links; a link that leads nowhere
// is an error, since what it stood for would be missing unseen.
func (l *Local) List(ctx context.Context, opts ListOptions) (Page, error) {
	if err := CheckPrefix(opts.Prefix); err != nil {
		return Page{}, err
	}
	folder := ""
	if at := strings.LastIndexByte(opts.Prefix, '/'); at >= 0 {
		folder = opts.Prefix[:at]
	}
	w := &localWalk{root: l.root, opts: opts, limit: opts.Limit}
	if w.limit <= 0 {
		w.limit = 1000
	}
	if err := w.folder(ctx, folder); err != nil && !errors.Is(err, errPageFull) {
		return Page{}, fault("list", filepath.Join(l.root, folder), err)
	}
	return w.page, nil
}

// errPageFull ends a walk whose page is full.
var errPageFull = errors.New("page full")

// localWalk collects one page. Its token is the last key or prefix of the page before.
type localWalk struct {
	root  string
	opts  ListOptions
	limit int    // entries that still fit
	last  string // entry taken
	page  Page
}

func (w *localWalk) folder(ctx context.Context, folder string) error {
	keys, err := w.keys(ctx, folder)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if err := w.entry(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

// keys returns what lies in a folder, sorted; folders end in a slash, so that keys, not names, are in byte order.
func (w *localWalk) keys(ctx context.Context, folder string) ([]string, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	path := filepath.Join(w.root, folder)
	entries, err := os.ReadDir(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, nil
	}
	keys := make([]string, 0, len(entries))
	for _, e := range entries {
		kind := e.Type()
		if kind&fs.ModeSymlink != 0 {
			if kind, err = w.follow(path, e.Name()); err != nil {
				return nil, err
			}
		}
		key := strings.TrimPrefix(folder+"/"+e.Name(), "/")
		switch {
		case strings.HasPrefix(e.Name(), hidden):
		case kind.IsDir():
			keys = append(keys, key+"/")
		case kind.IsRegular():
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys, err
}

// follow tells what a link leads to. One that leads back to a folder above it counts as nothing.
func (w *localWalk) follow(folder, name string) (fs.FileMode, error) {
	path := filepath.Join(folder, name)
	target, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, gone := os.Lstat(path); gone != nil {
			return fs.ModeIrregular, nil
		}
		return 0, fmt.Errorf("the link %s leads nowhere; remove or mend it", name)
	}
	if err != nil {
		return 0, err
	}
	for at := folder; target.IsDir(); at = filepath.Dir(at) {
		if above, err := os.Stat(at); err == nil && os.SameFile(above, target) {
			return fs.ModeIrregular, nil
		}
		if at == w.root {
			break
		}
	}
	return target.Mode().Type(), nil
}

// entry takes one key, or all below a key that ends in a slash.
func (w *localWalk) entry(ctx context.Context, key string) error {
	dir, isDir := strings.CutSuffix(key, "/")
	if !isDir {
		return w.file(key)
	}
	switch inside := strings.HasPrefix(w.opts.Prefix, key); {
	case !inside && !strings.HasPrefix(key, w.opts.Prefix):
		return nil
	case w.opts.Token > key && !strings.HasPrefix(w.opts.Token, key):
		return nil
	case inside || w.opts.Delimiter == "":
		return w.folder(ctx, dir)
	case key <= w.opts.Token:
		return nil
	}
	if found, err := w.holdsFiles(ctx, dir); err != nil || !found {
		return err
	}
	return w.take(key, func() { w.page.Prefixes = append(w.page.Prefixes, key) })
}

func (w *localWalk) file(key string) error {
	if !strings.HasPrefix(key, w.opts.Prefix) || w.opts.Token != "" && key <= w.opts.Token {
		return nil
	}
	info, err := os.Stat(filepath.Join(w.root, key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // gone while we listed
	}
	if err != nil {
		return err
	}
	return w.take(key, func() { w.page.Objects = append(w.page.Objects, infoOf(key, info)) })
}

// take adds an entry, or notes that there are more than fit.
func (w *localWalk) take(key string, add func()) error {
	if w.limit == 0 {
		w.page.Next = w.last
		return errPageFull
	}
	w.limit--
	w.last = key
	add()
	return nil
}

// holdsFiles says whether there is an object below a folder: an empty folder is none.
func (w *localWalk) holdsFiles(ctx context.Context, dir string) (bool, error) {
	keys, err := w.keys(ctx, dir)
	for _, key := range keys {
		below, isDir := strings.CutSuffix(key, "/")
		if !isDir {
			return true, nil
		}
		if found, err := w.holdsFiles(ctx, below); found || err != nil {
			return found, err
		}
	}
	return false, err
}
