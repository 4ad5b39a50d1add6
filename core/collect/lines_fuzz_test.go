package collect_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/collect"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/storage"
)

// FuzzLines publishes what a service may have answered: it is refused, or every
// record is accounted for and the result reads as its manifest says.
func FuzzLines(f *testing.F) {
	f.Add(ok("a")+failure("b")+ok("c"), ok("d"), int16(3), true, false)
	f.Add(ok("a")+ok("b"), ok("B")+failure("c"), int16(1), false, true)
	f.Add("", "", int16(5), true, true)
	f.Add(ok("a")+"\n", `{"key":"a","error":{}}`, int16(1), false, false)
	f.Add(`{"key":"a\nb","prediction":{"y":"\"\u0000,","v":[[1],{}]}}`, "\r\n", int16(1), true, true)
	f.Add(`{"key":[1,2],"error":{"code":"c","message":"\ud800"}}`+"\r\n"+ok("a"), "\xff", int16(2), true, true)
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, one, two string, first int16, last, csv bool) {
		b := newBench(dir)
		b.input(strings.Repeat("{}\n", 8))
		if csv {
			b.src.Job.Output.Format = job.CSV
		}
		b.lines(0, 0, one)
		b.lines(0, int64(first), two).Last = last
		m, _, err := collect.Parts(t.Context(), storage.OpenLocal, b.src, collect.Options{Always: true})
		if err != nil {
			if !errors.Is(err, collect.ErrPiece) {
				t.Error(err)
			}
			return
		}
		if !m.Totals.Balanced() || !last && m.Totals.In != 8 {
			t.Errorf("%+v", m.Totals)
		}
		must(collect.Commit(t.Context(), storage.OpenLocal, m, b.src.Job.Output.Destination))
		s := verified(t, b.out()).Shards[0]
		names := []string{}
		if !csv {
			names = append(names, s.Part.Name)
		}
		if s.FailedPart != nil {
			names = append(names, s.FailedPart.Name)
		}
		for _, name := range names {
			body, err := os.ReadFile(filepath.Join(b.out(), name))
			must(err)
			for line := range strings.Lines(string(body)) {
				if !json.Valid([]byte(line)) {
					t.Errorf("%s: %q is no JSON", name, line)
				}
			}
		}
		must(collect.Clean(t.Context(), storage.OpenLocal, b.src.Job.Output.Destination, m.Files(), nil))
	})
}
