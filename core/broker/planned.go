package broker

import (
	"errors"
	"fmt"

	"github.com/crossbatch/crossbatch/core/provider"
)

// ErrStale says that what a plan showed does not hold any more. Nothing is sent.
var ErrStale = errors.New("the plan is stale")

// Planned is what a plan showed of a run. Submit begins exactly that run, or joins
// it where it was begun since; else it fails with ErrStale.
type Planned struct {
	Generation  int
	Facts       provider.Facts
	Translation provider.Translation
}

func (p *Planned) facts(now provider.Facts) error {
	if p == nil {
		return nil
	}
	same, err := provider.Same(p.Facts, now)
	if err == nil && !same {
		err = fmt.Errorf("%w: what the provider says of itself has changed", ErrStale)
	}
	return err
}

func (p *Planned) generation(c Course) error {
	if p == nil || p.Generation == c.Generation {
		return nil
	}
	return fmt.Errorf("%w: the run that it would begin was begun since, and is over", ErrStale)
}

func (p *Planned) translation(now provider.Translation) error {
	if p == nil {
		return nil
	}
	same, err := provider.Same(p.Translation, now)
	if err == nil && !same {
		err = fmt.Errorf("%w: other requests would be sent than it shows", ErrStale)
	}
	return err
}
