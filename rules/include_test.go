package rules

import (
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"strata/configs"
	"strata/pipeline/tables"
)

// TestIncludeAndExclude: lists name users by the canonical text of their ids, whatever the snapshot's type of id; exclude wins
// over include, include over the rule; and segment("x") sees what comes out.
func TestIncludeAndExclude(t *testing.T) {
	const first, second, third, fourth = "00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b", "00000000-0000-0000-0000-00000000000c", "00000000-0000-0000-0000-00000000000d"
	uuids := build(t, &arrow.FixedSizeBinaryType{ByteWidth: 16}, func(b *array.FixedSizeBinaryBuilder) {
		for _, last := range "\x0a\x0b\x0c\x0d" {
			b.Append([]byte("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" + string(last)))
		}
	})
	binary := build(t, arrow.BinaryTypes.Binary, func(b *array.BinaryBuilder) {
		for _, last := range "\x0a\x0b\x0c\x0d" {
			b.Append([]byte{0xff, byte(last)})
		}
	})
	unsigned := build(t, arrow.PrimitiveTypes.Uint64, func(b *array.Uint64Builder) { b.AppendValues([]uint64{1<<64 - 1, 2, 3, 4}, nil) })
	for _, tc := range []struct {
		name             string
		ids              arrow.Array
		logical          string
		include, exclude string
	}{
		{"int", int64s(t, -1, 2, 3, 4), "", "-1\n3\n", "3\n4\n"},
		{"uint", unsigned, "", "18446744073709551615\n3\n", "3\n4\n"},
		{"text", texts(t, "a", "B", "c d", "é"), "", "a\nc d\n", " c d \né\n"},
		{"uuid", uuids, tables.LogicalUUID, first + "\n" + third, third + "\n" + fourth},
		{"uuid, capitals in the list", uuids, tables.LogicalUUID, "00000000-0000-0000-0000-00000000000A\r\n00000000-0000-0000-0000-00000000000C", third + "\n" + fourth},
		{"uuid as text in capitals", texts(t, "00000000-0000-0000-0000-00000000000A", second, third, "00000000-0000-0000-0000-00000000000D"), "", first + "\n" + third, third + "\n" + fourth},
		{"binary", binary, "", "ff0a\nFF0C\n", "FF0c\nff0d\n"},
	} {
		include, err := NewList([]byte(tc.include))
		if err != nil {
			t.Fatal(err)
		}
		exclude, err := NewList([]byte(tc.exclude))
		if err != nil {
			t.Fatal(err)
		}
		id := arrow.Field{Name: "id", Type: tc.ids.DataType()}
		if tc.logical != "" {
			id.Metadata = arrow.MetadataFrom(map[string]string{tables.LogicalKey: tc.logical})
		}
		n := int64s(t, 0, 9, 9, nil)
		rec := newRecord(t, arrow.NewSchema([]arrow.Field{id, {Name: "n", Type: n.DataType(), Nullable: true}}, nil), []arrow.Array{tc.ids, n})
		definitions := &configs.Definitions{Timezone: "UTC", UserID: "id", Segments: []configs.Segment{
			{Name: "in", When: configs.NewExpr(`segment("x")`)},
			{Name: "out", When: configs.NewExpr(`!segment("x")`)},
			{Name: "x", When: configs.NewExpr("n > 3"), Include: "in.txt", Exclude: "out.txt"},
			{Name: "only", Include: "in.txt"},
		}}
		plan, err := Compile(rec.Schema(), []Step{{Definitions: definitions, Lists: map[string]*List{"in.txt": include, "out.txt": exclude}}}, Options{UserID: "id"})
		if err != nil {
			t.Fatal(err)
		}
		answers, err := plan.NewEvaluator(0).EvalRecord(rec)
		if err != nil {
			t.Fatal(err)
		}
		segments := plan.Segments(0)
		for what, cut := range map[string]struct {
			at   int
			want string
		}{
			"rule": {segments[2].When, "FTTU"}, "include": {segments[2].Include, "TFTF"}, "exclude": {segments[2].Exclude, "FFTT"},
			`segment("x")`: {segments[0].When, "TTFF"}, `!segment("x")`: {segments[1].When, "FFTT"}, "no rule": {segments[3].When, "FFFF"}, "only include": {segments[3].Include, "TFTF"},
		} {
			if got := answers.Cut(cut.at).String(); got != cut.want {
				t.Errorf("%s: %s: got %s, want %s", tc.name, what, got, cut.want)
			}
		}
		checkResolved(t, plan, answers, map[string]string{"in": "TTFF", "out": "FFTT", "x": "TTFF", "only": "TFTF"})
	}
}

// checkResolved compares who is a member, as diff resolves it, with letters T and F.
func checkResolved(t *testing.T, plan *Plan, answers *Answers, want map[string]string) {
	t.Helper()
	var matrix tables.BitMatrix
	answers.Rows(&matrix)
	bits := make([]uint64, 64*matrix.Width)
	TransposeRows(&matrix, 0, bits)
	var resolved Resolved
	plan.Resolve(0, bits, &resolved)
	for i, segment := range plan.Segments(0) {
		for row, letter := range want[segment.Name] {
			if got := resolved.Segments[i]>>row&1 == 1; got != (letter == 'T') {
				t.Errorf("%s: row %d: member %t, want %c", segment.Name, row, got, letter)
			}
		}
	}
}
