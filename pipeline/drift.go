package pipeline

import (
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"

	"strata/configs"
)

// explainDrift tells a mistake in the definitions from a snapshot that has changed under them: where a fault of the definitions
// comes with a column that the previous run had in another type, or at all, the snapshot is at fault.
func (r *run) explainDrift(fault error) error {
	if r.base == nil || !r.base.Definitions.Equal(r.Config.Definitions()) {
		return fault
	}
	have := r.snapshot.Schema()
	var drifted []error
	for _, c := range r.base.Columns {
		if c.Nulls == nil {
			continue // no rule used it
		}
		if at := have.FieldIndices(c.Name); len(at) == 0 {
			drifted = append(drifted, fmt.Errorf("  column %q (%s), which rules use, is gone", c.Name, c.Type))
		} else if now := have.Field(at[0]).Type.String(); now != c.Type {
			drifted = append(drifted, fmt.Errorf("  column %q, which rules use, is now %s; it was %s", c.Name, now, c.Type))
		}
	}
	if len(drifted) == 0 {
		return fault
	}
	return inputFault("the snapshot has changed since %s, and the definitions do not fit it any more:\n%w\n%w", r.base.Date, errors.Join(drifted...), fault)
}

func didYouMean(name string, schema *arrow.Schema) string {
	names := make([]string, schema.NumFields())
	for i, f := range schema.Fields() {
		names[i] = f.Name
	}
	if near := configs.Nearest(name, names); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}
