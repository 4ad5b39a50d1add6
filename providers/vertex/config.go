package vertex

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/jonboulle/clockwork"
	"google.golang.org/api/option"

	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/provider/block"
	"github.com/crossbatch/crossbatch/core/storage"
)

// Kind is the kind of provider blocks that this package serves.
const Kind = "vertex"

// Config is a provider block. It holds no secrets: credentials come from the SDK's
// own chain.
type Config struct {
	Project        string            `json:"project"` // its id
	Location       string            `json:"location"`
	Image          string            `json:"image,omitempty"`           // scores there; for models given by their artifact
	Staging        string            `json:"staging"`                   // gs:// prefix
	ServiceAccount string            `json:"service_account,omitempty"` // that the model runs as
	KMSKey         string            `json:"kms_key,omitempty"`         // encrypts the job
	Labels         map[string]string `json:"labels,omitempty"`          // of jobs
	Endpoint       string            `json:"endpoint,omitempty"`        // of Vertex AI and Cloud Logging both, as an emulator's is
	Retention      string            `json:"retention,omitempty"`       // of staged files; whoever clears up reads it
}

// ParseConfig reads a provider block as a ledger keeps it. A member that this
// version does not know is an error.
func ParseConfig(text json.RawMessage) (Config, error) { return block.Parse[Config](text) }

// check refuses what the service would refuse later.
func (c Config) check() error {
	if err := block.Check(
		block.Field{Name: "project", Text: c.Project, Rule: projectRule, Required: true},
		block.Field{Name: "location", Text: c.Location, Rule: locationRule, Required: true},
		block.Field{Name: "image", Text: c.Image, Rule: imageRule},
		block.Field{Name: "service_account", Text: c.ServiceAccount, Rule: accountRule},
		block.Field{Name: "kms_key", Text: c.KMSKey, Rule: keyRule},
	); err != nil {
		return err
	}
	if c.KMSKey != "" && !strings.Contains(c.KMSKey, "/locations/"+c.Location+"/") {
		return provider.Errorf(provider.Invalid, "kms_key is %q: the key must lie in the job's location, %s", c.KMSKey, c.Location)
	}
	if u, err := storage.ParseURI(c.Staging); err != nil || u.Scheme != scheme || strings.ContainsAny(u.Key, wildcards) {
		return provider.Errorf(provider.Invalid, "staging is %q: write gs://BUCKET/PREFIX, without any of %s", c.Staging, wildcards)
	}
	if _, err := labels("labels", c.Labels); err != nil {
		return err
	}
	if err := block.CheckRetention(c.Retention); err != nil {
		return err
	}
	return block.CheckEndpoint(c.Endpoint)
}

// parent is the resource that jobs belong to.
func (c Config) parent() string { return "projects/" + c.Project + "/locations/" + c.Location }

// Deps are what a Backend stands on. Open and Clock are required.
type Deps struct {
	Open  storage.Opener // of the buckets that jobs write to
	Clock clockwork.Clock

	// Dir is where results are sorted, in a folder of its own; empty: where the
	// machine keeps temporary files.
	Dir string

	// Options are added to those of the SDK's clients.
	Options []option.ClientOption
}

// Backend is the provider on one block.
type Backend struct {
	config Config
	deps   Deps
	closed atomic.Bool

	mu      sync.Mutex
	clients *clients // made by the first call
	dir     string   // made by the first results
	sorted  map[string]*sorting
}

var _ provider.Backend = (*Backend)(nil)

// New makes a Backend. It calls nobody. A block that is not sound is
// provider.Invalid.
func New(c Config, d Deps) (*Backend, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if d.Open == nil || d.Clock == nil {
		return nil, fmt.Errorf("vertex: Deps.Open and Deps.Clock must be set")
	}
	c.Staging = storage.Join(c.Staging, "")
	return &Backend{config: c, deps: d, sorted: map[string]*sorting{}}, nil
}

// Close ends the use of the Backend, and removes the results that it sorted. Native
// jobs go on.
func (b *Backend) Close() error {
	b.closed.Store(true)
	b.mu.Lock()
	defer b.mu.Unlock()
	var err error
	if b.clients != nil {
		err, b.clients = b.clients.close(), nil
	}
	if b.dir != "" {
		err = errors.Join(err, os.RemoveAll(b.dir))
		b.dir = ""
	}
	return err
}

// usable says whether a call may begin.
func (b *Backend) usable(ctx context.Context) error {
	if b.closed.Load() {
		return provider.ErrClosed
	}
	return ctx.Err()
}
