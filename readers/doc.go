// Package readers turns Parquet files in buckets into Arrow arrays: the snapshot of a date, and the membership that an
// earlier run published.
//
// A Snapshot is opened from pinned objects: their footers are read and their schemas unified. Its row groups then yield the
// columns that someone asks for, a page at a time; nothing else is fetched or decoded. Pages are decoded by parquet-go; dense
// ones become arrays without a copy, dictionaries stay dictionaries. Every error names the object and, where there are such,
// the row group and the column.
package readers
