package main

import (
	"context"
	"io"

	pq "github.com/parquet-go/parquet-go"
)

// writeParquet writes the columns id (int64) and f0, f1, … (float), compressed
// with Snappy as most writers do. The rows are those of the text files.
func writeParquet(ctx context.Context, w io.Writer, src *source, rows int64) error {
	group := pq.Group{"id": pq.Compressed(pq.Leaf(pq.Int64Type), &pq.Snappy)}
	names := columns(len(src.row))
	for _, name := range names {
		group[name] = pq.Compressed(pq.Leaf(pq.FloatType), &pq.Snappy)
	}
	schema := pq.NewSchema("rows", group)
	at := map[string]int{} // the columns of a group stand in the order of their names
	for i, path := range schema.Columns() {
		at[path[0]] = i
	}
	out := pq.NewGenericWriter[any](w, schema, pq.MaxRowsPerRowGroup(100_000))
	row := make(pq.Row, len(names)+1)
	for id := int64(1); id <= rows; id++ {
		if id%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		row[at["id"]] = pq.Int64Value(id).Level(0, 0, at["id"])
		for i, v := range src.next() {
			c := at[names[i]]
			row[c] = pq.FloatValue(float32(v)).Level(0, 0, c)
		}
		if _, err := out.WriteRows([]pq.Row{row}); err != nil {
			return err
		}
	}
	return out.Close()
}
