// Package readers turns Parquet files in buckets into Arrow arrays: the snapshot of a date, and the membership that an
// earlier run published.
//
// A Snapshot is opened from pinned objects: their footers are read and their schemas joined. Its row groups then yield the
// columns that someone asks for, some rows at a time; nothing else is fetched or decoded. Dense pages become arrays without a copy,
// dictionaries stay dictionaries, memory is pooled and given back when an array is released.
//
// Files come from others and may be damaged or worse. parquet-go knows the format's metadata; walking over pages and decoding them is
// done here, because nothing may be allocated on the word of a file: every count and size is checked against what bounds it,
// runs are read only as far as asked for, and a codec may not give more than its page header says. Every error names the object
// and, where there are such, the row group and the column.
package readers
