package pipeline

import (
	"encoding/binary"

	"github.com/zeebo/xxh3"

	"strata/pipeline/ids"
	"strata/pipeline/tables"
)

// eventID names a transition for ever: xxh3-128 of date, segment, user, change, from and to, each with its length before
// it (an unsigned varint; an absent stage has length 0). A rerun of the date makes the same id, so a consumer can drop the repeat.
func (d *differ) eventID(id *ids.Column, i, segment int, change tables.Change, from, to uint16) (high, low uint64) {
	text := appendField(d.text[:0], d.date)
	text = appendField(text, d.words.eventNames[segment])
	at := len(text) + 1
	text = append(text, 0)
	text = id.AppendText(text, i)
	if n := len(text) - at; n < 0x80 {
		text[at-1] = byte(n)
	} else {
		text = appendField(text[:at-1], id.TextAt(i))
	}
	text = appendField(text, change.String())
	text = appendField(text, d.words.stageName(from))
	text = appendField(text, d.words.stageName(to))
	d.text = text
	sum := xxh3.Hash128(text)
	return sum.Hi, sum.Lo
}

func appendField(dst []byte, field string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(field))), field...)
}
