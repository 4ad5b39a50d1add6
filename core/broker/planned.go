package broker

import (
	"bytes"
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
	same, err := equal(p.Facts, now)
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
	same, err := equal(p.Translation, now)
	if err == nil && !same {
		err = fmt.Errorf("%w: other requests would be sent than it shows", ErrStale)
	}
	return err
}

// equal compares as canonical JSON.
func equal[T any](a, b T) (bool, error) {
	x, err := provider.Canonical(a)
	if err != nil {
		return false, err
	}
	y, err := provider.Canonical(b)
	return bytes.Equal(x, y), err
}
