package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		if ctx.Err() != nil {
			err = errors.New("interrupted")
		}
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

// The first argument of this program's own children.
const (
	childData = "child-data"
	childRaw  = "child-raw"
)

func run(ctx context.Context, args []string, stdout io.Writer) error {
	if len(args) > 0 {
		switch args[0] {
		case childData:
			return writeData(ctx, args[1:])
		case childRaw:
			return measureRaw(ctx, args[1:], stdout)
		}
	}
	o, err := parseFlags(args)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	b, err := newBench(ctx, o)
	if err != nil {
		return err
	}
	rep, err := b.all(ctx)
	if err != nil {
		return err
	}
	if o.json != "" {
		if err := rep.writeJSON(o.json); err != nil {
			return err
		}
	}
	return rep.markdown(stdout)
}

// options are the command line.
type options struct {
	only    *regexp.Regexp
	rows    int64
	repeat  int
	dir     string
	json    string
	big     bool
	binary  string
	command string // as it was typed, for the report
}

func parseFlags(args []string) (options, error) {
	var o options
	var only string
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.StringVar(&only, "only", "", "measure what matches this regular expression, such as 'mlp jsonl6'")
	f.Int64Var(&o.rows, "rows", 1_000_000, "rows of each file")
	f.IntVar(&o.repeat, "repeat", 3, "runs of each; the median counts")
	f.StringVar(&o.dir, "dir", filepath.Join(os.TempDir(), "crossbatch-bench"), "folder for data and outputs; files are used again")
	f.StringVar(&o.json, "json", "", "write the figures to this file, too")
	f.BoolVar(&o.big, "big", false, "also score 1 GB and 4 GB, for peak memory")
	f.StringVar(&o.binary, "binary", "bin/crossbatch", "the crossbatch to measure")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	if o.rows < agreeRows || o.repeat < 1 {
		return o, fmt.Errorf("--rows is at least %d, --repeat at least 1", agreeRows)
	}
	var err error
	if o.only, err = regexp.Compile(only); err != nil {
		return o, fmt.Errorf("--only: %w", err)
	}
	if o.dir, err = filepath.Abs(o.dir); err != nil {
		return o, err
	}
	if o.binary, err = filepath.Abs(o.binary); err != nil {
		return o, err
	}
	o.command = "go run ./local/engine/bench"
	for _, a := range args {
		if strings.ContainsAny(a, " |*") {
			a = "'" + a + "'"
		}
		o.command += " " + a
	}
	return o, nil
}
