// Package parquet reads records from Parquet files and writes ok scorer lines as
// row groups of Parquet files.
//
// Reading takes only the wanted columns, in batches of rows that reuse their
// memory, and hands them out as record.Values. Pages are taken apart here and
// not by the library's row readers, because input may be damaged or hostile: all
// sizes that a file claims are checked against what it holds before memory is
// given to them. Writing makes row groups one by one, each from its lines alone,
// so that any process can encode any of them and the bytes are the same.
//
// It works on bytes and readers. It must not know jobs, models, or the places
// where files lie or where scoring runs.
package parquet
