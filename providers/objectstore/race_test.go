package objectstore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/ledger/ledgertest"
	"github.com/crossbatch/crossbatch/core/storage"
)

// raceEnv makes the test binary one of the racing processes.
const raceEnv = "CROSSBATCH_TEST_RACE"

const (
	racers   = 16
	raceKeys = 12
)

// errand is what a racing process is told to do in a bucket: to create the keys
// that all create, or to be one of the writers of the ledger's suite.
type errand struct {
	URI    string             `json:"uri"`
	Writer *ledgertest.Writer `json:"writer,omitempty"`
	Prefix string             `json:"prefix,omitempty"` // of the writer's ledger
}

// answer is what the process says of an errand.
type answer struct {
	Text  string `json:"text"`
	Error string `json:"error,omitempty"`
}

// race does errands until there are no more, each with an opener of its own.
func race(in io.Reader, out io.Writer) error {
	errands, answers := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var e errand
		if err := errands.Decode(&e); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		var text strings.Builder
		a := answer{}
		if err := e.do(context.Background(), &text); err != nil {
			a.Error = err.Error()
		}
		a.Text = text.String()
		if err := answers.Encode(a); err != nil {
			return err
		}
	}
}

func (e errand) do(ctx context.Context, out io.Writer) error {
	open := New(Options{})
	b, _, err := open.Open(ctx, e.URI)
	if err == nil && e.Writer != nil {
		err = e.Writer.Run(ctx, b, e.Prefix, out)
	} else if err == nil {
		err = createAll(ctx, b, out)
	}
	if b != nil {
		err = errors.Join(err, b.Close())
	}
	return errors.Join(err, open.Close())
}

// raceBody is long, so that a torn read would show.
func raceBody(pid, i int) string { return strings.Repeat(fmt.Sprintf("%d of %d\n", pid, i), 500) }

// createAll creates all keys and prints those that it won; what it lost must
// read whole.
func createAll(ctx context.Context, b *storage.Bucket, out io.Writer) error {
	for i := range raceKeys {
		key := fmt.Sprintf("claims/%03d", i)
		won, err := b.Create(ctx, key, []byte(raceBody(os.Getpid(), i)))
		if err != nil {
			return err
		}
		body, err := b.Read(ctx, key)
		if err != nil {
			return err
		}
		var pid int
		if _, err := fmt.Sscanf(string(body), "%d", &pid); err != nil || string(body) != raceBody(pid, i) {
			return fmt.Errorf("%s was read torn", key)
		}
		if won {
			_, _ = fmt.Fprintln(out, i, os.Getpid())
		}
	}
	return nil
}

// racing are processes that wait for errands. All stores race the same ones: with
// the race detector on, a process takes longer to start than to do its errand.
type racing []*racer

type racer struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	answers *json.Decoder
	errors  bytes.Buffer
}

func newRacing(t *testing.T) racing {
	t.Helper()
	var all racing
	for range racers {
		r := &racer{cmd: exec.Command(os.Args[0])}
		r.cmd.Env = append(os.Environ(), raceEnv+"=1", "GORACE=atexit_sleep_ms=0")
		r.cmd.Stderr = &r.errors
		var err error
		r.in, err = r.cmd.StdinPipe()
		must(t, err)
		out, err := r.cmd.StdoutPipe()
		must(t, err)
		r.answers = json.NewDecoder(out)
		must(t, r.cmd.Start())
		t.Cleanup(func() {
			_ = r.in.Close()
			if err := r.cmd.Wait(); err != nil {
				t.Errorf("%v: %s", err, &r.errors)
			}
		})
		all = append(all, r)
	}
	return all
}

// run gives each process an errand, to all at once, and gives what they said.
func (all racing) run(t *testing.T, errands []errand) []string {
	t.Helper()
	if len(errands) > len(all) {
		t.Fatalf("%d errands for %d processes", len(errands), len(all))
	}
	for i, e := range errands {
		must(t, json.NewEncoder(all[i].in).Encode(e))
	}
	var out []string
	for i := range errands {
		var a answer
		must(t, all[i].answers.Decode(&a))
		if a.Error != "" {
			t.Error(a.Error)
		}
		out = append(out, a.Text)
	}
	return out
}

func sixteenCreate(t *testing.T, s *stand) {
	winner := map[int]int{}
	for _, out := range s.racing.run(t, slices.Repeat([]errand{{URI: s.uri}}, racers)) {
		for line := range strings.Lines(out) {
			var key, pid int
			if _, err := fmt.Sscan(line, &key, &pid); err != nil {
				t.Fatal(err)
			}
			if other, ok := winner[key]; ok {
				t.Errorf("key %d was won by %d and by %d", key, other, pid)
			}
			winner[key] = pid
		}
	}
	b := s.bucket(t)
	for i := range raceKeys {
		body, err := b.Read(t.Context(), fmt.Sprintf("claims/%03d", i))
		if err != nil || string(body) != raceBody(winner[i], i) {
			t.Errorf("key %d does not hold what its winner %d wrote (%v)", i, winner[i], err)
		}
	}
}
