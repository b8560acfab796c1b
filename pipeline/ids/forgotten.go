package ids

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/bits"
)

// KeyBytes is the length of the key of a Forgotten.
const KeyBytes = 32

// NewKey makes a random key.
func NewKey() []byte {
	key := make([]byte, KeyBytes)
	_, _ = rand.Read(key) // never fails (crypto/rand)
	return key
}

// A Tombstone is what is kept of a user who was forgotten. It tells the user again whom it stands for, with the key of its
// Forgotten, and it tells nobody who does not have the key.
type Tombstone struct {
	// Tag is what nearly every other user is told apart by, at the cost of a few nanoseconds: 32 bits of the id's Hash, keyed.
	Tag string `json:"tag"`
	// HMAC is HMAC-SHA-256 of the id's canonical text, in hexadecimal. It decides.
	HMAC string `json:"hmac"`
}

// Forgotten are users who must not come back, of whom only tombstones are known. A nil Forgotten has nobody. It may be used by
// many goroutines as long as nobody adds to it.
type Forgotten struct {
	key    []byte
	filter []uint64 // bits, as many as a power of two: a tag whose low bits are not set is of nobody
	tags   map[uint32]bool
	sums   map[[sha256.Size]byte]bool
}

// NewForgotten makes the users of some tombstones under a key.
func NewForgotten(key []byte, tombstones []Tombstone) (*Forgotten, error) {
	if len(key) != KeyBytes {
		return nil, fmt.Errorf("the key has %d bytes, not %d", len(key), KeyBytes)
	}
	f := &Forgotten{key: key, tags: map[uint32]bool{}, sums: map[[sha256.Size]byte]bool{}}
	words := 1 << 10 // a bit of 64 is set at most
	for words < len(tombstones) {
		words *= 2
	}
	f.filter = make([]uint64, words)
	for i, t := range tombstones {
		if err := f.add(t); err != nil {
			return nil, fmt.Errorf("tombstone %d: %w", i+1, err)
		}
	}
	return f, nil
}

// ForgottenOf makes a Forgotten of the canonical ids of users.
func ForgottenOf(key []byte, canonical []string) (*Forgotten, error) {
	tombstones := make([]Tombstone, len(canonical))
	for i, id := range canonical {
		tombstones[i] = NewTombstone(key, []byte(id))
	}
	return NewForgotten(key, tombstones)
}

func (f *Forgotten) add(t Tombstone) error {
	tag, err := hex.DecodeString(t.Tag)
	if err != nil || len(tag) != 4 {
		return fmt.Errorf("tag %q is not 8 hexadecimal digits", t.Tag)
	}
	sum, err := hex.DecodeString(t.HMAC)
	if err != nil || len(sum) != sha256.Size {
		return fmt.Errorf("hmac %q is not %d hexadecimal digits", t.HMAC, 2*sha256.Size)
	}
	short := binary.BigEndian.Uint32(tag)
	bit := int(short) & (len(f.filter)*64 - 1)
	f.filter[bit>>6] |= 1 << (bit & 63)
	f.tags[short] = true
	f.sums[[sha256.Size]byte(sum)] = true
	return nil
}

// Len is how many users there are.
func (f *Forgotten) Len() int {
	if f == nil {
		return 0
	}
	return len(f.sums)
}

// MayHave tells from the Hash of an id whether its user may be forgotten: no is sure.
func (f *Forgotten) MayHave(hash uint64) bool {
	if f == nil {
		return false
	}
	tag := tagOf(hash, f.key)
	bit := int(tag) & (len(f.filter)*64 - 1)
	return f.filter[bit>>6]>>(bit&63)&1 != 0 && f.tags[tag]
}

// Has tells whether the user of a canonical id is forgotten.
func (f *Forgotten) Has(canonical []byte) bool {
	return f.MayHave(Hash(canonical)) && f.sums[[sha256.Size]byte(sumOf(f.key, canonical))]
}

// NewTombstone makes the tombstone of a canonical id under a key.
func NewTombstone(key, canonical []byte) Tombstone {
	tag := binary.BigEndian.AppendUint32(nil, tagOf(Hash(canonical), key))
	return Tombstone{Tag: hex.EncodeToString(tag), HMAC: hex.EncodeToString(sumOf(key, canonical))}
}

// tagOf mixes a hash with two words of the key, as wyhash does.
func tagOf(hash uint64, key []byte) uint32 {
	high, low := bits.Mul64(hash^binary.LittleEndian.Uint64(key), binary.LittleEndian.Uint64(key[8:])|1)
	return uint32((high ^ low) >> 32)
}

func sumOf(key, canonical []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(canonical)
	return mac.Sum(nil)
}
