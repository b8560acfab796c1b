package objects

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Memory is a bucket in memory, for what nobody is to keep: tests of definitions, and of ours. It does all that package objects asks of a bucket.
type Memory struct {
	// PageSize is how many keys and prefixes a page has when the caller sets no limit; small ones make callers page.
	PageSize int
	// Now is the store's clock.
	Now func() time.Time

	mu      sync.Mutex
	objects map[string]memoryObject
	version int
}

type memoryObject struct {
	body []byte // never changed in place
	info Info
}

// NewMemory makes an empty bucket.
func NewMemory() *Memory {
	return &Memory{PageSize: 1000, Now: time.Now, objects: map[string]memoryObject{}}
}

// Clone makes a second bucket of the same objects.
func (m *Memory) Clone() *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	return &Memory{PageSize: m.PageSize, Now: m.Now, objects: maps.Clone(m.objects), version: m.version}
}

// URL is the address of a key.
func (m *Memory) URL(key string) string { return "mem://memory/" + key }

// with checks a key and runs act while nobody else uses the bucket.
func (m *Memory) with(ctx context.Context, act, key string, do func() error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	err := context.Cause(ctx)
	if err == nil {
		err = CheckKey(key)
	}
	if err == nil {
		err = do()
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", act, m.URL(key), err)
	}
	return nil
}

// get returns an object in a version ("": any).
func (m *Memory) get(key, version string) (memoryObject, error) {
	object, ok := m.objects[key]
	switch {
	case !ok:
		return object, ErrNotFound
	case version != "" && version != object.info.Version:
		return object, ErrChanged
	}
	return object, nil
}

// put stores a body and returns what it is then.
func (m *Memory) put(key string, body []byte) Info {
	m.version++
	info := Info{
		Key: key, Size: int64(len(body)), Version: strconv.Itoa(m.version), CRC32C: Checksum(body), Modified: m.Now(),
	}
	m.objects[key] = memoryObject{body, info}
	return info
}

// Stat describes the object.
func (m *Memory) Stat(ctx context.Context, key string) (Info, error) {
	var object memoryObject
	err := m.with(ctx, "look at", key, func() (err error) { object, err = m.get(key, ""); return err })
	return object.info, err
}

// Read returns a part of the body as it is now.
func (m *Memory) Read(ctx context.Context, key, version string, offset, length int64) (io.ReadCloser, error) {
	var object memoryObject
	err := m.with(ctx, "read", key, func() (err error) { object, err = m.get(key, version); return err })
	if err != nil {
		return nil, err
	}
	body := object.body[min(offset, int64(len(object.body))):]
	if length >= 0 {
		body = body[:min(length, int64(len(body)))]
	}
	return io.NopCloser(bytes.NewReader(body)), nil
}

// Create stores a copy of body under a free name.
func (m *Memory) Create(ctx context.Context, key string, body []byte) (info Info, err error) {
	err = m.with(ctx, "write", key, func() error {
		if _, taken := m.objects[key]; taken {
			return ErrExists
		}
		info = m.put(key, bytes.Clone(body))
		return nil
	})
	return info, err
}

// Replace stores a copy of body in place of a version.
func (m *Memory) Replace(ctx context.Context, key, version string, body []byte) (info Info, err error) {
	err = m.with(ctx, "replace", key, func() error {
		if _, err := m.get(key, version); err != nil {
			return err
		}
		info = m.put(key, bytes.Clone(body))
		return nil
	})
	return info, err
}

// Delete removes a version.
func (m *Memory) Delete(ctx context.Context, key, version string) error {
	return m.with(ctx, "delete", key, func() error {
		if _, there := m.objects[key]; !there {
			return nil
		}
		_, err := m.get(key, version)
		if err == nil {
			delete(m.objects, key)
		}
		return err
	})
}

// Copy makes a second object of the same bytes.
func (m *Memory) Copy(ctx context.Context, from, to string) (info Info, err error) {
	err = m.with(ctx, "copy "+m.URL(from)+" to", to, func() error {
		object, err := m.get(from, "")
		if err != nil {
			return err
		}
		if _, taken := m.objects[to]; taken {
			return ErrExists
		}
		info = m.put(to, object.body)
		return nil
	})
	return info, err
}

// List returns a page. Its token is the last key or prefix of the page before.
func (m *Memory) List(ctx context.Context, opts ListOptions) (page Page, err error) {
	if err := CheckPrefix(opts.Prefix); err != nil {
		return page, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if ctx.Err() != nil {
		return page, context.Cause(ctx)
	}
	limit := opts.Limit
	if limit <= 0 {
		limit = m.PageSize
	}
	last := ""
	for _, key := range slices.Sorted(maps.Keys(m.objects)) {
		entry := fold(key, opts)
		if !strings.HasPrefix(key, opts.Prefix) || entry <= opts.Token || entry == last {
			continue
		}
		if limit--; limit < 0 {
			page.Next = last
			break
		}
		if last = entry; entry == key {
			page.Objects = append(page.Objects, m.objects[key].info)
		} else {
			page.Prefixes = append(page.Prefixes, entry)
		}
	}
	return page, nil
}

// fold returns the entry of a listing that stands for a key.
func fold(key string, opts ListOptions) string {
	rest := strings.TrimPrefix(key, opts.Prefix)
	if at := strings.Index(rest, "/"); opts.Delimiter != "" && at >= 0 {
		return opts.Prefix + rest[:at+1]
	}
	return key
}
