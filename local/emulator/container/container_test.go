package container

import (
	"io"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOutput(t *testing.T) {
	var got []string
	out := NewOutput(func(line string) { got = append(got, line) })
	for _, text := range []string{"one\ntw", "o\r\n\n", "\xff\n", strings.Repeat("x", maxLogLine+3), "\nend"} {
		if n, err := io.WriteString(out, text); n != len(text) || err != nil {
			t.Errorf("%d %v", n, err)
		}
	}
	out.Flush()
	out.Flush()
	if want := []string{"one", "two", "\uFFFD", strings.Repeat("x", maxLogLine), "xxx", "end"}; !slices.Equal(got, want) {
		t.Errorf("%.40q, want %.40q", got, want)
	}
	var none Output
	if _, err := io.WriteString(none, "nowhere"); err != nil {
		t.Error(err)
	}
	none.Flush()
}
