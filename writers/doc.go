// Package writers encodes membership and transitions as Parquet files.
//
// It takes columns, never rows: one hash partition of users is one file, built in memory page by page on parquet-go's
// format and thrift packages, because any row or column writer costs several times the encoding itself. The same tables
// give the same bytes, always: nothing of the run, the clock or the build is in a file. Every file is checked against
// the counts that were handed in before it is returned, and any Parquet reader can read it.
//
// A file has one row group, sorted by user_id, or none where it has no rows. Its data pages are V2, end at a row and have a
// checksum; a page is compressed with zstd where that pays. Places in dictionaries have as few bits as will do. Sorted ids
// are deltas: numbers by DELTA_BINARY_PACKED, texts by DELTA_BYTE_ARRAY, and texts of UUIDs, which share little, by
// DELTA_LENGTH_BYTE_ARRAY under a Huffman code that is known beforehand. Every column but strata_state and event_id, whose
// order means nothing, has bounds of the chunk and of each page; user_id has a bloom filter.
package writers
