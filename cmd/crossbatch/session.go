package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/spf13/cobra"

	"github.com/crossbatch/crossbatch/cmd/crossbatch/view"
	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/jobfile"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/provider/wrap"
	"github.com/crossbatch/crossbatch/core/storage"
	"github.com/crossbatch/crossbatch/local/backend"
	"github.com/crossbatch/crossbatch/providers/sagemaker"
	"github.com/crossbatch/crossbatch/providers/vertex"
)

// home is the folder beside a job file that crossbatch keeps its own things in:
// the ledger, unless it is elsewhere, and the run folders of local runs.
const home = ".crossbatch"

// session is an opened ledger and the broker that works on it.
type session struct {
	*broker.Broker
	ledger *ledger.Ledger // nil: there is none yet
	bucket *storage.Bucket
	uri    string         // of the ledger
	view   *view.Watching // of the runs that are begun and seen through
	home   string         // absolute path of the .crossbatch folder
}

func (s *session) Close() error {
	s.view.Close()
	err := s.Broker.Close()
	if s.bucket != nil {
		err = errors.Join(err, s.bucket.Close())
	}
	return err
}

// ledgerFlag is the --ledger of all verbs that need a ledger.
func (a *app) ledgerFlag(c *cobra.Command) {
	c.Flags().StringVar(&a.ledgerURI, "ledger", "", "the folder that keeps the history of runs (default: $"+ledgerVariable+", the job file's, or "+home+" beside it)")
}

const ledgerVariable = "CROSSBATCH_LEDGER"

// sessionFor opens the ledger of job files, making it when it is not there.
func (a *app) sessionFor(ctx context.Context, set *jobfile.Set) (*session, error) {
	h := homeOf(set)
	uri := cmp.Or(a.ledgerURI, os.Getenv(ledgerVariable), set.Ledger, h)
	s, err := a.openSession(ctx, uri, h, true)
	if err != nil {
		return nil, err
	}
	if err := remember(h, s.uri); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// sessionToRead opens the ledger of job files, and makes nothing: where there is no
// ledger yet, the session has none, and serves to plan.
func (a *app) sessionToRead(ctx context.Context, set *jobfile.Set) (*session, error) {
	h := homeOf(set)
	uri := cmp.Or(a.ledgerURI, os.Getenv(ledgerVariable), set.Ledger, h)
	s, err := a.openSession(ctx, uri, h, false)
	if !errors.Is(err, ledger.ErrNoLedger) {
		return s, err
	}
	if uri, err = object(uri); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	v := view.NewWatching(a.terminal(), a.now)
	return &session{Broker: a.broker(nil, v), view: v, uri: uri, home: h}, nil
}

// homeOf is the .crossbatch folder of job files.
func homeOf(set *jobfile.Set) string { return filepath.Join(set.Folder, home) }

// pointer is the file in a .crossbatch folder that says where the ledger is.
const pointer = "ledger"

// remember writes where the ledger of a folder's job files is, for the verbs
// that are given a run and no job file.
func remember(h, uri string) error {
	text := uri + "\n"
	path := filepath.Join(h, pointer)
	if have, err := os.ReadFile(path); err == nil && string(have) == text {
		return nil
	}
	b, err := storage.OpenFolder(h)
	if err != nil {
		return err
	}
	return errors.Join(b.Replace(context.Background(), pointer, []byte(text)), b.Close())
}

// sessionHere opens the ledger that a verb on a run means: --ledger, the
// variable, or what the nearest .crossbatch folder upwards says.
func (a *app) sessionHere(ctx context.Context) (*session, error) {
	h, err := nearestHome()
	if err != nil {
		return nil, err
	}
	uri := cmp.Or(a.ledgerURI, os.Getenv(ledgerVariable))
	if uri == "" && h == "" {
		return nil, fmt.Errorf("there is no %s folder here or above; go to the job file's folder, or name the ledger with --ledger", home)
	}
	if uri == "" {
		text, err := os.ReadFile(filepath.Join(h, pointer))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("reading where the ledger is: %w", err)
		}
		uri = cmp.Or(strings.TrimSpace(string(text)), h)
	}
	return a.openSession(ctx, uri, h, false)
}

func nearestHome() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("looking for a ledger: %w", err)
	}
	for {
		h := filepath.Join(dir, home)
		if info, err := os.Stat(h); err == nil && info.IsDir() {
			return h, nil
		}
		if filepath.Dir(dir) == dir {
			return "", nil
		}
		dir = filepath.Dir(dir)
	}
}

func (a *app) openSession(ctx context.Context, uri, h string, create bool) (*session, error) {
	uri, err := object(uri)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	bucket, prefix, err := a.open(ctx, uri)
	if err != nil {
		return nil, fmt.Errorf("ledger %s: %w", uri, err)
	}
	open := ledger.OpenExisting
	if create {
		open = ledger.Open
	}
	l, err := open(ctx, bucket, prefix, ledger.Options{Clock: a.clock, Step: a.step})
	if err != nil {
		_ = bucket.Close()
		return nil, fmt.Errorf("ledger %s: %w", uri, err)
	}
	v := view.NewWatching(a.terminal(), a.now)
	return &session{Broker: a.broker(l, v), view: v, ledger: l, bucket: bucket, uri: uri, home: h}, nil
}

func (a *app) broker(l *ledger.Ledger, v *view.Watching) *broker.Broker {
	return broker.New(broker.Options{
		Ledger: l, Open: a.open, Backend: a.backend, Clock: a.clock, Jitter: rand.Float64, Version: version,
		Step: a.step, Model: a.openModel, Report: v.Report,
	})
}

// localConfig is the local provider's block as the ledger keeps it.
type localConfig struct {
	Device string `json:"device"`
	Runs   string `json:"runs"` // folder of the run folders
}

// block is a provider block as a run records it.
func block(home string, p jobfile.Provider) (ledger.Block, error) {
	if p.Kind != job.ImplicitKind {
		config, err := provider.Canonical(p.Config)
		return ledger.Block{Kind: p.Kind, Alias: p.Alias, Config: config}, err
	}
	config, err := json.Marshal(localConfig{Device: p.Device, Runs: filepath.Join(home, "local", "runs")})
	if err != nil {
		return ledger.Block{}, fmt.Errorf("provider %s: %w", p.Ref(), err)
	}
	return ledger.Block{Kind: p.Kind, Alias: p.Alias, Config: config}, nil
}

// backend makes the backend of a provider block: the one place that knows which
// kinds there are.
func (a *app) backend(_ context.Context, b ledger.Block) (provider.Backend, error) {
	be, err := a.kind(b, a.clock)
	if err != nil {
		return nil, err
	}
	policy := wrap.Policy{Attempts: 5, Base: 200 * time.Millisecond, Max: 20 * time.Second}
	return wrap.Retry(wrap.Limit(be, a.clock), policy, a.clock, rand.Float64), nil
}

func (a *app) kind(b ledger.Block, clock clockwork.Clock) (provider.Backend, error) {
	switch b.Kind {
	case job.ImplicitKind:
		var c localConfig
		if err := json.Unmarshal(b.Config, &c); err != nil {
			return nil, fmt.Errorf("its block in the ledger: %w", err)
		}
		return backend.New(backend.Config{Alias: b.Alias, Device: c.Device, Runs: c.Runs}, localDeps(clock)), nil
	case sagemaker.Kind:
		c, err := sagemaker.ParseConfig(b.Config)
		if err != nil {
			return nil, err
		}
		return sagemaker.New(c, sagemaker.Deps{Open: a.open, Clock: clock})
	case vertex.Kind:
		c, err := vertex.ParseConfig(b.Config)
		if err != nil {
			return nil, err
		}
		return vertex.New(c, vertex.Deps{Open: a.open, Clock: clock})
	}
	return nil, provider.Errorf(provider.Unsupported, "this crossbatch runs nothing on %s", b.Kind)
}
