package plan_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/plan"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
)

// BenchmarkPlan plans jobs of ten shards that have all run, on a ledger in a folder:
// what a nightly plan costs where nothing changed. Resolving the jobs is not in it.
func BenchmarkPlan(b *testing.B) {
	for _, jobs := range []int{100, 1_000, 10_000} {
		b.Run(fmt.Sprint(jobs), func(b *testing.B) {
			p := newPlace(b, b.TempDir())
			var wanted []broker.Desired
			var addresses []string
			for n := range jobs {
				d := p.ran(b, n)
				wanted = append(wanted, d)
				addresses = append(addresses, d.Job.Address)
			}
			var before, after runtime.MemStats
			for b.Loop() {
				runtime.GC()
				runtime.ReadMemStats(&before)
				planner, err := plan.NewIndexed(b.Context(), p.Broker)
				if err != nil {
					b.Fatal(err)
				}
				var out plan.Plan
				items, err := planner.Items(b.Context(), wanted)
				if err != nil {
					b.Fatal(err)
				}
				out.Items = items
				if out.Orphans, err = planner.Orphans(b.Context(), "p", addresses); err != nil || len(out.Orphans) > 0 {
					b.Fatal(out.Orphans, err)
				}
				if out.Count(plan.Nothing) != jobs {
					b.Fatalf("%d of %d are unchanged", out.Count(plan.Nothing), jobs)
				}
				runtime.ReadMemStats(&after)
			}
			b.ReportMetric(float64(after.Sys)/(1<<20), "MiB-of-the-process")
			b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/float64(jobs)/1024, "KiB/job")
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(jobs), "µs/job")
		})
	}
}

// ran writes what a finished run of a job leaves. Of its events a plan looks at the
// names alone.
func (p *place) ran(b *testing.B, n int) broker.Desired {
	b.Helper()
	var shards job.Shards
	m := record.Manifest{FormatVersion: record.ManifestVersion, State: record.Succeeded, Project: "p"}
	for i := range 10 {
		s := job.Shard{URI: fmt.Sprintf("file:///lake/customers/dt=2026-11-01/region=%05d/part-%05d.jsonl", n, i), Size: 1 << 20, Digest: digested(fmt.Sprint(n, i))}
		shards = append(shards, s)
		m.Shards = append(m.Shards, record.Shard{
			URI: s.URI, Size: s.Size, Digest: s.Digest, Counts: record.Counts{In: 1000, OK: 1000},
			Part: record.File{Name: fmt.Sprintf("part-%05d-of-00010.0123abcd.jsonl", i), Size: 1 << 20, Digest: s.Digest},
		})
	}
	d := p.wanted(fmt.Sprintf("j%05d", n), shards)
	fingerprint, err := job.Fingerprint(d.Job, d.Model.Digest, shards)
	if err != nil {
		b.Fatal(err)
	}
	m.Address, m.Fingerprint, m.Run = d.Job.Address, fingerprint, job.RunID(p.ledger.ID(), d.Identity(), fingerprint, 0)
	body, err := m.Encode()
	if err != nil {
		b.Fatal(err)
	}
	out, _ := storage.LocalPath(d.Job.Output.Destination)
	run := filepath.Join(p.dir, "ledger", filepath.FromSlash(string(ledger.KeyOf(d.Identity(), fingerprint, 0))))
	for _, dir := range []string{out, run} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			b.Fatal(err)
		}
	}
	files := map[string][]byte{filepath.Join(out, record.ManifestName): body}
	for seq, kind := range []ledger.Kind{ledger.Intent, ledger.Sent, ledger.Started, ledger.Ended, ledger.Collected, ledger.Succeeded} {
		files[filepath.Join(run, fmt.Sprintf("%06d.lock", seq+1))] = nil
		files[filepath.Join(run, fmt.Sprintf("%06d.%s", seq+1, kind))] = nil
	}
	for name, body := range files {
		if err := os.WriteFile(name, body, 0o644); err != nil {
			b.Fatal(err)
		}
	}
	return d
}
