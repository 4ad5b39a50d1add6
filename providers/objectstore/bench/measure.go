package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"
)

// report is what was measured.
type report struct {
	Machine  string            `json:"machine"`
	Versions map[string]string `json:"versions"`
	Rows     []row             `json:"rows"`
}

// row is one way that data travelled.
type row struct {
	What    string             `json:"what"`
	Bytes   int64              `json:"bytes"`
	Seconds map[string]float64 `json:"seconds"` // by tool; the median
	Ratio   float64            `json:"ratio"`   // the fastest other's time by ours
}

// load is a folder of files.
type load struct {
	name   string
	folder string
	files  int
	bytes  int64
}

func measure(ctx context.Context, o options) (_ report, err error) {
	scratch, err := os.MkdirTemp("", "crossbatch-bench-")
	if err != nil {
		return report{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	s, err := serve(ctx, o.crossbatch, scratch)
	if err != nil {
		return report{}, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	all := tools(o, s)
	r := report{Machine: fmt.Sprintf("%s/%s, %d cores", runtime.GOOS, runtime.GOARCH, runtime.NumCPU()), Versions: map[string]string{}}
	for _, t := range all {
		if t.version == nil {
			continue
		}
		if r.Versions[t.name], err = command(ctx, s.env, t.version); err != nil {
			return report{}, fmt.Errorf("%w; all of them are needed for a ratio", err)
		}
	}
	loads := []load{
		{fmt.Sprintf("1 x %d MiB", o.large>>20), filepath.Join(scratch, "large"), 1, o.large},
		{fmt.Sprintf("%d x 10 KiB", o.small), filepath.Join(scratch, "small"), o.small, int64(o.small) * smallSize},
	}
	for _, l := range loads {
		if err := l.write(); err != nil {
			return report{}, err
		}
		up, down, err := l.race(ctx, s, all, o.repeat, scratch)
		if err != nil {
			return report{}, err
		}
		r.Rows = append(r.Rows, up, down)
	}
	return r, nil
}

func (l load) write() error {
	if err := os.MkdirAll(l.folder, 0o755); err != nil {
		return err
	}
	for i := range l.files {
		f, err := os.Create(filepath.Join(l.folder, fmt.Sprintf("%06d.bin", i)))
		if err != nil {
			return err
		}
		random := rand.NewChaCha8([32]byte{byte(i), byte(i >> 8), byte(i >> 16)})
		_, err = io.CopyN(f, random, l.bytes/int64(l.files))
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// race lets the tools run in turns, so that what else the machine does meets all.
func (l load) race(ctx context.Context, s *server, all []tool, repeat int, scratch string) (up, down row, err error) {
	ups, downs := map[string][]float64{}, map[string][]float64{}
	for n := range repeat {
		for i := range all {
			t := all[(i+n)%len(all)]
			prefix := fmt.Sprintf("%s-%d", t.name, n)
			back := filepath.Join(scratch, "back")
			seconds, err := timed(ctx, s.env, t.up(l.folder, prefix))
			if err != nil {
				return up, down, err
			}
			ups[t.name] = append(ups[t.name], seconds)
			if err := os.MkdirAll(back, 0o755); err != nil {
				return up, down, err
			}
			if seconds, err = timed(ctx, s.env, t.down(back, prefix)); err != nil {
				return up, down, err
			}
			downs[t.name] = append(downs[t.name], seconds)
			_, err = command(ctx, s.env, s.empty(prefix)) // the store keeps all in memory
			if err := errors.Join(err, l.same(back), os.RemoveAll(back)); err != nil {
				return up, down, fmt.Errorf("%s: %w", t.name, err)
			}
		}
	}
	return l.row("up", ups), l.row("down", downs), nil
}

func timed(ctx context.Context, env, args []string) (float64, error) {
	began := time.Now()
	_, err := command(ctx, env, args)
	return time.Since(began).Seconds(), err
}

// same checks that what came back is what went out.
func (l load) same(back string) error {
	for i := range l.files {
		name := fmt.Sprintf("%06d.bin", i)
		want, err := os.ReadFile(filepath.Join(l.folder, name))
		if err != nil {
			return err
		}
		if got, err := os.ReadFile(filepath.Join(back, name)); err != nil || !bytes.Equal(got, want) {
			return fmt.Errorf("%s came back with %d of %d bytes, or others: %w", name, len(got), len(want), err)
		}
	}
	return nil
}

func (l load) row(way string, seconds map[string][]float64) row {
	r := row{What: l.name + " " + way, Bytes: l.bytes, Seconds: map[string]float64{}}
	fastest := 0.0
	for name, s := range seconds {
		slices.Sort(s)
		r.Seconds[name] = s[len(s)/2]
		if name != "crossbatch" && (fastest == 0 || r.Seconds[name] < fastest) {
			fastest = r.Seconds[name]
		}
	}
	r.Ratio = fastest / r.Seconds["crossbatch"]
	return r
}

func (r report) print(w io.Writer) {
	fmt.Fprintf(w, "%s\n", r.Machine)
	for _, name := range []string{"s5cmd", "rclone"} {
		fmt.Fprintf(w, "%s: %s\n", name, r.Versions[name])
	}
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "what\tcrossbatch\ts5cmd\trclone\tfastest other / crossbatch\t\n")
	for _, x := range r.Rows {
		fmt.Fprintf(t, "%s\t%.2f s\t%.2f s\t%.2f s\t%.2f\t\n", x.What, x.Seconds["crossbatch"], x.Seconds["s5cmd"], x.Seconds["rclone"], x.Ratio)
	}
	_ = t.Flush()
}
