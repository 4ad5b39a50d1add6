package transform

import (
	"bufio"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFields(t *testing.T) {
	for row, want := range map[string][]string{
		"": {""}, "a": {"a"}, "a,b": {"a", "b"}, ",": {"", ""}, `"a,b",c`: {`"a,b"`, "c"}, `a,"b""c"`: {"a", `"b""c"`}, `"",""`: {`""`, `""`}, `a"b,c`: {`a"b`, "c"}, `"a",`: {`"a"`, ""},
	} {
		if got, err := fields(row); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s has fields %q %v, want %q", row, got, err, want)
		}
	}
	for _, row := range []string{`"`, `"a`, `"a""`, `"a"b,c`, `x,"`} {
		if got, err := fields(row); err == nil {
			t.Errorf("%s has fields %q", row, got)
		}
	}
}

// FuzzFields holds that fields are the row, cut at commas.
func FuzzFields(f *testing.F) {
	for _, row := range []string{"", "a,b", `"a,""b",c`, `"`, `",`, `"a"b`} {
		f.Add(row)
	}
	f.Fuzz(func(t *testing.T, row string) {
		out, err := fields(row)
		if err == nil && strings.Join(out, ",") != row {
			t.Fatalf("%q has fields %q", row, out)
		}
	})
}

func TestSpool(t *testing.T) {
	for _, size := range []int{0, 1, spoolMemory, spoolMemory + 1, 3*spoolMemory + 7} {
		folder := t.TempDir()
		s := newSpool(folder)
		text := strings.Repeat("0123456789abcdef", size/16+1)[:size]
		for rest := text; rest != ""; {
			n := min(len(rest), 100_000)
			if _, err := io.WriteString(s, rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		for range 2 {
			if got, err := io.ReadAll(s.reader()); err != nil || string(got) != text {
				t.Errorf("of %d bytes %d came back: %v", size, len(got), err)
			}
		}
		if (s.file != nil) != (size > spoolMemory) {
			t.Errorf("%d bytes in a file: %t", size, s.file != nil)
		}
		if size > 0 {
			if last, err := s.last(); err != nil || last != text[size-1] {
				t.Errorf("the last of %d bytes is %q %v", size, last, err)
			}
			s.truncate(s.size - 1)
			if got, err := io.ReadAll(s.reader()); err != nil || string(got) != text[:size-1] {
				t.Errorf("of %d bytes %d are left: %v", size-1, len(got), err)
			}
		}
		s.close()
		if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v %v", left, err)
		}
	}
}

func TestReadLine(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	r := bufio.NewReaderSize(strings.NewReader("a\n\n"+long+"\nlast"), 16)
	for _, want := range []string{"a\n", "\n", long + "\n", "last"} {
		if got, err := readLine(r, 100_001); err != nil || string(got) != want {
			t.Errorf("%.20q %v, want %.20q", got, err, want)
		}
	}
	if _, err := readLine(r, 1); err != io.EOF { //nolint:errorlint // as it is
		t.Errorf("behind the end: %v", err)
	}
	if _, err := readLine(bufio.NewReader(strings.NewReader(long)), len(long)-1); err == nil || err == io.EOF { //nolint:errorlint // as it is
		t.Errorf("a line that is too long: %v", err)
	}
}
