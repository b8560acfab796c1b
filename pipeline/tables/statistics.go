package tables

import "github.com/apache/arrow/go/v17/arrow"

// Statistics say what is known of one column in some rows, those of a row group or of a page, without reading it. The zero
// value says nothing of them, and is always right.
//
// Whoever makes them answers for them: what may be wrong is left out. Their arrays are on the Go heap, so nobody releases
// them, and they hold no null.
type Statistics struct {
	Rows    int64
	Counted bool  // Nulls is known
	Nulls   int64 // how many rows are null; only where Counted

	// Bounds are two values of the column's type in the snapshot's schema: no row is below the first or above the second,
	// but doubles may be NaN. Nil where they are not known, and where there is no value.
	Bounds arrow.Array
	// Values are all values that occur, and perhaps others; none where every row is null. Nil where they are not known.
	Values arrow.Array
}

// A PageSkipper is Columns that can pass over pages without unpacking them.
type PageSkipper interface {
	// SkipPage asks settled about the statistics of the next page of a column. Where that says that nobody needs to see the
	// page, it is passed over, and rows is how many it has. Otherwise, where nothing is known of the page, and within one, rows is
	// 0: the rows are still to be read.
	SkipPage(column string, settled func(Statistics) bool) (rows int64, err error)
}
