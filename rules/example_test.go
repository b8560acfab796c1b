package rules_test

import (
	"fmt"
	"log"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"strata/configs"
	"strata/pipeline/tables"
	"strata/rules"
)

// A plan is compiled once; its evaluators answer Arrow records of the same schema; the answers are resolved 64 users at a time.
func Example() {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "user_id", Type: arrow.PrimitiveTypes.Int64},
		{Name: "ltv", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
	}, nil)
	definitions := &configs.Definitions{
		Timezone: "UTC", UserID: "user_id",
		Segments: []configs.Segment{{Name: "vip", When: configs.NewExpr("ltv > 800")}},
	}
	day := time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	step := rules.Step{Definitions: definitions, Now: day, Today: int32(day.Unix() / 86400)}
	plan, err := rules.Compile(schema, []rules.Step{step}, rules.Options{UserID: "user_id"})
	if err != nil {
		log.Fatal(err) // configs.Problems: every fault with its place
	}

	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	b.Field(0).(*array.Int64Builder).AppendValues([]int64{1, 2, 3}, nil)
	b.Field(1).(*array.Float64Builder).AppendValues([]float64{900, 10, 0}, []bool{true, true, false})
	users := b.NewRecord()
	defer users.Release()

	answers, err := plan.NewEvaluator(0).EvalRecord(users)
	if err != nil {
		log.Fatal(err)
	}
	var rows tables.BitMatrix // what would travel with the ids
	answers.Rows(&rows)
	cuts := make([]uint64, 64*rows.Width)
	there := rules.TransposeRows(&rows, 0, cuts)
	var resolved rules.Resolved
	plan.Resolve(0, cuts, &resolved)
	fmt.Printf("vip: members %03b, unknown %03b\n", resolved.Segments[0]&there, resolved.Unknown[0]&there)
	// Output: vip: members 001, unknown 100
}
