package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"strata/configs"
	"strata/pipeline/tables"
	"strata/rules"
)

// A scope tells the users that a run is limited to, by the rule snapshot.where. It looks at nothing but the columns that
// membership shows, so it can be asked of the previous run's users as well as of the snapshot's.
type scope struct {
	where   configs.Expr
	plan    *rules.Plan
	columns []string // those of membership, as the snapshot names them
	batch   int      // rows that expressions over several columns take at a time
}

// isScoped says whether the run has a scope.
func (r *run) isScoped() bool { return r.Config.Snapshot.Where.Text != "" }

// whereName is what rules call the scope: a name that no segment of a file can have.
const whereName = "snapshot.where"

// makeScope compiles the scope, where there is one. It reports all that a scope cannot look at.
func (r *run) makeScope() error {
	where := r.Config.Snapshot.Where
	if where.Text == "" {
		return nil
	}
	last := r.steps[len(r.steps)-1].Step
	all := last.Definitions
	definitions := &configs.Definitions{
		Timezone: all.Timezone, Now: all.Now, UserID: all.UserID, Columns: all.Columns, Segments: []configs.Segment{{Name: whereName, When: where}},
	}
	if len(rules.ListPaths(definitions)) > 0 {
		return scopeFault(where, "it asks for a list file", "a list does not tell of users that the run does not read; use a column of membership.columns")
	}
	if !rules.Stateless(definitions) {
		return scopeFault(where, "it looks at the run before", "a scope is about what the snapshot shows of a user")
	}
	plan, err := rules.Compile(r.snapshot.Schema(), []rules.Step{{Definitions: definitions, Now: last.Now, Today: last.Today}},
		rules.Options{UserID: all.UserID, Columns: r.Config.Membership.Columns})
	if err != nil {
		return aboutTheScope(err)
	}
	r.scope = &scope{where: where, plan: plan, columns: r.exports, batch: r.BatchRows}
	return r.scope.check(r.plan)
}

// check refuses what would not mean the same for the users that are not read.
func (s *scope) check(definitions *rules.Plan) error {
	for _, column := range s.plan.Columns() {
		if !slices.Contains(s.columns, column) {
			return scopeFault(s.where, fmt.Sprintf("it looks at the column %q, which is not among membership.columns", column),
				"add the column there: the next run then knows it of users that it does not read")
		}
	}
	if s.plan.Surveys(0) {
		return scopeFault(s.where, "it looks at all users together", "a scope is about one user at a time")
	}
	if definitions.Surveys(definitions.Steps() - 1) {
		return noSurvey(s.where)
	}
	return nil
}

// noSurvey refuses population functions beside a scope: of the users who are not read nothing is known.
func noSurvey(where configs.Expr) error {
	return scopeFault(where, "rules that look at all users together (quantile, mean, rank, ntile, top) have no answer about a part of them",
		"take these rules out, or the scope")
}

func scopeFault(where configs.Expr, message, hint string) error {
	return configs.Problems{where.Problem(1, 1, whereName+": "+message, hint)}
}

// aboutTheScope words the faults of the scope as what they are: about no segment.
func aboutTheScope(err error) error {
	var problems configs.Problems
	if errors.As(err, &problems) {
		for _, p := range problems {
			p.Message = strings.Replace(p.Message, fmt.Sprintf("segment %q: ", whereName), whereName+": ", 1)
		}
	}
	return err
}

// users says which of n users are in scope, as a bitmap. columns are those that membership shows of them.
func (s *scope) users(ctx context.Context, columns []arrow.Array, n int) ([]uint64, error) {
	in := make([]uint64, 0, (n+63)/64)
	if n == 0 {
		return in, nil
	}
	eval := s.plan.NewEvaluator(s.batch)
	defer eval.Close()
	eval.Start(&arrayColumns{names: s.columns, columns: columns, rows: n, next: make([]int, len(columns))})
	words := make([]uint64, s.plan.Bits())
	var resolved rules.Resolved
	err := eachWindow(ctx, eval, func(answers *rules.Answers) {
		for row := 0; row < answers.Len(); row += 64 {
			answers.Words(row/64, words)
			s.plan.Resolve(0, words, &resolved)
			in = append(in, resolved.Segments[0]&(^uint64(0)>>(64-min(64, answers.Len()-row))))
		}
	})
	return in, err
}

// oneLine is a rule on one line.
func oneLine(rule string) string { return strings.Join(strings.Fields(rule), " ") }

// has reports bit i of a bitmap.
func has(bitmap []uint64, i int) bool { return bitmap[i>>6]>>(i&63)&1 != 0 }

// arrayColumns are columns whose rows are all there. It fits tables.Columns; the arrays are the caller's.
type arrayColumns struct {
	names   []string
	columns []arrow.Array
	rows    int
	next    []int // by column: the row that comes next
}

func (c *arrayColumns) Rows() int64  { return int64(c.rows) }
func (c *arrayColumns) Close() error { return nil }

func (c *arrayColumns) Next(column string, limit int) (arrow.Array, error) {
	i := slices.Index(c.names, column)
	if i < 0 {
		return nil, fmt.Errorf("there is no column %q", column)
	}
	from := c.next[i]
	if from == c.rows {
		return nil, io.EOF
	}
	c.next[i] = min(from+limit, c.rows)
	return array.NewSlice(c.columns[i], int64(from), int64(c.next[i])), nil
}

// exportFields are the columns that membership shows, as it has them.
func (r *run) exportFields() []arrow.Field {
	fields, logical := make([]arrow.Field, len(r.exports)), r.exportLogical()
	for i, t := range r.exportTypes() {
		fields[i] = arrow.Field{Name: r.Config.Membership.Columns[i], Type: plainType(t), Nullable: true}
		if logical[i] != "" {
			fields[i].Metadata = arrow.NewMetadata([]string{tables.LogicalKey}, []string{logical[i]})
		}
	}
	return fields
}
