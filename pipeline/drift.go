package pipeline

import (
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"

	"strata/configs"
	"strata/pipeline/catalog"
)

// columnsOf are the columns of a schema as a manifest has them.
func columnsOf(schema *arrow.Schema) (out []catalog.Column) {
	for _, f := range schema.Fields() {
		out = append(out, catalog.Column{Name: f.Name, Type: f.Type.String()})
	}
	return out
}

// explainDrift tells a mistake in the definitions from a snapshot that has changed under them: where a fault of the definitions
// comes with a column that the previous run had in another type, or at all, the snapshot is at fault. It names the columns that
// are new, since one of them may be the missing one under another name.
func (r *run) explainDrift(fault error) error {
	if r.base == nil || !r.base.Definitions.Equal(r.Config.Definitions()) {
		return fault
	}
	used := map[string]bool{}
	for _, c := range r.base.Columns {
		used[c.Name] = c.Nulls != nil
	}
	var drifted, came []error
	for _, c := range catalog.Drift(r.base.Columns, columnsOf(r.snapshot.Schema()), nil) {
		switch {
		case c.Was == "":
			came = append(came, fmt.Errorf("  column %q (%s) is new", c.Column, c.Now))
		case used[c.Column] && c.Now == "":
			drifted = append(drifted, fmt.Errorf("  column %q (%s), which rules use, is gone", c.Column, c.Was))
		case used[c.Column]:
			drifted = append(drifted, fmt.Errorf("  column %q, which rules use, is now %s; it was %s", c.Column, c.Now, c.Was))
		}
	}
	if len(drifted) == 0 {
		return fault
	}
	return inputFault("the snapshot has changed since %s, and the definitions do not fit it any more:\n%w\n%w",
		r.base.Date, errors.Join(append(drifted, came...)...), fault)
}

// wasThere says of a missing column that the previous run's snapshot had it.
func (r *run) wasThere(column string) string {
	if r.base != nil {
		for _, c := range r.base.Columns {
			if c.Name == column {
				return fmt.Sprintf("; that of %s had it (%s)", r.base.Date, c.Type)
			}
		}
	}
	return ""
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
