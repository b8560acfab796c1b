package pipeline

import (
	"cmp"
	"slices"

	"strata/pipeline/ids"
)

// A picker keeps the few users whose ids have the least hashes: as good as a choice by lot, and the same whatever order they
// come in.
type picker struct {
	most  int
	users []picked // sorted
}

type picked struct {
	hash uint64
	id   string // canonical text
}

func (p picked) compare(other picked) int {
	return cmp.Or(cmp.Compare(p.hash, other.hash), cmp.Compare(p.id, other.id))
}

// wants says whether an id of this hash may be among the picked.
func (p *picker) wants(hash uint64) bool {
	return len(p.users) < p.most || p.most > 0 && hash <= p.users[len(p.users)-1].hash
}

// add offers an id.
func (p *picker) add(id string) {
	one := picked{ids.Hash([]byte(id)), id}
	at, found := slices.BinarySearchFunc(p.users, one, picked.compare)
	if found {
		return
	}
	p.users = slices.Insert(p.users, at, one)
	p.users = p.users[:min(len(p.users), p.most)]
}

// merge offers all that another has picked.
func (p *picker) merge(other *picker) {
	for _, one := range other.users {
		p.add(one.id)
	}
}

// ids are the picked ids, in the order of their hashes.
func (p *picker) ids() []string {
	out := []string{}
	for _, one := range p.users {
		out = append(out, one.id)
	}
	return out
}
