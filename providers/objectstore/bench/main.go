package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
)

// options are the flags.
type options struct {
	crossbatch, s5cmd, rclone string // programs
	large                     int64  // bytes of the one object
	small                     int    // objects of smallSize
	repeat                    int
	json                      string
}

const smallSize = 10 << 10 // bytes

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench-storage:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	// The program is its own competitor: so it begins as the others do.
	if len(args) == 3 && args[0] == transferVerb {
		return transfer(ctx, args[1], args[2])
	}
	if len(args) == 2 && args[0] == removeVerb {
		return remove(ctx, args[1])
	}
	var o options
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.StringVar(&o.crossbatch, "crossbatch", "bin/crossbatch", "the program whose emulator serves S3")
	f.StringVar(&o.s5cmd, "s5cmd", "s5cmd", "program")
	f.StringVar(&o.rclone, "rclone", "rclone", "program")
	f.Int64Var(&o.large, "large", 1<<30, "bytes of the large object")
	f.IntVar(&o.small, "small", 10_000, "how many small objects of 10 KiB")
	f.IntVar(&o.repeat, "repeat", 3, "how often; the median counts")
	f.StringVar(&o.json, "json", "", "file for the figures")
	if err := f.Parse(args); err != nil {
		return err
	}
	if o.large < 1 || o.small < 1 || o.repeat < 1 || f.NArg() > 0 {
		return errors.New("-large, -small and -repeat must be 1 or more, and nothing follows the flags")
	}
	report, err := measure(ctx, o)
	if err != nil {
		return err
	}
	report.print(os.Stdout)
	if o.json == "" {
		return nil
	}
	body, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(o.json, append(body, '\n'), 0o644)
}
