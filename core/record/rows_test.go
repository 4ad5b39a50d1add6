package record_test

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/crossbatch/crossbatch/core/record"
)

// What was added comes back, one by one and as ranges that do not touch, and goes
// through JSON.
func TestRowsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var want []int64
		var w record.RowsWriter
		at := int64(0)
		for range rapid.IntRange(0, 40).Draw(t, "ranges") {
			at += rapid.Int64Range(0, 300).Draw(t, "gap")
			first := at
			at += rapid.Int64Range(1, 5).Draw(t, "rows")
			if err := w.Add(first, at-1); err != nil {
				t.Fatal(err)
			}
			for row := first; row < at; row++ {
				want = append(want, row)
			}
		}
		body, err := json.Marshal(w.Rows())
		if err != nil {
			t.Fatal(err)
		}
		var rows record.Rows
		if err := json.Unmarshal(body, &rows); err != nil {
			t.Fatal(err)
		}
		if n, err := rows.Count(); err != nil || n != int64(len(want)) {
			t.Fatalf("count %d, %v, want %d", n, err, len(want))
		}
		var got []int64
		for c := rows.Cursor(); ; {
			row, ok := c.Next()
			if !ok {
				break
			}
			got = append(got, row)
		}
		var spread []int64
		last := int64(-2)
		for _, r := range rows.Ranges() {
			if r[0] <= last+1 {
				t.Fatalf("ranges %v touch", rows.Ranges())
			}
			last = r[1]
			for row := r[0]; row <= r[1]; row++ {
				spread = append(spread, row)
			}
		}
		if !slices.Equal(got, want) || !slices.Equal(spread, want) {
			t.Fatalf("got %v and %v, want %v", got, spread, want)
		}
		from := rapid.Int64Range(0, at+5).Draw(t, "from")
		c := rows.Cursor()
		c.PassTo(from)
		i, _ := slices.BinarySearch(want, from)
		if row, ok := c.Next(); ok != (i < len(want)) || ok && row != want[i] {
			t.Fatalf("from %d: %d, %v", from, row, ok)
		}
	})
}

func TestRowsOutOfOrder(t *testing.T) {
	for name, add := range map[string][][2]int64{
		"below zero": {{-1, 2}}, "backwards": {{3, 2}}, "twice": {{1, 3}, {3, 4}}, "before": {{5, 5}, {1, 1}}, "without end": {{0, math.MaxInt64}},
	} {
		var w record.RowsWriter
		var err error
		for _, r := range add {
			err = w.Add(r[0], r[1])
		}
		if !errors.Is(err, record.ErrRows) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever the bytes are, they are refused or read, and reading ends.
func FuzzRows(f *testing.F) {
	f.Add([]byte{0, 0, 1, 2})
	f.Add([]byte{0x80})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0, 1, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		rows := record.Rows(b)
		n, err := rows.Count()
		all := int64(0)
		for _, r := range rows.Ranges() {
			if all += r[1] - r[0] + 1; err == nil && (r[0] < 0 || r[1] < r[0]) {
				t.Fatalf("the range %v", r)
			}
		}
		if err == nil && all != n {
			t.Fatalf("%d rows, counted %d", all, n)
		}
	})
}
