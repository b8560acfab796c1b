package servers

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"strata/pipeline/objects"
	"strata/pipeline/objects/objectstest"
)

// strictGCS stands in front of a fake and does what the store does and the fake does not: it looks at the conditions of deletes
// and copies, and pages of folders have every entry once.
type strictGCS struct{ mu sync.Mutex }

func (s *strictGCS) roundTrip(r *http.Request) (*http.Response, error) {
	query, path := r.URL.Query(), r.URL.EscapedPath()
	_, target, isCopy := strings.Cut(path, "/rewriteTo/")
	switch want := query.Get("ifGenerationMatch"); {
	case r.Method == http.MethodGet && strings.HasSuffix(path, "/o") && query.Get("delimiter") != "":
		return s.list(r)
	case want == "" || r.Method != http.MethodDelete && !isCopy:
		return http.DefaultTransport.RoundTrip(r)
	case isCopy:
		path = path[:strings.Index(path, "/b/")+1] + target
		fallthrough
	default:
		s.mu.Lock()
		defer s.mu.Unlock()
		at := *r.URL
		at.RawQuery = ""
		at.Path, _ = url.PathUnescape(path)
		at.RawPath = path
		var object struct{ Generation string }
		if found, err := get(&at, &object); err != nil {
			return nil, err
		} else if !found {
			object.Generation = "0"
		}
		if object.Generation != want && (isCopy || object.Generation != "0") {
			return reply(r, http.StatusPreconditionFailed), nil
		}
		return http.DefaultTransport.RoundTrip(r)
	}
}

// get decodes what a server says at an address; not found is no error.
func get(at *url.URL, into any) (bool, error) {
	answer, err := http.Get(at.String())
	if err != nil {
		return false, err
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusNotFound {
		return false, nil
	}
	return true, json.NewDecoder(answer.Body).Decode(into)
}

// list pages what the fake says on one page. A token is the number of entries before.
func (s *strictGCS) list(r *http.Request) (*http.Response, error) {
	query := r.URL.Query()
	limit, _ := strconv.Atoi(query.Get("maxResults"))
	skip, _ := strconv.Atoi(query.Get("pageToken"))
	for _, name := range []string{"maxResults", "pageToken"} {
		query.Del(name)
	}
	at := *r.URL
	at.RawQuery = query.Encode()
	var all, page struct {
		Items         []map[string]any `json:"items"`
		Prefixes      []string         `json:"prefixes"`
		NextPageToken string           `json:"nextPageToken,omitempty"`
	}
	if found, err := get(&at, &all); err != nil || !found {
		return reply(r, http.StatusNotFound), err
	}
	entries := slices.Clone(all.Prefixes)
	items := map[string]map[string]any{}
	for _, item := range all.Items {
		entries = append(entries, item["name"].(string))
		items[item["name"].(string)] = item
	}
	slices.Sort(entries)
	end := len(entries)
	if limit > 0 && skip+limit < end {
		end = skip + limit
		page.NextPageToken = strconv.Itoa(end)
	}
	for _, entry := range entries[skip:end] {
		if item, ok := items[entry]; ok {
			page.Items = append(page.Items, item)
		} else {
			page.Prefixes = append(page.Prefixes, entry)
		}
	}
	body, err := json.Marshal(page)
	answer := reply(r, http.StatusOK)
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return answer, err
}

// Behind a handler that does what the store does, the driver has no gaps.
func TestStrictGCS(t *testing.T) {
	s := &strictGCS{}
	objectstest.Run(t, func(t *testing.T) objects.Bucket { return tamperedGCS(t, &tamper{whole: s.roundTrip}) })
}

// strictS3 looks at the condition of copies for a server that does not.
type strictS3 struct {
	mu    sync.Mutex
	plain objects.Bucket // without this handler
}

func (s *strictS3) roundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("X-Amz-Copy-Source") == "" || r.Header.Get("If-None-Match") != "*" {
		return http.DefaultTransport.RoundTrip(r)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.plain.Stat(r.Context(), strings.TrimPrefix(r.URL.Path, "/bucket/"))
	if err == nil {
		return reply(r, http.StatusPreconditionFailed), nil
	}
	if !errors.Is(err, objects.ErrNotFound) {
		return nil, err
	}
	return http.DefaultTransport.RoundTrip(r)
}

func TestStrictS3(t *testing.T) {
	s := &strictS3{}
	objectstest.Run(t, func(t *testing.T) objects.Bucket {
		b, plain := tamperedS3(t, &tamper{whole: s.roundTrip})
		s.plain = plain
		return b
	})
}
