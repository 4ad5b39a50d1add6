package view

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/crossbatch/crossbatch/core/compress"
	"github.com/crossbatch/crossbatch/core/record"
)

// human writes for people.
type human struct{ t Terminal }

// Report is a run that is over.
type Report struct {
	State, Reason string
	Since         string // what became of it since; follows State
	Counts        record.Counts
	Scored        int64   // records, in Seconds
	Seconds       float64 // 0: not known
	Destination   string
	Manifest      *record.Manifest // nil: nothing was published
	Failures      []string         // the first failed records, as JSON lines
}

func batchText(batch int) string {
	if batch == 1 {
		return "one record a call"
	}
	return fmt.Sprintf("%d records a call", batch)
}

func (v human) report(r Report) {
	rows := [][2]string{
		{"state", v.state(r.State) + r.Since + reason(r.Reason)},
		{"records", fmt.Sprintf("%s in = %s ok + %s failed + %s skipped", thousands(r.Counts.In), thousands(r.Counts.OK), thousands(r.Counts.Failed), thousands(r.Counts.Skipped))},
	}
	retried := ""
	if r.Manifest != nil {
		retried = r.Manifest.Retried
	}
	if retried != "" { // the records are those of both runs
		rows = append(rows, [2]string{"merged", fmt.Sprintf("with run %.8s, of which this one tried records again", retried)})
	} else if r.Seconds > 0 && r.Scored > 0 {
		rows = append(rows, [2]string{"speed", fmt.Sprintf("%s records/s (%.2f s)", thousands(int64(float64(r.Scored)/r.Seconds)), r.Seconds)})
	}
	if r.Manifest != nil {
		rows = append(rows, [2]string{"results", fmt.Sprintf("%s (%s, _manifest.json)", near(r.Destination), count(int64(len(r.Manifest.Files())), "file"))})
	} else if r.Since != "" {
		rows = append(rows, [2]string{"results", "nothing of this run is at " + near(r.Destination)})
	} else {
		rows = append(rows, [2]string{"results", "nothing was published"})
	}
	for _, row := range rows {
		fmt.Fprintf(v.t.Out, "  %s  %s\n", v.dim(fmt.Sprintf("%-8s", row[0])), row[1])
	}
	if r.Manifest != nil {
		v.firstRows(r)
	}
	if len(r.Failures) > 0 {
		fmt.Fprintf(v.t.Out, "\n  %s\n", v.dim(failedTitle(r)))
		for _, f := range r.Failures[:min(len(r.Failures), 3)] {
			fmt.Fprintf(v.t.Out, "    %s\n", shorten(f, 240))
		}
	}
	fmt.Fprintln(v.t.Out)
}

func failedTitle(r Report) string {
	if r.Manifest == nil {
		return "first failed records"
	}
	for _, s := range r.Manifest.Shards {
		if s.FailedPart != nil {
			return "failed records, in " + near(filepath.Join(r.Destination, s.FailedPart.Name))
		}
	}
	return "failed records"
}

func reason(s string) string {
	if s == "" {
		return ""
	}
	return ": " + s
}

// firstFailures reads the first failed records of a published result.
func firstFailures(destination string, m *record.Manifest) []string {
	for _, s := range m.Shards {
		if s.FailedPart == nil {
			continue
		}
		f, err := os.Open(filepath.Join(destination, s.FailedPart.Name))
		if err != nil {
			return nil
		}
		defer f.Close()
		var out []string
		for lines := bufio.NewScanner(f); len(out) < 3 && lines.Scan(); {
			out = append(out, lines.Text())
		}
		return out
	}
	return nil
}

// firstRows shows the beginning of the first part that holds any.
func (v human) firstRows(r Report) {
	for _, s := range r.Manifest.Shards {
		if s.OK == 0 {
			continue
		}
		path := filepath.Join(r.Destination, s.Part.Name)
		f, err := os.Open(path)
		if err != nil {
			return
		}
		defer f.Close()
		fmt.Fprintf(v.t.Out, "\n  %s\n", v.dim("first rows of "+near(path)))
		compression, _ := compress.Of(path)
		plain, err := compress.NewReader(f, compression)
		if err != nil {
			return
		}
		defer func() { _ = plain.Close() }()
		lines := bufio.NewReader(plain)
		for range 3 {
			line, err := lines.ReadString('\n')
			if line = strings.TrimSpace(line); line != "" {
				fmt.Fprintf(v.t.Out, "    %s\n", shorten(line, 160))
			}
			if err != nil {
				return
			}
		}
		return
	}
}

func (v human) bold(s string) string { return paint(v.t.Colour, "1", s) }
func (v human) dim(s string) string  { return paint(v.t.Colour, "2", s) }

func (v human) state(s string) string {
	colour := map[string]string{"succeeded": "32", "partial": "33", "cancelled": "33", "failed": "31"}[s]
	return paint(v.t.Colour, colour, s)
}

// paint wraps s in an SGR code when colours are wanted.
func paint(on bool, code, s string) string {
	if !on || code == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// thousands writes 1234567 as 1,234,567.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func count(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return thousands(n) + " " + what + "s"
}

func bytesText(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return count(n, "byte")
}

// near writes a path relative to the current folder when it lies below it.
func near(path string) string {
	wd, err := os.Getwd()
	if err != nil {
		return path
	}
	rel, err := filepath.Rel(wd, path)
	if err != nil || strings.HasPrefix(rel, "..") {
		return path
	}
	if strings.HasSuffix(path, string(filepath.Separator)) {
		rel += string(filepath.Separator)
	}
	return rel
}

// shorten cuts a line to n characters and says so.
func shorten(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}
