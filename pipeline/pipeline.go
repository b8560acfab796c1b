package pipeline

import (
	"context"
	"log/slog"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"strata/configs"
	"strata/pipeline/catalog"
	"strata/pipeline/ids"
	"strata/pipeline/objects"
	"strata/pipeline/tables"
)

// A Source finds and opens the snapshot of a date.
type Source interface {
	// Open lists and pins the snapshot's objects and reads their footers. An InputError says what is missing or broken; it is
	// ErrNoSnapshot where there is nothing at all.
	Open(ctx context.Context, date catalog.Date) (Snapshot, error)
}

// A Snapshot is all users of one date, in row groups.
type Snapshot interface {
	Schema() *arrow.Schema
	Rows() int64
	Objects() []objects.Info     // pinned, in order
	Address(object int) string   // where an object is
	ObjectRows(object int) int64 // how many rows it has
	Notes() []string             // what was widened, ignored or doubtful
	RowGroupRows() []int64       // the rows of every row group
	// Statistics tell what is known of a column of a row group without reading it.
	Statistics(at int, column string) tables.Statistics
	Check(columns []string) error // faults of columns that are about to be read: conflicts between files, unsupported types
	// OpenRowGroup fetches some columns of a row group.
	OpenRowGroup(ctx context.Context, at int, columns []string) (tables.Columns, error)
	// Prefetch begins to fetch columns of a row group that will be opened soon, where that takes time; release gives back
	// what is held. A row group that does not exist is none.
	Prefetch(ctx context.Context, at int, columns []string) (release func())
	// Unchanged looks whether the objects are still in the versions that were pinned.
	Unchanged(ctx context.Context) error
	Close()
}

// An Encoder makes the files of one partition. One goroutine uses it.
type Encoder interface {
	Membership(*tables.Membership) (tables.File, error)
	Wide(*tables.Membership) (tables.File, error)
	Long(*tables.Membership) (tables.File, error)
	Transitions(*tables.Transitions) (tables.File, error)
}

// A StateReader reads what earlier runs have published.
type StateReader interface {
	// ReadMembership reads the users of one membership file.
	ReadMembership(ctx context.Context, bucket objects.Bucket, file objects.Info, names *tables.Names, typ ids.Type, since bool) (*tables.Membership, error)
	// ReadEvents reads the event ids of one transitions file, two words each: of those users whose hash keep is true for, or of
	// all where it is nil.
	ReadEvents(ctx context.Context, bucket objects.Bucket, file objects.Info, keep func(hash uint64) bool) ([]uint64, error)
	// ReadSchema reads what columns a published file has.
	ReadSchema(ctx context.Context, bucket objects.Bucket, file objects.Info) (*arrow.Schema, error)
	// ReadColumns reads columns that a run copied from its snapshot, as the types of fields; visit is called with the arrays of one
	// column after the other and the row at which each begins. A column that the file lacks is null.
	ReadColumns(ctx context.Context, bucket objects.Bucket, file objects.Info, fields []arrow.Field, visit func(column, at int, rows arrow.Array) error) error
}

// Progress is told how far a run is. Its methods may be called by many goroutines.
type Progress interface {
	// Stage begins a stage of total units, which ends the stage before it.
	Stage(name string, total int64)
	// Done counts units of the stage at hand.
	Done(units int64)
}

// A Job is one run of one date. Config, Date, Source, State, NewEncoder, Catalog and ReadList must be set.
type Job struct {
	Config     *configs.Config
	Date       catalog.Date
	Now        time.Time // overrides the configured now (and today, by its local date) unless zero
	Source     Source
	State      StateReader
	NewEncoder func() Encoder
	Catalog    *catalog.Catalog
	// ReadList reads a file of ids by the path in the configuration.
	ReadList func(ctx context.Context, path string) ([]byte, error)

	Workers   int    // 0: one a core
	Memory    int64  // bytes the exchange and the columns may take; 0: a quarter of the machine's
	BatchRows int    // rows of an aligned slice, 1..1048576; 0: 4096
	TempDir   string // for what Memory does not hold; empty: the system's

	Force          bool // run even when up to date
	Accept         bool // publish in spite of a guard
	KeepReplaced   bool // leave a replaced run's files where they are
	CountDoubts    bool // of Check: count whom negations leave out
	CompareColumns bool // of Check: with those of the run before the date, which Catalog finds

	Version  string // of the program, for the manifest
	Progress Progress
	Log      *slog.Logger

	replays      *catalog.Manifest // what the run is to make again, against another previous run; nil: it follows Config
	inFull       bool              // a replay is computed from the snapshot, whatever is known
	unwarned     bool              // what rules are warned of is told already
	unpruned     bool              // statistics are not asked. Tests set it.
	partitions   int               // of the exchange, a power of two; 0: as many as the data asks for. Tests set it.
	perPartition int64             // rows that ask for a partition; 0: usersPerPartition. Tests set it.
}

// A Result is what a run did.
type Result struct {
	Manifest *catalog.Manifest
	UpToDate bool     // nothing had changed, so nothing was done
	Why      []string // what differs from the run that it replaces; empty where it replaces none, or was forced
}
