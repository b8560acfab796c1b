package rules

import (
	"errors"
	"io"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// A graphBuilder makes graphs by hand.
type graphBuilder struct {
	nodes []node
	cuts  []nodeID
}

func (b *graphBuilder) add(nd node) nodeID {
	b.nodes = append(b.nodes, nd)
	return nodeID(len(b.nodes) - 1)
}

func (b *graphBuilder) column(name string, k kind) nodeID {
	return b.add(node{op: opColumn, typ: valueType{kind: k}, name: name})
}

func (b *graphBuilder) op(op opcode, k kind, args ...nodeID) nodeID {
	return b.add(node{op: op, typ: valueType{kind: k}, args: args})
}

func (b *graphBuilder) boolOp(op opcode, args ...nodeID) nodeID { return b.op(op, kindBool, args...) }

func (b *graphBuilder) lit(k kind, l literal) nodeID {
	return b.add(node{op: opConst, typ: valueType{kind: k}, lit: l})
}

func (b *graphBuilder) int(v int64) nodeID      { return b.lit(kindInt, literal{Int: v}) }
func (b *graphBuilder) double(v float64) nodeID { return b.lit(kindDouble, literal{Double: v}) }
func (b *graphBuilder) text(v string) nodeID    { return b.lit(kindString, literal{String: v}) }

func (b *graphBuilder) cut(id nodeID) { b.cuts = append(b.cuts, id) }

// executable makes the graph ready; every cut takes two bits.
func (b *graphBuilder) executable() *executable {
	var place []Cut
	for i := range b.cuts {
		place = append(place, Cut{Bit: 2 * i, FourValued: true})
	}
	return newExecutable(b.nodes, b.cuts, place, false)
}

// pagedColumns serves a record in pages of random lengths, each column its own.
type pagedColumns struct {
	rec   arrow.Record
	at    map[string]int64
	page  func() int
	fault map[string]error
}

func (p *pagedColumns) Rows() int64  { return p.rec.NumRows() }
func (p *pagedColumns) Close() error { return nil }

func (p *pagedColumns) Next(column string, limit int) (arrow.Array, error) {
	if err := p.fault[column]; err != nil && p.at[column] > 0 {
		return nil, err
	}
	arr := p.rec.Column(p.rec.Schema().FieldIndices(column)[0])
	from := p.at[column]
	if from == int64(arr.Len()) {
		return nil, io.EOF
	}
	to := min(from+int64(min(p.page(), limit)), int64(arr.Len()))
	p.at[column] = to
	return array.NewSlice(arr, from, to), nil
}

// evalString evaluates one cut over a record and spells the answers.
func evalString(t *testing.T, x *executable, rec arrow.Record) []string {
	t.Helper()
	e := newEvaluator(x, 0)
	answers, err := e.EvalRecord(rec)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for i := range x.cuts {
		out = append(out, answers.Cut(i).String())
	}
	return out
}

func TestFaultNamesTheColumn(t *testing.T) {
	var b graphBuilder
	b.cut(b.boolOp(opLt, b.column("age", kindInt), b.int(3)))
	rec := record(t, map[string]arrow.Array{"age": ints(t, make([]int64, 10), nil)})
	broken := errors.New("page 3 is torn")
	e := newEvaluator(b.executable(), 0)
	e.Start(&pagedColumns{rec: rec, at: map[string]int64{}, page: func() int { return 4 }, fault: map[string]error{"age": broken}})
	_, err := e.Next(10)
	if !errors.Is(err, broken) || err.Error() != `column "age": page 3 is torn` {
		t.Fatalf("Next() = %v", err)
	}
}

// Nothing is held after the last row, nor after a fault once the evaluator is closed.
func TestEverythingIsReleased(t *testing.T) {
	for _, torn := range []bool{false, true} {
		mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
		b := array.NewInt64Builder(mem)
		b.AppendValues(make([]int64, 1000), nil)
		coded := array.NewDictionaryBuilder(mem, &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String})
		for range 1000 {
			coded.(*array.BinaryDictionaryBuilder).AppendString("FR")
		}
		age, country := b.NewArray(), coded.NewArray()
		b.Release()
		coded.Release()
		fields := []arrow.Field{{Name: "age", Type: age.DataType()}, {Name: "country", Type: country.DataType()}}
		rec := array.NewRecord(arrow.NewSchema(fields, nil), []arrow.Array{age, country}, 1000)
		age.Release()
		country.Release()

		var g graphBuilder
		g.cut(g.boolOp(opEq, g.column("country", kindString), g.text("FR")))
		g.cut(g.boolOp(opLt, g.column("age", kindInt), g.op(opSize, kindInt, g.column("country", kindString))))
		e := newEvaluator(g.executable(), 64)
		src := &pagedColumns{rec: rec, at: map[string]int64{}, page: func() int { return 77 }}
		if torn {
			src.fault = map[string]error{"age": errors.New("torn")}
		}
		e.Start(src)
		_, err := e.Next(500)
		if !torn {
			_, err = e.Next(500)
		}
		if (err != nil) != torn {
			t.Fatal(err)
		}
		rec.Release()
		mem.AssertSize(t, 0)
	}
}
