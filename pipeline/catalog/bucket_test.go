package catalog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"strata/pipeline/objects"
)

// memory is a bucket in memory with versions, small pages, and a clock of its own.
type memory struct {
	mu      sync.Mutex
	objects map[string]object
	version int
	clock   time.Time
	written func(key string) // after each write, while nobody else writes
}

type object struct {
	data []byte
	info objects.Info
}

func newMemory() *memory {
	return &memory{objects: map[string]object{}, clock: time.Date(2026, 11, 3, 2, 0, 0, 0, time.UTC)}
}

// pass lets time pass.
func (m *memory) pass(d time.Duration) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.clock = m.clock.Add(d)
	return m.clock
}

func (m *memory) keys(prefix string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []string
	for _, key := range slices.Sorted(maps.Keys(m.objects)) {
		if strings.HasPrefix(key, prefix) {
			out = append(out, key)
		}
	}
	return out
}

func (m *memory) put(key string, data []byte) objects.Info {
	m.version++
	m.clock = m.clock.Add(time.Millisecond)
	info := objects.Info{Key: key, Size: int64(len(data)), Version: strconv.Itoa(m.version), Modified: m.clock}
	m.objects[key] = object{bytes.Clone(data), info}
	if m.written != nil {
		m.mu.Unlock()
		m.written(key)
		m.mu.Lock()
	}
	return info
}

func (m *memory) get(key, version string) (object, error) {
	o, ok := m.objects[key]
	switch {
	case !ok:
		return o, fmt.Errorf("%s: %w", key, objects.ErrNotFound)
	case version != "" && o.info.Version != version:
		return o, fmt.Errorf("%s: %w", key, objects.ErrChanged)
	}
	return o, nil
}

func (m *memory) Stat(_ context.Context, key string) (objects.Info, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, err := m.get(key, "")
	return o.info, err
}

func (m *memory) Read(_ context.Context, key, version string, offset, length int64) (io.ReadCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, err := m.get(key, version)
	if err != nil {
		return nil, err
	}
	data := o.data[min(offset, int64(len(o.data))):]
	if length >= 0 {
		data = data[:min(length, int64(len(data)))]
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

func (m *memory) Create(_ context.Context, key string, body []byte) (objects.Info, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := objects.CheckKey(key); err != nil {
		return objects.Info{}, err
	}
	if _, err := m.get(key, ""); err == nil {
		return objects.Info{}, fmt.Errorf("%s: %w", key, objects.ErrExists)
	}
	return m.put(key, body), nil
}

func (m *memory) Replace(_ context.Context, key, version string, body []byte) (objects.Info, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.get(key, version); err != nil {
		return objects.Info{}, err
	}
	return m.put(key, body), nil
}

func (m *memory) Delete(_ context.Context, key, version string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, err := m.get(key, version)
	if errors.Is(err, objects.ErrChanged) {
		return err
	}
	delete(m.objects, key)
	if m.written != nil {
		m.mu.Unlock()
		m.written(key)
		m.mu.Lock()
	}
	return nil
}

func (m *memory) Copy(_ context.Context, from, to string) (objects.Info, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, err := m.get(from, "")
	if err != nil {
		return o.info, err
	}
	if _, err := m.get(to, ""); err == nil {
		return objects.Info{}, fmt.Errorf("%s: %w", to, objects.ErrExists)
	}
	return m.put(to, o.data), nil
}

func (m *memory) List(_ context.Context, opts objects.ListOptions) (objects.Page, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	page, last := objects.Page{}, ""
	for _, key := range slices.Sorted(maps.Keys(m.objects)) {
		rest, ok := strings.CutPrefix(key, opts.Prefix)
		entry := key
		at := strings.Index(rest, "/")
		if opts.Delimiter != "" && at >= 0 {
			entry = opts.Prefix + rest[:at+1]
		}
		if !ok || entry <= opts.Token || entry == last {
			continue
		}
		if len(page.Objects)+len(page.Prefixes) == 3 { // small, so that every caller has to page
			page.Next = last
			break
		}
		if last = entry; entry != key {
			page.Prefixes = append(page.Prefixes, entry)
		} else {
			page.Objects = append(page.Objects, m.objects[key].info)
		}
	}
	return page, nil
}

func (m *memory) URL(key string) string { return "mem://out/" + key }

// errStore is a failure of the store.
var errStore = errors.New("the store is out of order")

// A fault is what goes wrong with the n-th write, counted from 1.
type fault struct {
	at   int
	done bool // the write happens, its answer is lost
	dies bool // and so does the process: nothing works from then on
}

// faulty is a bucket as one process sees it, with one fault.
type faulty struct {
	objects.Bucket
	fault
	mu     sync.Mutex
	writes int
	dead   bool
	keys   []string // by write
}

// write counts a write and lets it happen or not.
func (f *faulty) write(key string, do func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock() // one write at a time, so that counts say something
	if f.dead {
		return errStore
	}
	f.writes++
	f.keys = append(f.keys, key)
	if f.writes != f.at {
		return do()
	}
	f.dead = f.dies
	if f.done {
		_ = do()
	}
	return errStore
}

func (f *faulty) alive() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead {
		return errStore
	}
	return nil
}

func (f *faulty) Stat(ctx context.Context, key string) (objects.Info, error) {
	if err := f.alive(); err != nil {
		return objects.Info{}, err
	}
	return f.Bucket.Stat(ctx, key)
}

func (f *faulty) Read(ctx context.Context, key, version string, offset, length int64) (io.ReadCloser, error) {
	if err := f.alive(); err != nil {
		return nil, err
	}
	return f.Bucket.Read(ctx, key, version, offset, length)
}

func (f *faulty) List(ctx context.Context, opts objects.ListOptions) (objects.Page, error) {
	if err := f.alive(); err != nil {
		return objects.Page{}, err
	}
	return f.Bucket.List(ctx, opts)
}

func (f *faulty) Create(ctx context.Context, key string, body []byte) (info objects.Info, err error) {
	err = f.write(key, func() (err error) { info, err = f.Bucket.Create(ctx, key, body); return err })
	return info, err
}

func (f *faulty) Replace(ctx context.Context, key, version string, body []byte) (info objects.Info, err error) {
	err = f.write(key, func() (err error) { info, err = f.Bucket.Replace(ctx, key, version, body); return err })
	return info, err
}

func (f *faulty) Copy(ctx context.Context, from, to string) (info objects.Info, err error) {
	err = f.write(to, func() (err error) { info, err = f.Bucket.Copy(ctx, from, to); return err })
	return info, err
}

func (f *faulty) Delete(ctx context.Context, key, version string) error {
	return f.write(key, func() error { return f.Bucket.Delete(ctx, key, version) })
}
