package pipeline

import (
	"context"
	"fmt"

	"strata/pipeline/catalog"
	"strata/pipeline/ids"
	"strata/pipeline/objects"
	"strata/pipeline/tables"
)

// membership reads the users of an earlier run that belong to a partition of this one; none where there is no such run. Both counts
// of partitions are powers of two and a partition is the top bits of the same hash, so a partition is some whole files of a finer run,
// or a part of one file of a coarser one.
func (r *run) membership(ctx context.Context, of *catalog.Manifest, at int) (*tables.Membership, error) {
	if of == nil {
		return noMembership(), nil
	}
	oldBits := of.PartitionBits
	if oldBits <= r.exchange.partitionBits {
		shift := r.exchange.partitionBits - oldBits
		m, err := r.readMembership(ctx, of, at>>shift)
		if err != nil || shift == 0 {
			return m, err
		}
		return filterPartition(m, r.exchange.partitionBits, at), nil
	}
	shift := oldBits - r.exchange.partitionBits
	parts := make([]*tables.Membership, 1<<shift)
	for i := range parts {
		var err error
		if parts[i], err = r.readMembership(ctx, of, at<<shift+i); err != nil {
			return nil, err
		}
	}
	return mergeSorted(parts), nil
}

// noMembership is what there was before the first run.
func noMembership() *tables.Membership {
	return &tables.Membership{Names: &tables.Names{}, Sets: tables.BitMatrix{Width: 1}}
}

// readMembership reads one partition of an earlier run's membership.
func (r *run) readMembership(ctx context.Context, m *catalog.Manifest, at int) (*tables.Membership, error) {
	files := m.Tables["membership"]
	if at >= len(files) || files[at].Partition != at {
		return nil, fmt.Errorf("the run of %s has no membership file of partition %d; %w", m.Date, at, errManifest)
	}
	typ, err := ids.ParseType(m.IDType)
	if err != nil {
		return nil, err
	}
	out, err := readStored(ctx, r.Catalog, files[at], func(file objects.Info) (*tables.Membership, error) {
		return r.State.ReadMembership(ctx, r.Catalog.Bucket(), file, &m.Names, typ, m.Since)
	})
	if err == nil && m == r.base && r.scope != nil {
		err = r.readValues(ctx, files[at], out)
	}
	if err != nil {
		return nil, r.erasedMeanwhile(ctx, m, err)
	}
	if r.mayHold(m) {
		out = withoutUsers(out, r.forgotten.Forgotten)
	}
	return out, nil
}

// filterPartition keeps the users of one partition of 1<<partitionBits.
func filterPartition(m *tables.Membership, partitionBits, at int) *tables.Membership {
	var text []byte
	return filterUsers(m, func(i int) bool {
		text = m.IDs.AppendText(text[:0], i)
		return ids.Partition(ids.Hash(text), partitionBits) == at
	})
}

// filterUsers keeps some users. Extra columns are not among what it copies.
func filterUsers(m *tables.Membership, keep func(i int) bool) *tables.Membership {
	out := emptyLike(m)
	dates := 0
	for i := range m.Len() {
		if keep(i) {
			appendUser(out, m, i, dates)
		}
		dates += setSize(m, i)
	}
	return out
}

// mergeSorted merges memberships of the same names, each sorted by id, into one.
func mergeSorted(parts []*tables.Membership) *tables.Membership {
	for _, m := range parts {
		if m.IDs.Form == ids.Bytes {
			for _, other := range parts {
				other.IDs = *other.IDs.Widen()
			}
			break
		}
	}
	out := emptyLike(parts[0])
	next, dates := make([]int, len(parts)), make([]int, len(parts))
	for {
		least := -1
		for p, m := range parts {
			if next[p] < m.Len() && (least < 0 || m.IDs.Compare(next[p], &parts[least].IDs, next[least]) < 0) {
				least = p
			}
		}
		if least < 0 {
			return out
		}
		m := parts[least]
		appendUser(out, m, next[least], dates[least])
		dates[least] += setSize(m, next[least])
		next[least]++
	}
}

func emptyLike(m *tables.Membership) *tables.Membership {
	out := &tables.Membership{Names: m.Names, Sets: tables.BitMatrix{Width: m.Sets.Width}}
	out.IDs.Type, out.IDs.Form = m.IDs.Type, m.IDs.Form
	out.Stages = make([][]uint16, len(m.Stages))
	if m.Since != nil {
		out.Since, out.StageSince = []int32{}, make([][]int32, len(m.Stages))
	}
	out.KeptSince, out.LastExits = make([][]int32, len(m.KeptSince)), make([][]int32, len(m.LastExits))
	return out
}

// appendUser copies user i of m, whose dates begin at place dates of m.Since.
func appendUser(out, m *tables.Membership, i, dates int) {
	out.IDs.Append(&m.IDs, i)
	out.Sets.Words = append(out.Sets.Words, m.Sets.Row(i)...)
	for l := range m.Stages {
		out.Stages[l] = append(out.Stages[l], m.Stages[l][i])
	}
	if m.Values != nil {
		out.Values = append(out.Values, m.Values[i])
	}
	for k := range m.KeptSince {
		out.KeptSince[k] = append(out.KeptSince[k], m.KeptSince[k][i])
	}
	for k := range m.LastExits {
		out.LastExits[k] = append(out.LastExits[k], m.LastExits[k][i])
	}
	if m.Since == nil {
		return
	}
	out.Since = append(out.Since, m.Since[dates:dates+setSize(m, i)]...)
	for l := range m.StageSince {
		out.StageSince[l] = append(out.StageSince[l], m.StageSince[l][i])
	}
}

// setSize is how many segments user i is in.
func setSize(m *tables.Membership, i int) int {
	row := m.Sets.Row(i)
	return rank(row, len(row)*64-1) + int(row[len(row)-1]>>63)
}
