// Package writers encodes membership and transitions as Parquet files.
//
// It takes columns, never rows: one hash partition of users is one file, built in memory page by page on parquet-go's
// format and thrift packages, because any row or column writer costs several times the encoding itself. The same tables
// give the same bytes, always: nothing of the run, the clock or the build is in a file. Every file is checked against
// the counts that were handed in before it is returned, and any Parquet reader can read it.
package writers
