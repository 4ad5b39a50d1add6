package sagemaker

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/provider/block"
	"github.com/crossbatch/crossbatch/core/storage"
)

// Kind is the kind of provider blocks that this package serves.
const Kind = "sagemaker"

// Config is a provider block. It holds no secrets: credentials come from the SDK's
// own chain.
type Config struct {
	Region         string            `json:"region"`
	RoleARN        string            `json:"role_arn"`        // the execution role of models and jobs
	Image          string            `json:"image,omitempty"` // scores there; for models given by their artifact
	Staging        string            `json:"staging"`         // s3:// prefix
	Subnets        []string          `json:"subnets,omitempty"`
	SecurityGroups []string          `json:"security_groups,omitempty"`
	Isolated       bool              `json:"network_isolation,omitempty"` // the models' containers reach no network
	KMSKey         string            `json:"kms_key,omitempty"`           // encrypts output, and volumes that are not encrypted by their hardware
	Tags           map[string]string `json:"tags,omitempty"`              // of models and jobs
	Endpoint       string            `json:"endpoint,omitempty"`          // of SageMaker and CloudWatch Logs both, as an emulator's is
	Retention      string            `json:"retention,omitempty"`         // of staged files; whoever clears up reads it
}

// ParseConfig reads a provider block as a ledger keeps it. A member that this
// version does not know is an error.
func ParseConfig(text json.RawMessage) (Config, error) { return block.Parse[Config](text) }

// check refuses what the service would refuse later.
func (c Config) check() error {
	if err := block.Check(
		block.Field{Name: "region", Text: c.Region, Rule: regionRule, Required: true},
		block.Field{Name: "role_arn", Text: c.RoleARN, Rule: roleRule, Required: true},
		block.Field{Name: "image", Text: c.Image, Rule: imageRule},
		block.Field{Name: "kms_key", Text: c.KMSKey, Rule: keyRule},
	); err != nil {
		return err
	}
	if u, err := storage.ParseURI(c.Staging); err != nil || u.Scheme != scheme {
		return provider.Errorf(provider.Invalid, "staging is %q: write s3://BUCKET/PREFIX", c.Staging)
	}
	if err := c.checkNetwork(); err != nil {
		return err
	}
	if _, err := tags("tags", c.Tags); err != nil {
		return err
	}
	if err := block.CheckRetention(c.Retention); err != nil {
		return err
	}
	return block.CheckEndpoint(c.Endpoint)
}

func (c Config) checkNetwork() error {
	if (len(c.Subnets) == 0) != (len(c.SecurityGroups) == 0) {
		return provider.Errorf(provider.Invalid, "subnets and security_groups go together: name both, or none")
	}
	for field, ids := range map[string][]string{"subnets": c.Subnets, "security_groups": c.SecurityGroups} {
		most := map[string]int{"subnets": 16, "security_groups": 5}[field]
		if len(ids) > most {
			return provider.Errorf(provider.Invalid, "%s names %d, at most %d are possible", field, len(ids), most)
		}
		for _, id := range ids {
			if err := networkRule.Check(field, id); err != nil {
				return err
			}
		}
	}
	return nil
}

// account is the AWS account that the role belongs to, and the partition it is in.
func (c Config) account() (account, partition string) {
	parts := strings.SplitN(c.RoleARN, ":", 6)
	return parts[4], parts[1]
}

// Deps are what a Backend stands on. Open and Clock are required.
type Deps struct {
	Open  storage.Opener // of the buckets that jobs write to
	Clock clockwork.Clock

	// AWS makes the SDK's configuration. Nil: the SDK's own chain, with the block's
	// region.
	AWS func(context.Context) (aws.Config, error)
}

// Backend is the provider on one block.
type Backend struct {
	config Config
	deps   Deps
	closed atomic.Bool

	mu      sync.Mutex
	clients *clients // made by the first call
}

var _ provider.Backend = (*Backend)(nil)

// New makes a Backend. It calls nobody. A block that is not sound is
// provider.Invalid.
func New(c Config, d Deps) (*Backend, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if d.Open == nil || d.Clock == nil {
		return nil, fmt.Errorf("sagemaker: Deps.Open and Deps.Clock must be set")
	}
	c.Staging = storage.Join(c.Staging, "")
	return &Backend{config: c, deps: d}, nil
}

// Close ends the use of the Backend. Native jobs go on.
func (b *Backend) Close() error {
	b.closed.Store(true)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.clients != nil {
		b.clients.transport.CloseIdleConnections()
	}
	return nil
}

// usable says whether a call may begin.
func (b *Backend) usable(ctx context.Context) error {
	if b.closed.Load() {
		return provider.ErrClosed
	}
	return ctx.Err()
}
