package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"strata/configs"
	"strata/pipeline/catalog"
	"strata/pipeline/ids"
	"strata/pipeline/objects"
	"strata/pipeline/tables"
	"strata/rules"
)

// readForgotten finds out whom the run leaves out: users who were forgotten.
func (r *run) readForgotten(ctx context.Context) error {
	r.forgotten = &catalog.Forgotten{}
	if r.Catalog == nil { // of a check without an output
		return nil
	}
	var err error
	r.forgotten, err = r.Catalog.Forgotten(ctx)
	return err
}

// leavesOut tells whether id i of some packed ones is of a user who was forgotten.
func leavesOut(f *ids.Forgotten, packer *ids.Packer, packed *ids.Packed, i int) bool {
	if !f.MayHave(packed.Hashes[i]) {
		return false
	}
	var space [64]byte
	return f.Has(packer.AppendText(space[:0], packed, i))
}

// withoutForgotten leaves users who were forgotten out of what a list file holds, if the definitions compare it with user ids.
func (r *run) withoutForgotten(data []byte, path string, d *configs.Definitions, typ ids.Type) []byte {
	if r.forgotten.Len() == 0 || !slices.Contains(rules.UserLists(d), path) {
		return data
	}
	return listWithout(data, typ, r.forgotten.Forgotten)
}

// listWithout is what a list file of user ids holds without users who were forgotten.
func listWithout(data []byte, typ ids.Type, f *ids.Forgotten) []byte {
	return rules.WithoutLines(data, func(line string) bool {
		id, err := typ.Canonical(line)
		return err == nil && f.Has([]byte(id))
	})
}

// mayHold tells whether the files of an earlier run may still hold users who were forgotten: they were written down, and strata
// forget is not through.
func (r *run) mayHold(m *catalog.Manifest) bool {
	return r.forgotten.Erased < r.forgotten.Known && m.Forgets < r.forgotten.Known
}

// withoutUsers keeps the users of a membership who were not forgotten.
func withoutUsers(m *tables.Membership, f *ids.Forgotten) *tables.Membership {
	var text []byte
	return filterUsers(m, func(i int) bool {
		text = m.IDs.AppendText(text[:0], i)
		return !f.Has(text)
	})
}

// erasedMeanwhile explains why a file of an earlier run is not there: strata forget may have put another run in its place.
func (r *run) erasedMeanwhile(ctx context.Context, m *catalog.Manifest, cause error) error {
	if !errors.Is(cause, objects.ErrNotFound) {
		return cause
	}
	current, err := r.Catalog.Current(ctx, m.Date)
	if err != nil || current == nil || current.Run == m.Run {
		return cause
	}
	return fmt.Errorf("read the run of %s: %w (%w)", m.Date, catalog.ErrForgotten, cause)
}
