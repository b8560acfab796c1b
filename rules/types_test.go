package rules

import (
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"strata/configs"
	"strata/pipeline/tables"
)

// TestTypesOfColumns is the table of RULES.md 3.5.
func TestTypesOfColumns(t *testing.T) {
	uuid := arrow.MetadataFrom(map[string]string{tables.LogicalKey: tables.LogicalUUID})
	for _, tc := range []struct {
		field arrow.Field
		want  string // the type, or part of the fault
	}{
		{arrow.Field{Type: arrow.PrimitiveTypes.Uint32}, "int"},
		{arrow.Field{Type: arrow.PrimitiveTypes.Uint64}, "uint"},
		{arrow.Field{Type: arrow.FixedWidthTypes.Float16}, "double"},
		{arrow.Field{Type: &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}}, "string"},
		{arrow.Field{Type: &arrow.FixedSizeBinaryType{ByteWidth: 16}, Metadata: uuid}, "string"},
		{arrow.Field{Type: &arrow.FixedSizeBinaryType{ByteWidth: 16}}, "bytes"},
		{arrow.Field{Type: arrow.FixedWidthTypes.Date64}, "date"},
		{arrow.Field{Type: &arrow.TimestampType{Unit: arrow.Nanosecond}}, "timestamp"},
		{arrow.Field{Type: &arrow.Decimal128Type{Precision: 15, Scale: 2}}, "double"},
		{arrow.Field{Type: &arrow.Decimal128Type{Precision: 16, Scale: 2}}, "as: double"},
		{arrow.Field{Type: arrow.Null}, "null"},
		{arrow.Field{Type: arrow.ListOf(arrow.PrimitiveTypes.Float32)}, "list(double)"},
		{arrow.Field{Type: arrow.MapOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int8)}, "map(string, int)"},
		{arrow.Field{Type: arrow.MapOf(arrow.PrimitiveTypes.Int8, arrow.PrimitiveTypes.Int8)}, "string keys"},
		{arrow.Field{Type: arrow.StructOf(arrow.Field{Name: "a", Type: arrow.BinaryTypes.String})}, "struct c"},
		{arrow.Field{Type: arrow.FixedWidthTypes.Time64us}, "which rules cannot use"},
		{arrow.Field{Type: arrow.FixedWidthTypes.MonthInterval}, "which rules cannot use"},
		{arrow.Field{Type: arrow.ListOf(arrow.FixedWidthTypes.Time32s)}, "which rules cannot use"},
	} {
		got, err := typeOf("c", tc.field)
		if err != nil {
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s: %v, want %q", tc.field.Type, err, tc.want)
			}
		} else if got.String() != tc.want {
			t.Errorf("%s: %s, want %s", tc.field.Type, got, tc.want)
		}
	}
}

// TestUnusableColumns are faults only where a rule names them.
func TestUnusableColumns(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.PrimitiveTypes.Int64},
		{Name: "opens", Type: arrow.FixedWidthTypes.Time64us, Nullable: true},
		{Name: "price", Type: &arrow.Decimal128Type{Precision: 38, Scale: 2}, Nullable: true},
		{Name: "shop", Type: arrow.StructOf(arrow.Field{Name: "opens", Type: arrow.FixedWidthTypes.Time64us}, arrow.Field{Name: "open", Type: arrow.FixedWidthTypes.Boolean}), Nullable: true},
	}, nil)
	for _, tc := range []struct{ rule, want string }{
		{`id > 3 && shop.open`, ``},
		{`opens == null`, `column "opens" is of type time64[us], which rules cannot use`},
		{`price > 3`, `column "price" is a decimal of 38 digits`},
		{`shop.opens == null`, `field "opens" of "shop" is of type time64[us], which rules cannot use`},
		{`exact > 3.0`, ``},
		{`texts == "a"`, `only texts have null_text`},
		{`dates == today`, `column "id" is an int, which cannot be read as date`},
		{`gone == "a"`, `the snapshot has no column "prize"`},
	} {
		step := testStep(tc.rule, func(s *Step) {
			s.Definitions.Columns = []configs.ColumnDecl{
				{Name: "exact", Column: "price", As: "double"},
				{Name: "texts", Column: "id", NullText: []string{"null"}},
				{Name: "dates", Column: "id", As: "date"},
				{Name: "gone", Column: "prize"},
			}
		})
		_, err := Compile(schema, []Step{step}, Options{UserID: "id"})
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: %v, want %q", tc.rule, err, tc.want)
		}
	}
}

// TestUUIDs: a literal, a list file and a declared column of UUIDs mean the same in either case of letters.
func TestUUIDs(t *testing.T) {
	const a, b = "0b5f7c1e-8d5a-4f0e-9a51-2f1d3c6b7a88", "ffffffff-0000-0000-0000-00000000000a"
	stored := array.NewFixedSizeBinaryBuilder(memory.DefaultAllocator, &arrow.FixedSizeBinaryType{ByteWidth: 16})
	defer stored.Release()
	stored.Append([]byte{0x0b, 0x5f, 0x7c, 0x1e, 0x8d, 0x5a, 0x4f, 0x0e, 0x9a, 0x51, 0x2f, 0x1d, 0x3c, 0x6b, 0x7a, 0x88})
	stored.Append([]byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0a})
	stored.AppendNull()
	text := array.NewStringBuilder(memory.DefaultAllocator)
	defer text.Release()
	text.AppendValues([]string{strings.ToUpper(a), b, "no UUID"}, nil)
	uuid := arrow.MetadataFrom(map[string]string{tables.LogicalKey: tables.LogicalUUID})
	ids, texts := stored.NewArray(), text.NewArray()
	defer ids.Release()
	defer texts.Release()
	rec := newRecord(t, arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: ids.DataType(), Metadata: uuid, Nullable: true},
		{Name: "raw", Type: ids.DataType(), Nullable: true},
		{Name: "text", Type: arrow.BinaryTypes.String, Nullable: true},
	}, nil), []arrow.Array{ids, ids, texts})
	list, err := NewList([]byte(strings.ToUpper(a) + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ rule, want string }{
		{`id == "` + strings.ToUpper(a) + `"`, "TFU"},
		{`id in ["` + strings.ToUpper(a) + `", "` + b + `"]`, "TTU"},
		{`id in file("ids")`, "TFU"},
		{`of_raw == id`, "TTU"},
		{`of_text == id`, "TTE"},
		{`of_text == "` + a + `"`, "TFE"},
		{`text == "` + a + `"`, "FFF"},
	} {
		step := testStep(tc.rule, func(s *Step) {
			s.Lists = map[string]*List{"ids": list}
			s.Definitions.Columns = []configs.ColumnDecl{{Name: "of_raw", Column: "raw", As: "uuid"}, {Name: "of_text", Column: "text", As: "uuid"}}
		})
		got, _, err := engine(t, step, rec, "other", 0)
		if err != nil || got != tc.want {
			t.Errorf("%s: %s, %v, want %s", tc.rule, got, err, tc.want)
		}
		if o, err := newOracle(step, rec, "other"); err != nil || o.answers() != tc.want {
			t.Errorf("%s: the oracle says %s, %v", tc.rule, o.answers(), err)
		}
	}
	if _, err := Compile(rec.Schema(), []Step{testStep(`id == "0b5f7c1e"`, nil)}, Options{UserID: "id"}); err == nil || !strings.Contains(err.Error(), "is not a UUID") {
		t.Errorf("a text that is no UUID: %v", err)
	}
}
