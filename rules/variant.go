package rules

import (
	"math"

	"github.com/zeebo/xxh3"
)

// variants answers opVariant: of all variants the one whose wait is shortest, which is the smallest of independent random times
// (weighted rendezvous hashing). So each is chosen as often as its weight asks for, and the choice between two of them does not
// depend on the others.
func (e *Evaluator) variants(nd *node, f *frame) *vec {
	key := e.eval(nd.args[0], f)
	out := e.arena.new(kindString, f.n)
	out.known, out.fail, out.texts = key.known, key.fail, e.arena.texts.get(f.n)
	if key.kind == kindNull {
		return out
	}
	prefixes := make([][]byte, len(nd.set.values))
	for i, variant := range nd.set.values {
		prefixes[i] = []byte(nd.lit.String + "\x00" + variant.String + "\x00")
	}
	for i := range f.n {
		if key.knows(i) {
			out.texts[i] = nd.set.values[shortestWait(prefixes, nd.set.values, key.texts[i])].String
		}
	}
	return out
}

// shortestWait is the place of the variant that is chosen for a key; the first by name of equal ones. The memory behind prefixes
// is used.
func shortestWait(prefixes [][]byte, variants []literal, key string) int {
	best, least := 0, math.Inf(1)
	for i, prefix := range prefixes {
		prefixes[i] = append(prefix, key...)
		hash := xxh3.Hash(prefixes[i])
		prefixes[i] = prefixes[i][:len(prefix)]
		if wait := waitOf(hash) / variants[i].Double; wait < least {
			best, least = i, wait
		}
	}
	return best
}

// waitOf is -ln of the hash as a fraction. Every step is rounded by itself, so that it is the same on every processor: what
// a user's variant is must never change.
func waitOf(hash uint64) float64 {
	fraction, exponent := math.Frexp((float64(hash>>12) + .5) / (1 << 52))
	if fraction < math.Sqrt2/2 {
		fraction, exponent = fraction*2, exponent-1
	}
	s := (fraction - 1) / (fraction + 1)
	square, series := s*s, 0.0
	for _, factor := range oddReciprocals { // ln(fraction) = 2 (s + s^3/3 + s^5/5 ...)
		series = float64(series*square) + factor
	}
	return -(float64(float64(exponent)*math.Ln2) + float64(2*s*series))
}

var oddReciprocals = [...]float64{1. / 21, 1. / 19, 1. / 17, 1. / 15, 1. / 13, 1. / 11, 1. / 9, 1. / 7, 1. / 5, 1. / 3, 1}
