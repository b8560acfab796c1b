package cases

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"strata/configs"
	"strata/pipeline"
	"strata/pipeline/catalog"
	"strata/pipeline/ids"
)

// A Suite is a test file made ready to run: the schema of its users and their rows. It does not change; its cases may run at
// the same time.
type Suite struct {
	file    *configs.Suite
	config  *configs.Config // the job's, without what only matters to publishing
	schema  *arrow.Schema
	idField arrow.Field
	idType  ids.Type
	tools   Tools
	cases   []preparedCase

	encoders sync.Pool
}

// Tools are what a run needs besides definitions and users. All must be set.
type Tools struct {
	History    pipeline.HistoryReader
	NewEncoder func() pipeline.Encoder
	ReadList   func(ctx context.Context, path string) ([]byte, error)
	// ReadSchema reads the schema of a Parquet file; the path is absolute, or relative to the working folder.
	ReadSchema func(ctx context.Context, path string) (*arrow.Schema, error)
}

// A preparedCase is a case with the rows of its dates.
type preparedCase struct {
	*configs.Case
	nights []preparedNight
}

type preparedNight struct {
	*configs.Night
	users arrow.Record
}

// Prepare reads the types and values of a test file, and checks that rules fit the columns. All faults come back at once, as
// configs.Problems.
func Prepare(ctx context.Context, file *configs.Suite, config *configs.Config, tools Tools) (*Suite, error) {
	s := &Suite{file: file, config: config.ForTests(), tools: tools, encoders: sync.Pool{New: func() any { return tools.NewEncoder() }}}
	problems, err := s.findSchema(ctx)
	if err != nil {
		return nil, err
	}
	if len(problems) == 0 {
		problems = append(problems, s.readCases()...)
	}
	var names configs.Problems
	if errors.As(file.CheckAgainst(config), &names) {
		problems = append(problems, names...)
	}
	if err := problems.Err(); err != nil {
		s.Release()
		return nil, err
	}
	if err := s.checkRules(ctx); err != nil {
		s.Release()
		return nil, err
	}
	return s, nil
}

// Release gives back the rows.
func (s *Suite) Release() {
	for _, c := range s.cases {
		for _, night := range c.nights {
			night.users.Release()
		}
	}
	s.cases = nil
}

// findSchema joins the columns of the Parquet file, of the test file, and those whose type the configuration declares.
func (s *Suite) findSchema(ctx context.Context) (problems configs.Problems, err error) {
	var fields []arrow.Field
	put := func(f arrow.Field) {
		if at := slices.IndexFunc(fields, func(have arrow.Field) bool { return have.Name == f.Name }); at >= 0 {
			fields[at] = f
			return
		}
		fields = append(fields, f)
	}
	for _, declared := range s.config.Snapshot.Columns {
		if declared.As != "" {
			f, _ := fieldOf(s.config.ColumnOf(declared.Name), strings.Replace(declared.As, "uuid", "string", 1)) // as: has no other types
			put(f)
		}
	}
	if s.file.Schema != "" {
		schema, err := s.tools.ReadSchema(ctx, s.file.Resolve(s.file.Schema))
		if err != nil {
			return append(problems, s.file.Problem(s.file.SchemaPos, fmt.Sprintf("schema: %v", err), "name a Parquet file of the snapshot")), nil
		}
		for _, f := range schema.Fields() {
			f.Nullable = true
			put(f)
		}
	}
	for _, column := range s.file.Columns {
		f, err := fieldOf(s.config.ColumnOf(column.Name), column.Text)
		if err != nil {
			problems = append(problems, s.file.Problem(column.Pos, fmt.Sprintf("column %q: %v", column.Name, err),
				"types are int, double, string, bool, timestamp, date, bytes, uuid, decimal(9, 2), list<..>, map<..>, struct<a: ..>"))
			continue
		}
		put(f)
	}
	return append(problems, s.findID(fields, put)...), nil
}

// findID finds the column of ids, which is text where nobody says otherwise.
func (s *Suite) findID(fields []arrow.Field, put func(arrow.Field)) (problems configs.Problems) {
	id := s.config.Snapshot.UserID
	at := slices.IndexFunc(fields, func(f arrow.Field) bool { return f.Name == id })
	if at < 0 {
		s.idField = arrow.Field{Name: id, Type: arrow.BinaryTypes.String, Nullable: true}
		put(s.idField)
		fields = append(fields, s.idField)
	} else {
		s.idField = fields[at]
	}
	var err error
	if s.idType, err = ids.TypeOf(s.idField); err != nil {
		problems = append(problems, s.file.Problem(configs.Pos{File: s.file.File, Line: 1, Column: 1}, err.Error(), ""))
	}
	s.schema = arrow.NewSchema(fields, nil)
	if d := &s.config.Snapshot.Duplicates; len(s.schema.FieldIndices(s.config.ColumnOf(d.By))) == 0 {
		*d = configs.Duplicates{Keep: configs.KeepNone} // no test gives a user twice, then
	}
	return problems
}

// readCases reads the rows of all users.
func (s *Suite) readCases() (problems configs.Problems) {
	r := &rowReader{suite: s, missing: map[string]bool{}}
	for i := range s.file.Cases {
		c := preparedCase{Case: &s.file.Cases[i]}
		for _, night := range c.Nights() {
			if !night.Users.Stated && len(c.nights) > 0 {
				before := c.nights[len(c.nights)-1].users
				before.Retain()
				c.nights = append(c.nights, preparedNight{&night, before})
				continue
			}
			c.nights = append(c.nights, preparedNight{&night, r.record(night.Users.Rows)})
		}
		r.problems = append(r.problems, s.checkUsers(c.Case)...)
		s.cases = append(s.cases, c)
	}
	return r.problems
}

// checkUsers reports texts that cannot be user ids, users whom a case tells of twice, and those of whom it expects something and
// tells nothing.
func (s *Suite) checkUsers(c *configs.Case) (problems configs.Problems) {
	once := func(values []*configs.Value) {
		seen := map[string]bool{}
		for _, v := range values {
			text, problem := s.userID(v)
			if problem == nil && seen[text] {
				problem = s.file.Problem(v.Pos, fmt.Sprintf("user %s is here twice", text), "keep one")
			}
			if seen[text] = true; problem != nil {
				problems = append(problems, problem)
			}
		}
	}
	var before []*configs.Value
	for i := range c.Previous.Users {
		before = append(before, &c.Previous.Users[i].User)
	}
	once(before)
	users := s.usersOf(c)
	for _, night := range c.Nights() {
		var expected []*configs.Value
		for i := range night.Expect {
			v := &night.Expect[i].User
			if text, problem := s.userID(v); problem == nil && !slices.Contains(users, text) {
				problems = append(problems, s.file.Problem(v.Pos, fmt.Sprintf("case %q has no user %s", c.Name, text), didYouMean(text, users)))
			}
			expected = append(expected, v)
		}
		once(expected)
	}
	return problems
}

// usersOf are the ids of all users that a case tells of, on any of its dates or before.
func (s *Suite) usersOf(c *configs.Case) (users []string) {
	add := func(v *configs.Value) {
		if text, problem := s.userID(v); problem == nil {
			users = append(users, text)
		}
	}
	for i := range c.Previous.Users {
		add(&c.Previous.Users[i].User)
	}
	for _, night := range c.Nights() {
		for _, row := range night.Users.Rows {
			for i := range row.Cells {
				if s.config.ColumnOf(row.Cells[i].Name) == s.config.Snapshot.UserID {
					add(&row.Cells[i].Value)
				}
			}
		}
	}
	return users
}

// A rowReader makes records of rows as they are written.
type rowReader struct {
	suite    *Suite
	missing  map[string]bool // columns without a type, each told once
	problems configs.Problems
}

func (r *rowReader) record(rows []configs.User) arrow.Record {
	b := array.NewRecordBuilder(memory.DefaultAllocator, r.suite.schema)
	defer b.Release()
	for i := range rows {
		given := r.cells(&rows[i])
		for at, f := range r.suite.schema.Fields() {
			value := given[f.Name]
			if value == nil {
				value = &configs.Value{Pos: rows[i].Pos, Null: true}
			}
			if fault := appendValue(b.Field(at), value); fault != nil {
				r.problems = append(r.problems, r.suite.file.Problem(fault.pos, fmt.Sprintf("column %q: %s", f.Name, fault.text), fault.hint))
				b.Field(at).AppendNull()
			}
		}
	}
	if len(r.problems) > 0 { // builders may have halves of values
		return array.NewRecord(r.suite.schema, nullColumns(r.suite.schema), 0)
	}
	return b.NewRecord()
}

func nullColumns(schema *arrow.Schema) (out []arrow.Array) {
	for _, f := range schema.Fields() {
		b := array.NewBuilder(memory.DefaultAllocator, f.Type)
		out = append(out, b.NewArray())
		b.Release()
	}
	return out
}

// cells are the values of a row by the columns that the snapshot has.
func (r *rowReader) cells(user *configs.User) map[string]*configs.Value {
	given := map[string]*configs.Value{}
	for i := range user.Cells {
		cell := &user.Cells[i]
		column := r.suite.config.ColumnOf(cell.Name)
		switch {
		case given[column] != nil:
			r.problems = append(r.problems, r.suite.file.Problem(cell.NamePos, fmt.Sprintf("column %q is here twice, under two names", column), "keep one"))
		case len(r.suite.schema.FieldIndices(column)) == 0:
			if !r.missing[column] {
				r.problems = append(r.problems, r.suite.unknownColumn(cell))
			}
			r.missing[column] = true
		}
		given[column] = &cell.Value
	}
	return given
}

// unknownColumn is the problem of a column whose type nobody tells. The hint is a column of a like name, or the type that the
// value looks like.
func (s *Suite) unknownColumn(cell *configs.Cell) *configs.Problem {
	var names []string
	for _, f := range s.schema.Fields() {
		names = append(names, f.Name)
	}
	hint := didYouMean(cell.Name, names)
	if hint == "" {
		hint = fmt.Sprintf("add it: columns: {%s: %s}", cell.Name, likelyType(&cell.Value))
	}
	return s.file.Problem(cell.NamePos, fmt.Sprintf("column %q has no type", cell.Name), hint)
}

// likelyType is the type that a value looks like.
func likelyType(v *configs.Value) string {
	switch {
	case v.IsList && len(v.List) > 0:
		return "list<" + likelyType(&v.List[0]) + ">"
	case v.IsList:
		return "list<string>"
	case v.IsMap:
		return "map<string>"
	case v.Quoted:
		return "string"
	}
	switch v.Kind {
	case "int", "bool":
		return v.Kind
	case "float":
		return "double"
	case "timestamp":
		if len(v.Text) == len("2026-11-02") {
			return "date"
		}
		return "timestamp"
	}
	return "string"
}

// checkRules compiles the definitions against the columns, so that what they lack is told once and not by every case.
func (s *Suite) checkRules(ctx context.Context) error {
	empty := array.NewRecord(s.schema, nullColumns(s.schema), 0)
	defer empty.Release()
	job := s.job(s.file.File, empty, &where{})
	job.Date, job.Catalog = catalog.FromDays(0), nil // there is no output yet
	_, err := pipeline.Check(ctx, job)
	var problems configs.Problems
	if errors.As(err, &problems) {
		return &ColumnsError{s.file.File, problems}
	}
	return err
}

// A ColumnsError is that the definitions do not fit the columns of a test file.
type ColumnsError struct {
	File     string
	Problems configs.Problems
}

func (e *ColumnsError) Error() string {
	return fmt.Sprintf("the rules do not fit the columns of %s; add those that are missing there, under columns: {name: type} or by schema: FILE.parquet", e.File)
}
