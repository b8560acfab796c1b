package readers

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"strata/pipeline/objects"
)

// ListSnapshot lists and pins the objects that a pattern names, in the order of their keys. In the pattern * ? and [a-z] stand for parts of a
// name and ** for any number of folders; a pattern without wildcards is an object, or else a folder, which stands for all
// *.parquet in it and below. Names that begin with _ or . below the first wildcard, and folder markers, are left out. A pattern
// that matches nothing returns an empty list.
func ListSnapshot(ctx context.Context, bucket objects.Bucket, pattern string) ([]objects.Info, error) {
	if _, err := path.Match(pattern, ""); err != nil {
		return nil, fmt.Errorf("%s: the pattern cannot be read: %w", bucket.URL(pattern), err)
	}
	literal, wild := splitPattern(pattern)
	if wild == "" {
		if info, err := bucket.Stat(ctx, strings.TrimSuffix(pattern, "/")); err == nil && info.Size > 0 {
			return []objects.Info{info}, nil
		} else if err != nil && !errors.Is(err, objects.ErrNotFound) {
			return nil, err
		}
		literal, wild = strings.TrimSuffix(pattern, "/")+"/", "**/*.parquet"
	}
	var found []objects.Info
	for info, err := range objects.All(ctx, bucket, literal) {
		if err != nil {
			return nil, err
		}
		if rest := strings.TrimPrefix(info.Key, literal); !marker(info) && matches(strings.Split(wild, "/"), strings.Split(rest, "/")) {
			found = append(found, info)
		}
	}
	return found, nil
}

// splitPattern cuts a pattern before the first part with a wildcard.
func splitPattern(pattern string) (literal, wild string) {
	at := strings.IndexAny(pattern, "*?[")
	if at < 0 {
		return pattern, ""
	}
	cut := strings.LastIndexByte(pattern[:at], '/') + 1
	return pattern[:cut], pattern[cut:]
}

// marker tells whether an object only marks a folder. An empty *.parquet is no marker but a failed upload, and a fault.
func marker(info objects.Info) bool {
	return strings.HasSuffix(info.Key, "/") || info.Size == 0 && !strings.HasSuffix(info.Key, ".parquet")
}

// matches compares the parts of a pattern and of a key.
func matches(pattern, key []string) bool {
	if len(pattern) == 0 || len(key) == 0 {
		return len(pattern) == len(key)
	}
	if strings.HasPrefix(key[0], "_") && !strings.HasPrefix(pattern[0], "_") || strings.HasPrefix(key[0], ".") {
		return false
	}
	if pattern[0] == "**" {
		if len(key) == 1 && len(pattern) == 1 {
			return true
		}
		return matches(pattern[1:], key) || matches(pattern, key[1:])
	}
	ok, err := path.Match(pattern[0], key[0])
	return err == nil && ok && matches(pattern[1:], key[1:])
}
