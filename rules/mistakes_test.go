package rules

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"strata/configs"
)

var update = flag.Bool("update", false, "write the golden files of the mistakes")

// mistakenSchema is the nightly schema, and columns of the types that mistakes are made with.
func mistakenSchema() *arrow.Schema {
	order := arrow.StructOf(arrow.Field{Name: "amount", Type: arrow.PrimitiveTypes.Float64, Nullable: true})
	return arrow.NewSchema(append(nightlySchema().Fields(), []arrow.Field{
		{Name: "utm-source", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "package", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "birthday", Type: arrow.FixedWidthTypes.Date32, Nullable: true},
		{Name: "token", Type: arrow.BinaryTypes.Binary, Nullable: true},
		{Name: "opens", Type: arrow.FixedWidthTypes.Time64us, Nullable: true},
		{Name: "huge", Type: &arrow.Decimal128Type{Precision: 29, Scale: 2}, Nullable: true},
		{Name: "address", Type: arrow.StructOf(arrow.Field{Name: "city", Type: arrow.BinaryTypes.String, Nullable: true}), Nullable: true},
		{Name: "orders", Type: arrow.ListOf(order), Nullable: true},
		{Name: "props", Type: arrow.MapOf(arrow.BinaryTypes.String, arrow.BinaryTypes.String), Nullable: true},
	}...), nil)
}

// TestMistakes compiles definitions full of typical mistakes: all of them come back at once, each with the place in the
// YAML file, the line, a caret and, where there is one, the way out. `go test ./rules -run TestMistakes -update` writes the
// golden files.
func TestMistakes(t *testing.T) {
	files, err := filepath.Glob("testdata/mistakes/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no mistakes: ", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			config, err := configs.Parse(filepath.Base(file), data)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Compile(mistakenSchema(), []Step{{Definitions: config.Definitions()}}, Options{UserID: "user_id"})
			if err == nil {
				t.Fatal("no mistake was found")
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(err.Error()+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, readErr := os.ReadFile(golden)
			if readErr != nil {
				t.Fatal(readErr)
			}
			if got := err.Error() + "\n"; got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}
