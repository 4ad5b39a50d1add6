package broker

import (
	"context"
	"slices"

	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
)

// users knows which runs use which owned objects. It is not safe for concurrent use.
type users struct {
	*Broker
	uses  *ledger.Uses
	all   []ledger.Use          // as read last; nil: not yet
	kinds map[ledger.Key]string // of the providers of runs that are bound to nothing yet
}

func newUsers(b *Broker) *users {
	return &users{Broker: b, uses: b.o.Ledger.Uses(), kinds: map[ledger.Key]string{}}
}

// forget makes the next question read the ledger again.
func (u *users) forget() { u.all = nil }

// of lists the runs, those that are leaving aside, for which an owned object of a kind
// of provider has to stay: those that were bound to it and are not destroyed, live or
// not, and those that may be bound to it any moment.
func (u *users) of(ctx context.Context, kind string, n provider.Native, leaving map[ledger.Key]bool) ([]ledger.Key, error) {
	if u.all == nil {
		var err error
		if u.all, err = u.uses.All(ctx, false); err != nil {
			return nil, err
		}
	}
	var out []ledger.Key
	for _, use := range u.all {
		if leaving[use.Key] {
			continue
		}
		is := slices.ContainsFunc(use.Bound, func(o provider.Native) bool { return same(o, n) })
		if use.Starting && !is {
			on, err := u.kind(ctx, use.Key)
			if err != nil {
				return nil, err
			}
			is = on == kind
		}
		if is {
			out = append(out, use.Key)
		}
	}
	return out, nil
}

// kind is the kind of a run's provider.
func (u *users) kind(ctx context.Context, key ledger.Key) (string, error) {
	if kind, ok := u.kinds[key]; ok {
		return kind, nil
	}
	first, err := u.o.Ledger.First(ctx, key)
	if err != nil {
		return "", err
	}
	u.kinds[key] = first.Intent.Provider.Kind
	return u.kinds[key], nil
}

// drop removes an owned object of a run unless others use it, which it returns. It asks
// twice, the second time right before: a run that is begun then still finds the object
// or makes it, and should it have found it and started a native job within that moment,
// the next attempt makes it.
func (u *users) drop(ctx context.Context, be provider.Backend, r *run, n provider.Native, leaving map[ledger.Key]bool) ([]ledger.Key, error) {
	by, err := u.of(ctx, r.intent.Provider.Kind, n, leaving)
	if err != nil || len(by) > 0 {
		return by, err
	}
	u.forget()
	if by, err = u.of(ctx, r.intent.Provider.Kind, n, leaving); err != nil || len(by) > 0 {
		return by, err
	}
	return nil, u.remove(ctx, be, r, n)
}
