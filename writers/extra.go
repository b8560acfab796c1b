package writers

import (
	"fmt"

	"strata/pipeline/tables"
)

func (t *table) extra(m *tables.Membership, i int) {
	t.errs = append(t.errs, fmt.Errorf("column %q: type %s cannot be published", m.ExtraNames[i], m.Extra[i].DataType()))
}
