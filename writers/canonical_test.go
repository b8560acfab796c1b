package writers

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"strconv"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"strata/pipeline/ids"
	"strata/pipeline/tables"
)

// A grid is the rows of a table in plain terms: nil, bool, string or a list of them. Integers, dates and times are decimal
// strings, bytes are "x" and hexadecimal, floats are "f" and the hexadecimal of their bits.
type grid struct {
	columns []string
	rows    [][]any
}

// The expectations below are written from the tables, one row after the other, and share nothing with the encoder.

func expectUser(c *ids.Column, i int) any {
	text := string(c.AppendText(nil, i))
	switch c.Type {
	case ids.UUID:
		high, low, _ := ids.ParseUUID([]byte(text))
		return fmt.Sprintf("x%016x%016x", high, low)
	case ids.Binary:
		return "x" + text
	default:
		return text
	}
}

func expectMembership(m *tables.Membership) grid {
	g := grid{columns: []string{"user_id", "segments"}}
	for _, l := range m.Names.Lifecycles {
		g.columns = append(g.columns, l.Name)
	}
	g.columns = append(g.columns, "strata_state")
	if m.Since != nil {
		g.columns = append(g.columns, "since")
		for _, l := range m.Names.Lifecycles {
			g.columns = append(g.columns, l.Name+"_since")
		}
	}
	for i, at := 0, 0; i < m.Len(); i++ {
		segments, days := []any{}, []any{}
		for s, name := range m.Names.Segments {
			if m.Sets.Has(i, s) {
				segments = append(segments, name)
				if m.Since != nil {
					days = append(days, strconv.Itoa(int(m.Since[at])))
				}
				at++
			}
		}
		state, _ := m.AppendState(nil, i, at-len(segments))
		row := append([]any{expectUser(&m.IDs, i), segments}, expectStages(m, i)...)
		row = append(row, "x"+hex.EncodeToString(state))
		if m.Since != nil {
			row = append(row, days)
			for l := range m.Stages {
				row = append(row, orNull(m.Stages[l][i] != 0, strconv.Itoa(int(m.StageSince[l][i]))))
			}
		}
		g.rows = append(g.rows, row)
	}
	return g
}

func expectStages(m *tables.Membership, i int) (row []any) {
	for l := range m.Stages {
		if code := m.Stages[l][i]; code != 0 {
			row = append(row, m.Names.Lifecycles[l].Stages[code-1])
		} else {
			row = append(row, nil)
		}
	}
	return row
}

func orNull(there bool, v any) any {
	if there {
		return v
	}
	return nil
}

func expectWide(m *tables.Membership) grid {
	g := grid{columns: append([]string{"user_id"}, m.Names.Segments...)}
	for _, l := range m.Names.Lifecycles {
		g.columns = append(g.columns, l.Name)
	}
	for i := range m.Len() {
		row := []any{expectUser(&m.IDs, i)}
		for s := range m.Names.Segments {
			row = append(row, m.Sets.Has(i, s))
		}
		g.rows = append(g.rows, append(row, expectStages(m, i)...))
	}
	return g
}

func expectLong(m *tables.Membership) grid {
	g := grid{columns: []string{"user_id", "segment"}}
	if m.Since != nil {
		g.columns = append(g.columns, "since")
	}
	at := 0
	for i := range m.Len() {
		for s, name := range m.Names.Segments {
			if !m.Sets.Has(i, s) {
				continue
			}
			row := []any{expectUser(&m.IDs, i), name}
			if m.Since != nil {
				row = append(row, strconv.Itoa(int(m.Since[at])))
			}
			g.rows = append(g.rows, row)
			at++
		}
	}
	return g
}

func expectTransitions(t *tables.Transitions) grid {
	g := grid{columns: []string{"user_id", "segment", "change", "from", "to", "reason", "at", "event_id"}}
	stage := func(code uint16) any {
		if code == 0 {
			return nil
		}
		return t.Stages[code-1]
	}
	for i := range t.Len() {
		g.rows = append(g.rows, []any{
			expectUser(&t.IDs, int(t.User[i])), t.Segments[t.Segment[i]], t.Change[i].String(), stage(t.From[i]), stage(t.To[i]),
			t.Reason[i].String(), strconv.FormatInt(t.At, 10), fmt.Sprintf("x%016x%016x", t.EventID[2*i], t.EventID[2*i+1]),
		})
	}
	return g
}

// readBack reads a file row by row through parquet-go.
func readBack(t *testing.T, data []byte) grid {
	t.Helper()
	file, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var g grid
	for _, field := range file.Root().Columns() {
		g.columns = append(g.columns, field.Name())
	}
	for _, group := range file.RowGroups() {
		rows := group.Rows()
		buffer := make([]parquet.Row, 100)
		for {
			n, err := rows.ReadRows(buffer)
			for _, row := range buffer[:n] {
				g.rows = append(g.rows, plainRow(file, row))
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		rows.Close()
	}
	return g
}

func plainRow(file *parquet.File, row parquet.Row) (out []any) {
	fields := file.Root().Columns()
	row.Range(func(c int, values []parquet.Value) bool {
		leaf, isList := fields[c], !fields[c].Leaf()
		if !isList {
			out = append(out, plainValue(leaf.Type(), values[0]))
			return true
		}
		element := leaf.Column("list").Column("element")
		full := element.MaxDefinitionLevel()
		items := []any{}
		for _, v := range values {
			switch missing := full - v.DefinitionLevel(); {
			case missing == 0:
				items = append(items, plainValue(element.Type(), v))
			case missing == 1 && element.Optional():
				items = append(items, nil)
			case v.DefinitionLevel() == 0 && leaf.Optional():
				items = nil
			}
		}
		if items == nil {
			out = append(out, nil)
		} else {
			out = append(out, items)
		}
		return true
	})
	return out
}

func plainValue(t parquet.Type, v parquet.Value) any {
	if v.IsNull() {
		return nil
	}
	logical := t.LogicalType()
	switch v.Kind() {
	case parquet.Boolean:
		return v.Boolean()
	case parquet.Int32:
		if _, unsigned := plainInt(logical); unsigned {
			return strconv.FormatUint(uint64(v.Uint32()), 10)
		}
		return strconv.FormatInt(int64(v.Int32()), 10)
	case parquet.Int64:
		if _, unsigned := plainInt(logical); unsigned {
			return strconv.FormatUint(v.Uint64(), 10)
		}
		return strconv.FormatInt(v.Int64(), 10)
	case parquet.Float:
		return plainFloat(v.Float() == v.Float(), fmt.Sprintf("f%08x", math.Float32bits(v.Float())))
	case parquet.Double:
		return plainFloat(v.Double() == v.Double(), fmt.Sprintf("f%016x", math.Float64bits(v.Double())))
	}
	switch logicalOf(logical).(type) {
	case *format.StringType, *format.EnumType, *format.JsonType:
		return string(v.ByteArray())
	case *format.DecimalType:
		return plainDecimal(v.ByteArray())
	}
	return "x" + hex.EncodeToString(v.ByteArray())
}

func logicalOf(t *format.LogicalType) format.LogicalTypeValue {
	if t == nil {
		return nil
	}
	return t.Value
}

func plainInt(t *format.LogicalType) (width int, unsigned bool) {
	if i, ok := logicalOf(t).(*format.IntType); ok {
		return int(i.BitWidth), !i.IsSigned
	}
	return 0, false
}

func plainFloat(number bool, text string) any {
	if !number {
		return "fnan"
	}
	return text
}

func plainDecimal(b []byte) string {
	v := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0] >= 0x80 {
		v.Sub(v, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return v.String()
}

// sameGrid compares what was read with what was handed in.
func sameGrid(t *testing.T, who string, got, want grid) {
	t.Helper()
	if fmt.Sprint(got.columns) != fmt.Sprint(want.columns) {
		t.Fatalf("%s: columns %q, want %q", who, got.columns, want.columns)
	}
	if len(got.rows) != len(want.rows) {
		t.Fatalf("%s: %d rows, want %d", who, len(got.rows), len(want.rows))
	}
	for i := range want.rows {
		for c := range want.columns {
			if g, w := fmt.Sprintf("%#v", got.rows[i][c]), fmt.Sprintf("%#v", want.rows[i][c]); g != w {
				t.Fatalf("%s: row %d, column %q: %s, want %s", who, i, want.columns[c], g, w)
			}
		}
	}
}
