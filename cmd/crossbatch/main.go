// Command crossbatch scores large data sets with a model, in batch.
//
// main.go wires everything; every verb has a file of its own, which turns
// arguments into a call and hands what comes back to a view. No verb decides
// anything about jobs, records or services.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/crossbatch/crossbatch/cmd/crossbatch/view"
	"github.com/crossbatch/crossbatch/core/storage"
	"github.com/crossbatch/crossbatch/local/onnx"
	"github.com/crossbatch/crossbatch/providers/objectstore"
)

// version is set by the linker in releases.
var version = "0.1.0-dev"

func main() { os.Exit(run(clockwork.NewRealClock(), nil)) }

// run is the program. step is called at each step that a crash may follow; it
// is nil but in tests that kill the process there.
func run(clock clockwork.Clock, step func(point string)) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() { // a second signal ends the process at once
		<-ctx.Done()
		stop()
	}()
	stores := objectstore.New(objectstore.Options{})
	defer func() { _ = stores.Close() }() // what is written was waited for
	a := &app{
		stdout: os.Stdout,
		stderr: os.Stderr,
		tty:    term.IsTerminal(int(os.Stderr.Fd())),
		colour: term.IsTerminal(int(os.Stdout.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
		now:    time.Now,
		clock:  clock,
		step:   step,
		open:   stores.Open,
	}
	if term.IsTerminal(int(os.Stdin.Fd())) {
		a.stdin = os.Stdin
	}
	return a.execute(ctx, os.Args[1:])
}

// app is what the verbs share: where they write, and nothing of what they do.
type app struct {
	stdin          io.Reader // a terminal; nil: nobody can be asked
	stdout, stderr io.Writer
	tty            bool // stderr is a terminal
	colour         bool // stdout is one that shows colours
	now            func() time.Time
	clock          clockwork.Clock // what runs are timed and waited for by
	json           bool
	ledgerURI      string // --ledger
	step           func(point string)
	open           storage.Opener
}

// The exit codes, which scripts rely on.
const (
	exitOK        = 0
	exitError     = 1
	exitChanges   = 2 // of plan --detailed-exitcode
	exitFailed    = 3
	exitPartial   = 4
	exitCancelled = 5
	exitDetached  = 6 // the run goes on without us
	exitTransient = 7
)

// exit is an error with an exit code. A nil err prints nothing: the view has
// said it all.
type exit struct {
	code int
	err  error
}

func (e *exit) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e *exit) Unwrap() error { return e.err }

// execute runs one command line and returns the process's exit code.
func (a *app) execute(ctx context.Context, args []string) int {
	root := a.root()
	root.SetArgs(args)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	a.json = a.json || slices.Contains(args, "--json") // a flag that is wrong hides those behind it
	var e *exit
	if !errors.As(err, &e) {
		e = &exit{code: exitError, err: err}
	}
	switch {
	case e.err == nil:
	case ctx.Err() != nil && errors.Is(e.err, context.Canceled):
		e = &exit{code: exitCancelled, err: errors.New("interrupted; nothing was written")}
		fallthrough
	default:
		view.Error(a.stdout, a.stderr, a.json, e.err)
	}
	return e.code
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "crossbatch",
		Short: "Score large data sets with a model, in batch",
		Long: `crossbatch scores large data sets with a model, in batch: one job file, the
same records back whichever place ran it. Every record of the input is
accounted for: scored, failed with a reason, or skipped.

This version runs jobs on this machine with ONNX Runtime.`,
		Example: `  crossbatch init --model model.onnx --input data.csv   write a first job file
  crossbatch submit job.crossbatch.hcl --wait           run it
  crossbatch verify out/scores                          check the result again`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print one JSON object on standard output")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return fmt.Errorf("%w; see `%s --help`", err, c.CommandPath())
	})
	root.AddCommand(
		a.initCommand(), a.inspectCommand(), a.validateCommand(), a.fmtCommand(), a.outputCommand(), a.translateCommand(), a.planCommand(), a.applyCommand(), a.destroyCommand(), a.submitCommand(), a.scoreCommand(), a.serveCommand(),
		a.statusCommand(), a.waitCommand(), a.watchCommand(), a.logsCommand(), a.resultsCommand(), a.cancelCommand(),
		a.listCommand(), a.showCommand(), a.forgetCommand(), a.gcCommand(), a.fsckCommand(), a.verifyCommand(), a.emulateCommand(), a.runtimeCommand(), a.doctorCommand(), a.versionCommand(), a.workerCommand(),
	)
	a.completions(root)
	return root
}

const unsetVariable = "unset " + onnx.PathVariable

// loadRuntime finds ONNX Runtime and loads it.
func (a *app) loadRuntime(ctx context.Context) (*onnx.Runtime, error) {
	lib, err := onnx.Finder{}.Find(ctx)
	switch {
	case errors.Is(err, onnx.ErrNoLibrary):
		return nil, err
	case err != nil: // the variable leads nowhere
		return nil, fmt.Errorf("%w; `%s` makes crossbatch look in the other places", err, unsetVariable)
	}
	return onnx.Load(lib)
}
