// Package tables holds the shapes that travel between rooms: the columns of a row group, of membership and of transitions.
//
// It is ground floor beside objects and ids: everyone may import it. Readers fill these shapes, rules and pipeline work on
// them, writers encode them; nobody needs to import the other.
package tables

import (
	"math"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"strata/pipeline/ids"
)

// LogicalKey is the key of an Arrow field's metadata that names a logical type which Arrow v17 has no type for. Its value
// is one of the Logical constants; a field without the key means what its Arrow type says.
const LogicalKey = "strata.logical"

// Logical types beyond Arrow's: a UUID is a FixedSizeBinary(16), the others are strings.
const (
	LogicalUUID = "uuid"
	LogicalEnum = "enum"
	LogicalJSON = "json"
)

// Columns yields the columns of one row group. One goroutine uses it; each column advances on its own.
type Columns interface {
	// Rows is the number of rows of the row group.
	Rows() int64
	// Next returns the next rows of one column, at least 1 and at most limit of them, as an array (dictionaries kept;
	// the array may be a slice with an offset). The caller releases it. After the last row it returns io.EOF. The name is
	// that of a field of the snapshot's schema; a column that the file lacks is all null.
	Next(column string, limit int) (arrow.Array, error)
	// Close gives back what the row group holds. Arrays that were returned stay valid until released.
	Close() error
}

// A BitMatrix holds Bits bits for each of n rows, row by row in whole words: bit b of row i is bit b%64 of word
// i*Width+b/64. Bits past the last are zero.
type BitMatrix struct {
	Width int // words a row, (bits+63)/64; at least 1
	Words []uint64
}

// Row returns the words of row i, shared with the matrix.
func (m *BitMatrix) Row(i int) []uint64 { return m.Words[i*m.Width : (i+1)*m.Width] }

// Has reports bit b of row i.
func (m *BitMatrix) Has(i, b int) bool { return m.Words[i*m.Width+b>>6]>>(b&63)&1 != 0 }

// Names are what the columns of a run's tables speak of: the segments and lifecycles in definition order.
type Names struct {
	Segments   []string    `json:"segments"`
	Lifecycles []Lifecycle `json:"lifecycles"`

	// What strata_state has dates of although no column shows them, in the order above: the segments and lifecycles whose since-dates
	// rules need, none where all are tracked; and the segments of which last exits are kept.
	Dated []string `json:"dated,omitempty"`
	Exits []string `json:"exits,omitempty"`
}

// Segment is the place of a segment, or -1.
func (n *Names) Segment(name string) int { return slices.Index(n.Segments, name) }

// Lifecycle is the place of a lifecycle, or -1.
func (n *Names) Lifecycle(name string) int {
	return slices.IndexFunc(n.Lifecycles, func(l Lifecycle) bool { return l.Name == name })
}

// A Lifecycle names its stages in definition order.
type Lifecycle struct {
	Name   string   `json:"name"`
	Stages []string `json:"stages"`
}

// Membership is one partition of the membership table: every user of the snapshot, sorted by id, each id once. The sets and
// stages speak in the order of Names. It owns its slices; the extra columns hold one reference each.
type Membership struct {
	Names      *Names
	IDs        ids.Column
	Sets       BitMatrix  // bit s of row i: the user is in segment s
	Stages     [][]uint16 // by lifecycle, n rows: the stage's place in Names plus 1, or 0 for none
	Since      []int32    // nil unless tracked: days since 1970-01-01 of every set bit, row by row, in segment order
	StageSince [][]int32  // nil unless tracked: by lifecycle, n rows; 0 where there is no stage
	KeptSince  [][]int32  // by Names.Dated, n rows: NoDay for who is not in the segment or in no stage
	LastExits  [][]int32  // by Names.Exits, n rows: NoDay without one
	Extra      []arrow.Array
	ExtraNames []string
	Values     [][]byte // nil unless a run may carry them: by user, what Extra shows, in a form that the run knows
	// ExtraLogical is nil, or names the logical type of each extra column that Arrow has no type for: one of the Logical
	// constants, or "".
	ExtraLogical []string
}

// NoDay stands where there is no date.
const NoDay = math.MinInt32

// Len returns the number of users.
func (m *Membership) Len() int { return m.IDs.Len() }

// Release gives back the extra columns.
func (m *Membership) Release() {
	for _, column := range m.Extra {
		column.Release()
	}
	m.Extra = nil
}

// A Change says what happened to a user in a segment or lifecycle.
type Change uint8

// The changes, in the order of their codes.
const (
	Initial Change = iota
	Entered
	Exited
	Moved

	Changes = 4 // how many there are
)

// ChangeNames are the texts that the transitions table shows, by code.
var ChangeNames = []string{"initial", "entered", "exited", "moved"}

func (c Change) String() string { return ChangeNames[c] }

// A Reason says why.
type Reason uint8

// The reasons, in the order of their codes.
const (
	UserNew Reason = iota
	UserDeleted
	UserChanged
	TimePassed
	RuleChanged
	ListChanged
	SegmentAdded
	SegmentRemoved

	Reasons = 8 // how many there are
)

// ReasonNames are the texts that the transitions table shows, by code.
var ReasonNames = []string{
	"user_new", "user_deleted", "user_changed", "time_passed", "rule_changed", "list_changed", "segment_added", "segment_removed",
}

func (r Reason) String() string { return ReasonNames[r] }

// Transitions is one partition of the transitions table, sorted by user id, then by the place of the segment or lifecycle
// in Segments. It owns its slices.
type Transitions struct {
	IDs      ids.Column // the users with a change, sorted, each once
	Segments []string   // what the codes of Segment name: segments and lifecycles, those that were removed last
	Stages   []string   // what the codes of From and To name, plus 1

	// One entry a transition.
	User    []uint32 // place in IDs, never falling
	Segment []uint16
	Change  []Change
	Reason  []Reason
	From    []uint16 // 0 is null
	To      []uint16 // 0 is null
	EventID []uint64 // two words a transition, high word first: 16 big-endian bytes

	At int64 // microseconds since 1970-01-01 UTC, the same for all: the run's now
}

// Len returns the number of transitions.
func (t *Transitions) Len() int { return len(t.User) }

// A File is one encoded Parquet file of one partition, complete and checked against what was handed to the encoder.
type File struct {
	Data    []byte // owned by the caller
	Rows    int64
	CRC32C  uint32        // of Data, polynomial of Castagnoli
	Columns []ColumnCount // every column that holds values, in the order of the schema
}

// A ColumnCount says what was written of one column: its slots, which are one for each value, null or empty list, and how
// many of them hold no value. A list counts by its values: the column of "segments" is "segments.list.element".
type ColumnCount struct {
	Name   string
	Values int64
	Nulls  int64
}

// A Transition is one row of the transitions table, as people read it.
type Transition struct {
	User    string `json:"user_id"` // canonical
	Segment string `json:"segment"` // or a lifecycle
	Change  string `json:"change"`
	From    string `json:"from,omitempty"` // empty: null
	To      string `json:"to,omitempty"`
	Reason  string `json:"reason"`
	At      int64  `json:"-"` // microseconds since 1970-01-01 UTC
}
