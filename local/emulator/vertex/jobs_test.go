package vertex

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// rows are lines {"k":"r-N","v":N}.
func rows(n int) string {
	var out strings.Builder
	for i := range n {
		fmt.Fprintf(&out, "{\"k\":\"r-%d\",\"v\":%d}\n", i, i)
	}
	return out.String()
}

func TestLife(t *testing.T) {
	w := newWorld(t, Options{})
	w.put("in/a", rows(200))
	j := w.succeeds(aJob(keyed))
	results, stats := w.results(j)
	var want []string
	for i := range 200 {
		want = append(want, fmt.Sprintf(`{"key": "r-%d", "prediction": {"saw":{"v":%d}}}`, i, i))
	}
	if slices.Equal(results, want) {
		t.Error("the results are in order, which the service does not promise")
	}
	slices.Sort(results)
	slices.Sort(want)
	if !slices.Equal(results, want) || len(stats) != 0 {
		t.Errorf("%d results, %q", len(results), stats)
	}
	t.Log(j)
}
