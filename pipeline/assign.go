package pipeline

import (
	"context"
	"errors"
	"io"

	"github.com/apache/arrow/go/v17/arrow"

	"strata/pipeline/catalog"
	"strata/pipeline/ids"
	"strata/pipeline/tables"
	"strata/rules"
)

// windowRows is how many rows of a row group are answered at a time: their answers are a few bits a row and rule, so this
// bounds what a row group of any size takes.
const windowRows = 1 << 17

// An assigner is one worker of the assign stage. It answers the rules for row groups and sends each user's id and bits to
// the exchange.
type assigner struct {
	run      *run
	eval     *rules.Evaluator
	exchange *exchange
	scatter  *scatter
	packer   *ids.Packer
	rows     tables.BitMatrix

	forgotten *ids.Forgotten // users who are left out
	leftOut   int64          // their rows

	rejected catalog.Rejects
	nulls    map[string]int64 // by column that a rule uses

	own       []string // the columns that travel, the user id first
	latest    []uint64 // a window's order words and row hashes, latestWords a row
	payload   []byte   // a window's export values, row by row
	payloadAt []uint32 // where each row's begin, and the end
	scratch   []byte

	hashColumns tables.Columns // of the row group at hand, where duplicates are to be settled
}

// rowGroup answers one row group.
func (a *assigner) rowGroup(ctx context.Context, at int) error {
	reading := a.run.readings[at]()
	src, err := a.run.openRowGroup(ctx, at, reading.columns)
	if err != nil {
		return err
	}
	defer src.Close()
	own, err := a.run.openRowGroup(ctx, at, a.own)
	if err != nil {
		return err
	}
	defer own.Close()
	if a.run.latest() {
		if a.hashColumns, err = a.run.openRowGroup(ctx, at, a.run.hashed); err != nil {
			return err
		}
		defer a.hashColumns.Close()
	}
	defer a.packer.Close()
	defer a.eval.Close()
	a.eval.StartPruned(&nullCounter{Columns: src, nulls: a.nulls, whole: a.run.unpruned}, reading.pruning)
	for left := src.Rows(); left > 0; {
		n := int(min(left, windowRows))
		left -= int64(n)
		if err := a.window(ctx, own, n); err != nil {
			return err
		}
	}
	return a.countNulls(src, reading)
}

// window answers the next n rows and scatters their users.
func (a *assigner) window(ctx context.Context, own tables.Columns, n int) error {
	answers, err := a.eval.Next(n)
	if err != nil {
		return err
	}
	answers.Rows(&a.rows)
	if err := a.carry(own, n); err != nil {
		return err
	}
	return a.scatterUsers(ctx, own, n)
}

// scatterUsers sends the users of the next n rows to their partitions.
func (a *assigner) scatterUsers(ctx context.Context, own tables.Columns, n int) error {
	for at := 0; at < n; {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		column, err := own.Next(a.own[0], n-at)
		if err != nil {
			return short(a.own[0], err)
		}
		err = a.users(column, at)
		at += column.Len()
		column.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

// short explains a column that ended before its row group did.
func short(column string, err error) error {
	if errors.Is(err, io.EOF) {
		return inputFault("column %q has fewer values than its row group has rows", column)
	}
	return err
}

// users scatters the users of an id array whose first row is row at of the window.
func (a *assigner) users(column arrow.Array, at int) error {
	packed, err := a.packer.Pack(column)
	if err != nil {
		return err
	}
	keys := a.exchange.lanes[0].keys
	for i := range column.Len() {
		if packed.Rejected(i) {
			a.reject(column.IsNull(i))
			continue
		}
		if a.forgotten != nil && leavesOut(a.forgotten, a.packer, packed, i) {
			a.leftOut++
			continue
		}
		partition := ids.Partition(packed.Hashes[i], a.exchange.partitionBits)
		if !packed.Fits(i) {
			err = a.textUser(partition, packed.Text(i), at+i)
		} else {
			var b *block
			var record []uint64
			if b, record, err = a.scatter.record(0, partition); err == nil {
				copy(record[:keys], packed.Words[i*keys:])
				a.fill(b, record[keys:], at+i)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *assigner) reject(null bool) {
	if null {
		a.rejected.Nulls++
	} else {
		a.rejected.Unusable++
	}
}

// textUser scatters a user whose id does not fit into words: into the last lane, which is that of such ids.
func (a *assigner) textUser(partition int, id []byte, row int) error {
	b, record, err := a.scatter.record(len(a.exchange.lanes)-1, partition)
	if err != nil {
		return err
	}
	record[0], record[1] = 0, b.addBytes(id)
	a.fill(b, record[2:], row)
	return nil
}

// fill writes what a record holds behind its key.
func (a *assigner) fill(b *block, record []uint64, row int) {
	n := copy(record, a.rows.Row(row))
	if a.run.latest() {
		copy(record[n:], a.latest[row*latestWords:(row+1)*latestWords])
	}
	if len(a.payloadAt) > 0 {
		record[len(record)-1] = b.addBytes(a.payload[a.payloadAt[row]:a.payloadAt[row+1]])
	}
}

// carry reads what travels beside the bits of a window's rows.
func (a *assigner) carry(own tables.Columns, n int) error {
	if a.run.latest() {
		if err := a.readLatest(n); err != nil {
			return err
		}
	}
	if len(a.run.exports) > 0 {
		return a.readPayload(own, n)
	}
	return nil
}

// readPayload lays the export values of a window's rows one after the other.
func (a *assigner) readPayload(own tables.Columns, n int) error {
	cursors := make([]cursor, len(a.run.exports))
	for i, column := range a.run.exports {
		cursors[i] = cursor{columns: own, name: column}
		defer cursors[i].close()
	}
	a.payload, a.payloadAt = a.payload[:0], append(a.payloadAt[:0], 0)
	for row := range n {
		for i := range cursors {
			column, at, err := cursors[i].next(n - row)
			if err != nil {
				return err
			}
			a.payload = appendValue(a.payload, column, at)
		}
		a.payloadAt = append(a.payloadAt, uint32(len(a.payload)))
	}
	return nil
}
