package broker

import (
	"cmp"
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/staging"
)

// IdleObject is an owned object, whether it goes, and why.
type IdleObject struct {
	Provider string    `json:"provider"` // KIND.ALIAS of the last run that used it
	Kind     string    `json:"kind"`     // the service's own word
	Name     string    `json:"name"`
	ID       string    `json:"id"`
	Used     time.Time `json:"used"` // when that run was over; now, while one lives
	Goes     bool      `json:"goes"`
	Reason   string    `json:"reason"`

	native provider.Native
	key    ledger.Key // of the last run
	users  map[ledger.Key]bool
}

// idle says which owned objects may go, by the rules for what is staged. A destroyed run
// needs none.
func (b *Broker) idle(ctx context.Context, uses []ledger.Use, runs []knownRun, older time.Duration) ([]IdleObject, error) {
	byKey := map[ledger.Key]knownRun{}
	for _, r := range runs {
		byKey[r.entry.Key] = r
	}
	var out []IdleObject
	at := map[[2]string]int{}
	var starting []knownRun
	for _, use := range uses { // the run that changed last comes last
		r := byKey[use.Key]
		if use.Starting {
			starting = append(starting, r)
		}
		for _, n := range use.Bound {
			id := [2]string{n.Kind, n.ID}
			i, ok := at[id]
			if !ok {
				i = len(out)
				at[id] = i
				out = append(out, IdleObject{users: map[ledger.Key]bool{}})
			}
			o := &out[i]
			o.Provider, o.Kind, o.Name, o.ID, o.native, o.key = r.block.String(), n.Kind, n.Name, n.ID, n, use.Key
			o.users[use.Key] = true
		}
	}
	there := make([]bool, len(out))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for i := range out {
		g.Go(func() (err error) {
			there[i], err = b.judge(ctx, &out[i], byKey, starting, older)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var left []IdleObject
	for i, o := range out {
		if there[i] {
			left = append(left, o)
		}
	}
	slices.SortFunc(left, func(x, y IdleObject) int { return cmp.Or(cmp.Compare(x.Provider, y.Provider), cmp.Compare(x.ID, y.ID)) })
	return left, nil
}

// judge says whether an object is there, and whether it goes.
func (b *Broker) judge(ctx context.Context, o *IdleObject, runs map[ledger.Key]knownRun, starting []knownRun, older time.Duration) (there bool, err error) {
	var users []staging.Run
	for key := range o.users {
		if r := runs[key]; r.entry.Kind != ledger.Destroyed {
			users = append(users, r.Run)
		}
	}
	for _, r := range starting {
		if r.block.Kind == runs[o.key].block.Kind {
			users = append(users, r.Run)
		}
	}
	slices.SortFunc(users, func(x, y staging.Run) int { return cmp.Compare(x.ID, y.ID) })
	for _, r := range users {
		if r.Ended.After(o.Used) {
			o.Used = r.Ended
		}
	}
	if o.Goes, o.Reason = staging.Idle(users, time.Time{}, older, b.now()); slices.ContainsFunc(users, func(r staging.Run) bool { return r.Live }) {
		o.Used = b.now()
		return true, nil
	}
	be, err := b.backend(ctx, runs[o.key].block)
	if err == nil {
		if _, err = be.Describe(ctx, o.native); be.Code(err) == provider.NotFound {
			return false, nil
		}
	}
	if err != nil {
		o.Goes, o.Reason = false, "its provider cannot be asked: "+err.Error()
	}
	return true, ctx.Err()
}

// DiscardObject removes what Garbage said may go: staging.ErrUsed when a run was begun
// since that uses it, or may.
func (b *Broker) DiscardObject(ctx context.Context, o IdleObject) error {
	r, err := b.load(ctx, o.key)
	if err != nil {
		return err
	}
	be, err := b.backend(ctx, r.intent.Provider)
	if err != nil {
		return err
	}
	by, err := newUsers(b).drop(ctx, be, r, o.native, o.users)
	if err == nil && len(by) > 0 {
		err = staging.ErrUsed
	}
	return err
}
