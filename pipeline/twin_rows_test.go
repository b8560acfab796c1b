package pipeline_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
)

// The rows of the random snapshots. The naive twin reads them back with parquet-go's own row reader: it shares no reader with
// the job.

// attributes has a column of every kind that rules can ask about.
type attributes struct {
	Country *string  `parquet:"country,dict"`
	Plan    *string  `parquet:"plan"`
	Note    *string  `parquet:"note,json"`
	Age     *int32   `parquet:"age"`
	Level   int32    `parquet:"level,int(8)"`
	Big     *int64   `parquet:"big"`
	Visits  *uint32  `parquet:"visits"`
	LTV     *float64 `parquet:"ltv"`
	Ratio   *float32 `parquet:"ratio"`
	OptIn   *bool    `parquet:"opt_in"`
	Seen    *int64   `parquet:"seen,timestamp(microsecond)"`
	Ordered *int64   `parquet:"ordered,timestamp(millisecond)"`
	Paid    int64    `parquet:"paid,timestamp(nanosecond)"`
	Born    *int32   `parquet:"born,date"`
	Price   *int64   `parquet:"price,decimal(2:12)"`
	Tags    []string `parquet:"tags,list"`
	Updated *int64   `parquet:"updated,timestamp(microsecond)"`

	Legacy  deprecated.Int96  `parquet:"legacy"`
	Ref     *uuid.UUID        `parquet:"ref"`
	Props   map[string]string `parquet:"props"`
	Address *addressType      `parquet:"address"`
}

type addressType struct {
	City *string `parquet:"city"`
}

// knownRef is the UUID that half of the users refer to.
var knownRef = uuid.UUID{0xca, 0xfe, 15: 7}

type textRowType struct {
	UserID *string `parquet:"user_id"`
	attributes
}

type intRowType struct {
	UserID *int64 `parquet:"user_id"`
	attributes
}

type uuidRowType struct {
	UserID *uuid.UUID `parquet:"user_id"`
	attributes
}

// A person is a row as the generator thinks of it. An empty id is a null one; "?" is an empty text.
type person struct {
	id string
	attributes
	propKey string // while a row is read
}

// idKinds are the kinds of ids of random snapshots.
var idKinds = []string{"text", "uuid text", "mixed text", "int", "uuid"}

func randomID(r *rand.Rand, kind string, n int) string {
	number := fmt.Sprint(n)
	uuid := uuidOf(uint64(n)*0x9E3779B97F4A7C15, uint64(n)*0xBF58476D1CE4E5B9)
	switch kind {
	case "text":
		return "user-" + number
	case "int":
		return fmt.Sprint(int64(n-20) * 4_294_967_303)
	case "mixed text":
		if n%3 == 0 {
			return "ü" + number
		}
	}
	if kind != "uuid" && r.IntN(4) == 0 {
		return strings.ToUpper(uuid) // names the same user
	}
	return uuid
}

func uuidOf(high, low uint64) string {
	text := fmt.Sprintf("%016x%016x", high, low)
	return strings.Join([]string{text[:8], text[8:12], text[12:16], text[16:20], text[20:]}, "-")
}

// encodeRows writes people as a Parquet file of small pages and row groups.
func encodeRows(t testing.TB, kind string, people []person) []byte {
	t.Helper()
	var out bytes.Buffer
	options := []parquet.WriterOption{parquet.PageBufferSize(256), parquet.MaxRowsPerRowGroup(17)}
	switch kind {
	case "int":
		encodeAs(t, &out, people, options, func(p person) intRowType {
			row := intRowType{attributes: p.attributes}
			if p.id != "" {
				var n int64
				if _, err := fmt.Sscan(p.id, &n); err != nil {
					t.Fatal(err)
				}
				row.UserID = &n
			}
			return row
		})
	case "uuid":
		encodeAs(t, &out, people, options, func(p person) uuidRowType {
			row := uuidRowType{attributes: p.attributes}
			if p.id != "" {
				var id [16]byte
				if _, err := hex.Decode(id[:], []byte(strings.ReplaceAll(p.id, "-", ""))); err != nil {
					t.Fatal(err)
				}
				row.UserID = (*uuid.UUID)(&id)
			}
			return row
		})
	default:
		encodeAs(t, &out, people, options, func(p person) textRowType {
			row := textRowType{attributes: p.attributes}
			if p.id != "" {
				id := strings.TrimPrefix(p.id, "?")
				row.UserID = &id
			}
			return row
		})
	}
	return out.Bytes()
}

func encodeAs[R any](t testing.TB, out *bytes.Buffer, people []person, options []parquet.WriterOption, row func(person) R) {
	t.Helper()
	w := parquet.NewGenericWriter[R](out, options...)
	for _, p := range people {
		if _, err := w.Write([]R{row(p)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// decodeRows reads people back, row by row and value by value.
func decodeRows(t testing.TB, data []byte) []person {
	t.Helper()
	file, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	paths := file.Schema().Columns()
	var people []person
	for _, group := range file.RowGroups() {
		reader := group.Rows()
		buffer := make([]parquet.Row, 16)
		for err == nil {
			var n int
			n, err = reader.ReadRows(buffer)
			for _, row := range buffer[:n] {
				people = append(people, decodePerson(paths, row))
			}
		}
		if err = reader.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return people
}

func decodePerson(paths [][]string, row parquet.Row) (p person) {
	for _, v := range row {
		if v.IsNull() {
			continue
		}
		switch paths[v.Column()][0] {
		case "user_id":
			p.id = decodeID(v)
		case "country":
			p.Country = ref(v.String())
		case "plan":
			p.Plan = ref(v.String())
		case "note":
			p.Note = ref(v.String())
		case "age":
			p.Age = ref(v.Int32())
		case "level":
			p.Level = v.Int32()
		case "big":
			p.Big = ref(v.Int64())
		case "visits":
			p.Visits = ref(v.Uint32())
		case "ltv":
			p.LTV = ref(v.Double())
		case "ratio":
			p.Ratio = ref(v.Float())
		case "opt_in":
			p.OptIn = ref(v.Boolean())
		case "seen":
			p.Seen = ref(v.Int64())
		case "ordered":
			p.Ordered = ref(v.Int64())
		case "paid":
			p.Paid = v.Int64()
		case "born":
			p.Born = ref(v.Int32())
		case "price":
			p.Price = ref(v.Int64())
		case "tags":
			p.Tags = append(p.Tags, v.String())
		case "updated":
			p.Updated = ref(v.Int64())
		case "legacy":
			p.Legacy = v.Int96()
		case "ref":
			p.Ref = ref(uuid.UUID(v.ByteArray()))
		case "address":
			p.Address = &addressType{City: ref(v.String())}
		case "props":
			p.addProp(paths[v.Column()], v.String())
		}
	}
	return p
}

func ref[T any](v T) *T { return &v }

// addProp takes the keys of a map, then its values: a row has one key at most.
func (p *person) addProp(path []string, text string) {
	if p.Props == nil {
		p.Props = map[string]string{}
	}
	if path[len(path)-1] == "key" {
		p.propKey = text
		return
	}
	p.Props[p.propKey] = text
}

// decodeID is the canonical text of an id; an empty text is "?".
func decodeID(v parquet.Value) string {
	switch v.Kind() {
	case parquet.Int64:
		return fmt.Sprint(v.Int64())
	case parquet.FixedLenByteArray:
		x := hex.EncodeToString(v.ByteArray())
		return strings.Join([]string{x[:8], x[8:12], x[12:16], x[16:20], x[20:]}, "-")
	}
	if v.String() == "" {
		return "?"
	}
	return v.String()
}

// canonical is the text that names a user: UUID texts in lower case.
func canonical(id string) string {
	if len(id) == 36 && strings.Count(id, "-") == 4 {
		return strings.ToLower(id)
	}
	return id
}

func maybe[T any](r *rand.Rand, v T) *T {
	if r.IntN(6) == 0 {
		return nil
	}
	return &v
}

// randomAttributes makes a user as of an instant (microseconds).
func randomAttributes(r *rand.Rand, now int64) attributes {
	const hour = 3_600_000_000
	ago := func(hours int) int64 { return now - int64(r.IntN(hours))*hour + int64(r.IntN(30))*hour/10 }
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	a := attributes{
		Country: maybe(r, pick("FR", "DE", "US", "")), Plan: maybe(r, pick("free", "basic", "pro")), Note: maybe(r, pick("{}", `{"a":1}`)),
		Age: maybe(r, int32(r.IntN(60)+10)), Level: int32(r.IntN(5) - 2), Big: maybe(r, 9007199254740990+int64(r.IntN(6))),
		Visits: maybe(r, uint32(r.IntN(4))), LTV: maybe(r, float64(r.IntN(1000))/4), Ratio: maybe(r, float32(r.IntN(8))/8),
		OptIn: maybe(r, r.IntN(2) == 0), Seen: maybe(r, ago(24*40)), Ordered: maybe(r, ago(24*100)/1000), Paid: ago(24*20) * 1000,
		Born: maybe(r, int32(now/86_400_000_000)-int32(r.IntN(20000))), Price: maybe(r, int64(r.IntN(20000)-5000)), Updated: maybe(r, ago(24*3)),
	}
	a.Legacy = int96(ago(24*60) * 1000)
	if a.Ref = maybe(r, knownRef); a.Ref != nil && r.IntN(2) == 0 {
		a.Ref[15] = byte(r.IntN(5))
	}
	if r.IntN(3) > 0 {
		a.Props = map[string]string{pick("tier", "shop"): pick("gold", "silver")}
	}
	if r.IntN(4) > 0 {
		a.Address = &addressType{City: maybe(r, pick("Paris", "Rome"))}
	}
	for range r.IntN(4) {
		a.Tags = append(a.Tags, pick("vip", "beta", "news"))
	}
	return a
}

// int96 is an instant in nanoseconds as a Julian day and the nanoseconds of that day.
func int96(nanos int64) deprecated.Int96 {
	const day = 86_400_000_000_000
	of := uint64(nanos % day)
	return deprecated.Int96{uint32(of), uint32(of >> 32), uint32(nanos/day + 2440588)}
}
