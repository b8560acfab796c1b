package writers

import (
	"errors"
	"fmt"
	"slices"

	"strata/pipeline/tables"
)

// fits checks that the slices of a membership have the lengths that its type asks for, and that every code has a name, so
// that a fault of the caller is an error and never a broken file.
func fits(m *tables.Membership) error {
	n, segments := m.Len(), len(m.Names.Segments)
	var errs []error
	fault := func(text string, values ...any) {
		errs = append(errs, fmt.Errorf("encode membership: "+text, values...))
	}
	switch {
	case m.Sets.Width < 1 || m.Sets.Width < (segments+63)/64 || len(m.Sets.Words) != n*m.Sets.Width:
		fault("the sets have %d words of width %d for %d users and %d segments", len(m.Sets.Words), m.Sets.Width, n, segments)
	case strayBits(&m.Sets, segments):
		fault("the sets name segments past the %d that there are", segments)
	case m.Since != nil && len(m.Since) != onesIn(m.Sets.Words):
		fault("%d since-dates for %d memberships", len(m.Since), onesIn(m.Sets.Words))
	}
	if len(m.Stages) != len(m.Names.Lifecycles) || (m.Since != nil && len(m.StageSince) != len(m.Stages)) {
		fault("%d columns of stages and %d of their dates for %d lifecycles", len(m.Stages), len(m.StageSince), len(m.Names.Lifecycles))
		return errors.Join(errs...)
	}
	for l, stages := range m.Stages {
		cycle := &m.Names.Lifecycles[l]
		if len(stages) != n || (m.Since != nil && len(m.StageSince[l]) != n) {
			fault("lifecycle %q has %d stages for %d users, or not as many dates", cycle.Name, len(stages), n)
		} else if most := highest(stages); most > len(cycle.Stages) {
			fault("stage %d of lifecycle %q, which has %d", most, cycle.Name, len(cycle.Stages))
		}
	}
	errs = append(errs, fitsDates("since-dates", m.KeptSince, m.Names.Dated, n), fitsDates("last exits", m.LastExits, m.Names.Exits, n))
	return errors.Join(append(errs, fitsExtra(m, n)...)...)
}

// fitsDates checks columns of dates that only strata_state holds.
func fitsDates(what string, columns [][]int32, names []string, n int) error {
	if len(columns) != len(names) || slices.ContainsFunc(columns, func(days []int32) bool { return len(days) != n }) {
		return fmt.Errorf("encode membership: %d columns of %s for %d names, or not a date for each of %d users", len(columns), what, len(names), n)
	}
	return nil
}

func fitsExtra(m *tables.Membership, n int) (errs []error) {
	if len(m.ExtraNames) != len(m.Extra) || (m.ExtraLogical != nil && len(m.ExtraLogical) != len(m.Extra)) {
		return []error{fmt.Errorf("encode membership: %d names and %d logical types for %d extra columns",
			len(m.ExtraNames), len(m.ExtraLogical), len(m.Extra))}
	}
	for i, extra := range m.Extra {
		if extra.Len() != n {
			errs = append(errs, fmt.Errorf("encode membership: column %q has %d rows for %d users", m.ExtraNames[i], extra.Len(), n))
		}
	}
	return errs
}

// strayBits tells whether a set has a bit past the last segment.
func strayBits(sets *tables.BitMatrix, segments int) bool {
	last := 0
	for bit := range members(union(sets.Words, sets.Width)) {
		last = bit + 1
	}
	return last > segments
}

// highest is the greatest code of a column, 0 where there is none.
func highest[T ~uint8 | ~uint16 | ~uint32](codes []T) int {
	if len(codes) == 0 {
		return 0
	}
	return int(slices.Max(codes))
}

// fitsTransitions is fits for transitions.
func fitsTransitions(t *tables.Transitions) error {
	n := t.Len()
	if len(t.Segment) != n || len(t.Change) != n || len(t.Reason) != n || len(t.From) != n || len(t.To) != n || len(t.EventID) != 2*n {
		return fmt.Errorf("encode transitions: %d users, but %d segments, %d changes, %d reasons, %d from, %d to and %d words of event ids",
			n, len(t.Segment), len(t.Change), len(t.Reason), len(t.From), len(t.To), len(t.EventID))
	}
	if !slices.IsSorted(t.User) {
		return errors.New("encode transitions: they are not sorted by user")
	}
	var errs []error
	for _, column := range []struct {
		name       string
		most, have int
	}{
		{"user", highest(t.User), t.IDs.Len() - 1},
		{"segment", highest(t.Segment), len(t.Segments) - 1},
		{"change", highest(t.Change), tables.Changes - 1},
		{"reason", highest(t.Reason), tables.Reasons - 1},
		{"from", highest(t.From), len(t.Stages)},
		{"to", highest(t.To), len(t.Stages)},
	} {
		if n > 0 && column.most > column.have {
			errs = append(errs, fmt.Errorf("encode transitions: code %d in column %q, whose last is %d", column.most, column.name, column.have))
		}
	}
	return errors.Join(errs...)
}
