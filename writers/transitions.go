package writers

import (
	"github.com/parquet-go/parquet-go/format"

	"strata/pipeline/tables"
)

// Transitions encodes one partition of the transitions table: user_id, segment, change, from, to, reason, at, event_id.
func (w *Writer) Transitions(t *tables.Transitions) (tables.File, error) {
	if err := fitsTransitions(t); err != nil {
		return tables.File{}, err
	}
	out, err := w.begin("transitions", t.Len(), true)
	if err != nil {
		return tables.File{}, err
	}
	out.all(userColumn(&w.scratch, &t.IDs, t.User))
	out.all(named("segment", t.Segments, t.Segment))
	out.all(named("change", tables.ChangeNames, t.Change))
	out.codes(stageOf("from", t.Stages, t.From), t.From)
	out.codes(stageOf("to", t.Stages, t.To), t.To)
	out.all(named("reason", tables.ReasonNames, t.Reason))
	at := timestampType(&format.MicroSeconds{}, true)
	out.all(column{name: "at", typ: at, levels: everywhere{}, values: &indexes{
		typ: at, places: make([]uint32, t.Len()), entries: numbersOf(&at, []int64{t.At}),
	}})
	event := uuidType
	event.order = unordered // bounds of what is random tell nothing
	out.all(column{name: "event_id", typ: event, levels: everywhere{}, values: uuids{words: t.EventID}})
	return out.finish()
}

// named is a column of codes that have names.
func named[T ~uint8 | ~uint16](name string, names []string, codes []T) column {
	places := make([]uint32, len(codes))
	for i, code := range codes {
		places[i] = uint32(code)
	}
	return column{name: name, typ: stringType, levels: everywhere{}, values: &indexes{typ: stringType, places: places, entries: namesOf(names)}}
}

func stageOf(name string, stages []string, codes []uint16) column {
	valid, places := placesOfCodes(codes)
	return column{
		name: name, shape: optional, typ: stringType, levels: nullable{valid: valid},
		values: &indexes{typ: stringType, places: places, entries: namesOf(stages)},
	}
}
