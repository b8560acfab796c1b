package rules

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
)

// A stream is how far the evaluator has come in one column.
type stream struct {
	arr  arrow.Array // the array at hand, referenced; nil before the first and after the last
	from int         // the next row of it

	passed passage // the page that was passed over last
	misses int     // how often in a row statistics settled nothing
	wait   int     // how many arrays are read before statistics are asked again
}

func (s *stream) release() {
	if s.arr != nil {
		s.arr.Release()
	}
	s.arr, s.from = nil, 0
}

// runComponent evaluates the leaves of a component over the next n rows.
func (e *Evaluator) runComponent(c *component, n int) error {
	kept := e.work.isKept(c)
	for _, leaf := range c.leaves {
		e.windows[leaf].start(n)
	}
	views := make([]view, len(e.columns))
	for at := 0; at < n; {
		passed, err := e.passOver(c, at, n-at)
		if err != nil {
			return err
		}
		if at += passed; passed > 0 {
			continue
		}
		rows := min(e.batchRows, n-at)
		for _, column := range c.columns {
			left, err := e.fetch(column, n-at)
			if err != nil {
				return err
			}
			rows = min(rows, left)
		}
		for _, column := range c.columns {
			s := &e.streams[column]
			views[column] = view{s.arr, s.from, rows}
			s.from += rows
		}
		if kept {
			e.keepSlice(c, views, at, rows)
		}
		if err := e.runSlice(c, views, at, rows); err != nil {
			return err
		}
		for _, column := range c.columns {
			if s := &e.streams[column]; s.from == s.arr.Len() {
				s.release()
			}
		}
		at += rows
	}
	return nil
}

// fetch makes sure that a column has rows at hand and returns how many.
func (e *Evaluator) fetch(column, limit int) (int, error) {
	s := &e.streams[column]
	if s.arr != nil && s.from < s.arr.Len() {
		return s.arr.Len() - s.from, nil
	}
	s.release()
	arr, err := e.src.Next(e.columns[column], limit)
	switch {
	case errors.Is(err, io.EOF):
		return 0, fmt.Errorf("column %q has fewer rows than its row group, which has %d", e.columns[column], e.rows)
	case err != nil:
		return 0, fmt.Errorf("column %q: %w", e.columns[column], err)
	}
	if s.arr = arr; arr.Len() == 0 {
		return 0, fmt.Errorf("column %q: the reader returned no rows", e.columns[column])
	}
	return arr.Len(), nil
}

// beginSlice takes back what the last slice used.
func (e *Evaluator) beginSlice() {
	e.arena.reset()
	clear(e.sliced)
	e.flat, e.valid = e.flat[:0], e.valid[:0]
	e.err = nil
}

// runSlice evaluates the leaves that are not late over one slice of aligned rows, which starts at row at of the window.
func (e *Evaluator) runSlice(c *component, views []view, at, rows int) error {
	e.beginSlice()
	f := e.newFrame(rows, -1)
	f.views = views
	for _, b := range c.bundles {
		e.answerTogether(b, f)
	}
	for _, leaf := range c.leaves {
		switch {
		case e.take != nil:
			e.take(leaf, at, f)
		case e.work.level[leaf] > 0:
			continue
		default:
			e.windows[leaf].put(at, e.evalMask(leaf, f))
		}
		if e.err != nil {
			return e.columnFault(leaf)
		}
	}
	return nil
}

// columnFault names the columns that a leaf looks at.
func (e *Evaluator) columnFault(leaf nodeID) error {
	var names []string
	for _, column := range e.below[leaf] {
		names = append(names, strconv.Quote(e.columns[column]))
	}
	switch len(names) {
	case 0:
		return e.err
	case 1:
		return fmt.Errorf("column %s: %w", names[0], e.err)
	}
	return fmt.Errorf("columns %s: %w", strings.Join(names, ", "), e.err)
}
