package rules

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"github.com/apache/arrow/go/v17/arrow"
)

// A reciter finds the values of terms for the first row of a record.
type reciter struct {
	*Evaluator
	row  *frame
	null map[string]bool // columns of the record that are null
}

const valueTrue = "true"

func newReciter(x *executable, rec arrow.Record) (*reciter, error) {
	if rec.NumRows() < 1 {
		return nil, fmt.Errorf("the record has no row")
	}
	r := &reciter{Evaluator: newEvaluator(x, 1), null: map[string]bool{}}
	r.row = r.newFrame(1, -1)
	r.row.views = make([]view, len(r.columns))
	for i, column := range r.columns {
		if at := rec.Schema().FieldIndices(column); len(at) > 0 {
			r.row.views[i] = view{rec.Column(at[0]), 0, 1}
			r.null[column] = rec.Column(at[0]).IsNull(0)
		}
	}
	return r, nil
}

// valueOf is the value of a node in row i of a frame.
func (r *reciter) valueOf(id nodeID, f *frame, i int) ref.Val {
	nd := &r.nodes[id]
	zone := time.UTC
	if nd.zone != nil {
		zone = nd.zone.location
	}
	return r.eval(id, f).valueAt(i, nd.typ, zone)
}

// term tells of a sub-expression in row i of a frame.
func (r *reciter) term(t *telling, f *frame, i int) Term {
	value := r.value(t, f, i)
	out := Term{Text: t.text, Note: t.note, Value: valueText(value)}
	for _, part := range t.terms {
		out.Terms = append(out.Terms, r.term(part, f, i))
	}
	if t.body != nil {
		out.Terms = append(out.Terms, r.elements(t, f, i)...)
	}
	switch out.Value {
	case ValueUnknown:
		if t.column {
			out.Value, out.Cause = ValueNull, t.text+" is null"
		} else {
			out.Cause = r.unknownCause(t, out.Terms)
		}
	case ValueError:
		out.Cause = r.errorCause(t, out.Terms, f, i)
	}
	return out
}

// value is what a term is in row i of a frame.
func (r *reciter) value(t *telling, f *frame, i int) ref.Val {
	if t.node >= 0 {
		return r.valueOf(t.node, f, i)
	}
	return r.run(t, f, i)
}

// run asks a term's program.
func (r *reciter) run(t *telling, f *frame, i int) ref.Val {
	if t.program == nil {
		return types.NewErr("it has no value of its own")
	}
	values := make([]ref.Val, len(t.args))
	for j, arg := range t.args {
		values[j] = r.valueOf(arg, f, i)
	}
	p := interpreted{program: t.program, names: t.names}
	return p.eval(values)
}

// unknownCause names the columns for which a term is unknown: those of its parts that are, else those below it that are null.
func (r *reciter) unknownCause(t *telling, terms []Term) string {
	if cause := causes(terms, ValueUnknown, ValueNull); cause != "" || t.node < 0 {
		return cause
	}
	var out []string
	for _, column := range r.nodes[t.node].columns {
		if r.null[column] {
			out = append(out, column+" is null")
		}
	}
	return strings.Join(out, ", ")
}

// errorCause names what failed: in the parts, else in the term itself.
func (r *reciter) errorCause(t *telling, terms []Term, f *frame, i int) string {
	if cause := causes(terms, ValueError); cause != "" {
		return cause
	}
	if fault, ok := r.run(t, f, i).(*types.Err); ok {
		return t.text + ": " + plainFault(fault.Error())
	}
	return t.text + " failed"
}

// causes joins the causes of those terms that have one of some values.
func causes(terms []Term, values ...string) string {
	var out []string
	for _, term := range terms {
		if slices.Contains(values, term.Value) && term.Cause != "" {
			out = appendNew(out, term.Cause)
		}
	}
	return strings.Join(out, ", ")
}

// plainFault words a fault of the interpreter for who writes rules.
func plainFault(fault string) string {
	for _, known := range []struct{ contains, plain string }{
		{"divi", "division by zero"},
		{"modulus by zero", "division by zero"},
		{"overflow", "the result does not fit its type"},
		{"out of bounds", "there is no such element"},
		{"out of range", "the result is out of range"},
	} {
		if strings.Contains(fault, known.contains) {
			return known.plain
		}
	}
	return fault
}

// maxElements is how many elements of a list a comprehension is told for.
const maxElements = 3

// elements tells the body of a comprehension for the elements that decide, else for the first ones.
func (r *reciter) elements(t *telling, f *frame, i int) []Term {
	lists := r.eval(t.list, f)
	inner, starts, ok := r.flatten(lists, t.depth, f)
	if !ok || !lists.knows(i) {
		return nil
	}
	var all []Term
	count := int(starts[i+1] - starts[i])
	for at := range count {
		term := r.term(t.body, inner, int(starts[i])+at)
		term.Note = elementNote(at, count)
		all = append(all, term)
	}
	return deciding(all)
}

// deciding picks few terms: those of the rarest value come first, then the order of the list.
func deciding(all []Term) []Term {
	if len(all) <= maxElements {
		return all
	}
	often := map[string]int{}
	for _, term := range all {
		often[term.Value]++
	}
	order := make([]int, len(all))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return often[all[a].Value] - often[all[b].Value] })
	order = order[:maxElements]
	slices.Sort(order)
	var out []Term
	for _, at := range order {
		out = append(out, all[at])
	}
	return out
}

// valueText writes a value as a rule would.
func valueText(value ref.Val) string {
	switch v := value.(type) {
	case *types.Unknown:
		return ValueUnknown
	case *types.Err:
		return ValueError
	case types.Double:
		return doubleText(float64(v))
	case types.Uint:
		return strconv.FormatUint(uint64(v), 10) + "u"
	case types.String:
		return strconv.Quote(string(v))
	case types.Bytes:
		return "b" + strconv.Quote(string(v))
	case types.Timestamp:
		return v.Format(time.RFC3339Nano)
	case types.Duration:
		return v.Duration.String()
	case date:
		return string(v.ConvertToType(types.StringType).(types.String))
	case *structure:
		return structText(v)
	case lenient:
		return mapText(v.Mapper)
	case traits.Mapper:
		return mapText(v)
	case traits.Lister:
		return listText(v)
	}
	return fmt.Sprint(value.Value())
}

// partText writes a value inside of another; one that is missing is null.
func partText(value ref.Val) string {
	if text := valueText(value); text != ValueUnknown {
		return text
	}
	return ValueNull
}

func doubleText(v float64) string {
	text := strconv.FormatFloat(v, 'g', -1, 64)
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return text
}

func listText(list traits.Lister) string {
	var out []string
	size, _ := list.Size().(types.Int)
	for i := range size {
		out = append(out, partText(list.Get(i)))
	}
	return "[" + strings.Join(out, ", ") + "]"
}

func mapText(m traits.Mapper) string {
	var out []string
	for it := m.Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		value, _ := m.Find(key)
		out = append(out, valueText(key)+": "+partText(value))
	}
	slices.Sort(out)
	return "{" + strings.Join(out, ", ") + "}"
}

func structText(s *structure) string {
	var out []string
	for i, f := range s.typ.fields {
		out = append(out, f.name+": "+partText(s.fields[i]))
	}
	return "{" + strings.Join(out, ", ") + "}"
}
