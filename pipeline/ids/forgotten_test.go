package ids

import (
	"fmt"
	"strings"
	"testing"
)

// TestForgotten has exactly the users whose tombstones it was made of.
func TestForgotten(t *testing.T) {
	key := NewKey()
	var tombstones []Tombstone
	for i := range 5000 {
		tombstones = append(tombstones, NewTombstone(key, fmt.Appendf(nil, "user-%d", i)))
	}
	f, err := NewForgotten(key, append(tombstones, tombstones[0]))
	if err != nil {
		t.Fatal(err)
	}
	if f.Len() != 5000 {
		t.Errorf("there are %d users", f.Len())
	}
	passed := 0
	for i := range 100_000 {
		id := fmt.Appendf(nil, "user-%d", i)
		if got, want := f.Has(id), i < 5000; got != want {
			t.Fatalf("Has(%s) = %v, want %v", id, got, want)
		}
		if f.MayHave(Hash(id)) {
			passed++
		}
	}
	if passed > 5005 {
		t.Errorf("the filter passes %d of 100,000 users, of whom 5000 are forgotten", passed)
	}
	other, _ := NewForgotten(NewKey(), tombstones)
	if other.Has([]byte("user-1")) {
		t.Error("tombstones tell something under another key")
	}
	if nobody := (*Forgotten)(nil); nobody.Len() != 0 || nobody.Has([]byte("user-1")) {
		t.Error("a nil Forgotten has somebody")
	}
}

func TestForgottenRefuses(t *testing.T) {
	key := NewKey()
	good := NewTombstone(key, []byte("ann"))
	for want, try := range map[string]func() error{
		"31 bytes": func() error { _, err := NewForgotten(key[1:], nil); return err },
		"tag":      func() error { _, err := NewForgotten(key, []Tombstone{good, {Tag: "xy", HMAC: good.HMAC}}); return err },
		"hmac":     func() error { _, err := NewForgotten(key, []Tombstone{{Tag: good.Tag, HMAC: "00"}}); return err },
	} {
		if err := try(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error about %s", err, want)
		}
	}
}

// TestNarrow: a column of UUIDs is as narrow as before it was widened, and any other stays as it is.
func TestNarrow(t *testing.T) {
	c := &Column{Type: Text, Form: TwoWords, Words: []uint64{1, 2, 3, 4}}
	wide := c.Widen()
	if got := wide.Narrow(); got.Form != TwoWords || fmt.Sprint(got.Words) != fmt.Sprint(c.Words) {
		t.Errorf("got %v", got)
	}
	wide.AppendBytes([]byte("zoe"))
	if wide.Narrow() != wide || wide.Len() != 3 {
		t.Errorf("a column with another id is narrowed")
	}
	empty := &Column{Type: Text, Form: Bytes}
	if got := empty.Narrow(); got.Form != TwoWords || got.Len() != 0 {
		t.Errorf("got %v", got)
	}
}

func BenchmarkMayHave(b *testing.B) {
	key := NewKey()
	var tombstones []Tombstone
	for i := range 10_000 {
		tombstones = append(tombstones, NewTombstone(key, fmt.Append(nil, i)))
	}
	f, _ := NewForgotten(key, tombstones)
	hash := uint64(1)
	for b.Loop() {
		hash = hash*6364136223846793005 + 1442695040888963407
		f.MayHave(hash)
	}
}
