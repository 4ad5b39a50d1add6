package staging

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/crossbatch/crossbatch/core/mapping"
	"github.com/crossbatch/crossbatch/core/storage"
)

// Kind says what a group of staged objects is.
type Kind string

// The kinds of groups.
const (
	ModelGroup   Kind = "model"
	MappingGroup Kind = "mapping"
	InputGroup   Kind = "input"
	RunGroup     Kind = "run"
)

// Group is what goes or stays as a whole: a model package, a mapping, a staged
// input, or all that a run's native jobs wrote.
type Group struct {
	Kind     Kind      `json:"kind"`
	Name     string    `json:"name"` // digest, or the run's id
	URI      string    `json:"uri"`  // of its folder, ends in a slash
	Place    string    `json:"-"`    // the staging place it lies below
	Of       string    `json:"-"`    // of an input the digest of its shards, of a mapping that of its model; empty: it does not say
	Objects  int       `json:"objects"`
	Bytes    int64     `json:"bytes"`
	Modified time.Time `json:"modified"` // of the object that changed last
}

// Run is a run of a ledger and what it is made of.
type Run struct {
	ID        string
	Live      bool
	Ended     time.Time // zero while it lives
	Model     string    // digest of its package
	Input     string    // digest of its shards
	Staging   string    // its staging place, ends in a slash
	Retention time.Duration
}

// Verdict is a group, whether it goes, and why.
type Verdict struct {
	Group
	Goes   bool   `json:"goes"`
	Reason string `json:"reason"`
}

// Retire says which groups nobody needs: those that no live run uses and that are
// older than a time, or than the retention of a run that used them where that is
// longer. What a run of another ledger wrote stays. It reads nothing.
//
// Other ledgers may use the same models and inputs: of these only the age speaks,
// which begins anew with each use.
func Retire(groups []Group, runs []Run, older time.Duration, now time.Time) []Verdict {
	out := make([]Verdict, 0, len(groups))
	for _, g := range groups {
		v := Verdict{Group: g}
		v.Goes, v.Reason = retire(g, runs, older, now)
		out = append(out, v)
	}
	slices.SortStableFunc(out, func(a, b Verdict) int { return strings.Compare(a.URI, b.URI) })
	return out
}

func retire(g Group, runs []Run, older time.Duration, now time.Time) (bool, string) {
	var users []Run
	for _, r := range runs {
		if uses(r, g) {
			users = append(users, r)
		}
	}
	if g.Kind == RunGroup && len(users) == 0 {
		return false, "no run of this ledger"
	}
	return Idle(users, g.Modified, older, now)
}

// Idle says whether what some runs used, and what was changed last at a time, is of no
// more use: none of them lives, and it is older than a time, or than the longest
// retention of theirs where that is longer.
func Idle(users []Run, changed time.Time, older time.Duration, now time.Time) (yes bool, reason string) {
	keep, since := older, changed
	for _, r := range users {
		if r.Live {
			return false, fmt.Sprintf("run %.8s is not over", r.ID)
		}
		keep = max(keep, r.Retention)
		if r.Ended.After(since) {
			since = r.Ended
		}
	}
	if age := now.Sub(since); age < keep {
		return false, "used within " + spell(keep)
	}
	return true, "no live run uses it"
}

// uses says whether a run may need a group. What does not say whose it is may be
// any live run's.
func uses(r Run, g Group) bool {
	switch g.Kind {
	case RunGroup:
		return r.ID == g.Name
	case ModelGroup:
		return r.Model == g.Name
	case InputGroup:
		return r.Input == g.Of || g.Of == "" && r.Live
	}
	return r.Model == g.Of || g.Of == "" && r.Live
}

// spell writes a duration in the largest unit that it is a whole number of.
func spell(d time.Duration) string {
	for _, u := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}} {
		if d >= u.size && d%u.size == 0 {
			return fmt.Sprintf("%d%s", d/u.size, u.name)
		}
	}
	return fmt.Sprintf("%gs", d.Seconds())
}

// groupKey matches the keys of what this package and native jobs write, below a
// staging place. Anything else there is somebody's.
var groupKey = regexp.MustCompile(`^(?:(models|mappings|inputs)/([0-9a-f]{64})|(runs)/([0-9a-f]{20}))/.`)

// Survey lists what lies below a staging place. Objects that are no staged ones are
// passed over.
func Survey(ctx context.Context, open storage.Opener, staging string) (groups []Group, err error) {
	b, prefix, err := open(ctx, staging)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	at := map[string]int{}
	for _, folder := range []string{modelsFolder, mappingsFolder, inputsFolder, "runs/"} {
		for o, err := range b.Objects(ctx, prefix+folder) {
			if err != nil {
				return nil, err
			}
			m := groupKey.FindStringSubmatch(o.Key[len(prefix):])
			if m == nil {
				continue
			}
			name := cmp.Or(m[2], m[4])
			i, ok := at[folder+name]
			if !ok {
				i = len(groups)
				at[folder+name] = i
				groups = append(groups, Group{
					Kind: map[string]Kind{modelsFolder: ModelGroup, mappingsFolder: MappingGroup, inputsFolder: InputGroup, "runs/": RunGroup}[folder],
					Name: name, URI: folderURI(b, prefix+folder+name+"/"), Place: staging,
				})
			}
			g := &groups[i]
			g.Objects++
			g.Bytes += o.Size
			if o.ModTime.After(g.Modified) {
				g.Modified = o.ModTime
			}
			if err := g.look(ctx, b, o.Key); err != nil {
				return nil, err
			}
		}
	}
	return groups, nil
}

// look reads whose a group is off its commit. One that cannot be read does not say.
func (g *Group) look(ctx context.Context, b *storage.Bucket, key string) error {
	switch {
	case g.Kind == InputGroup && strings.HasSuffix(key, "/"+stagedName):
	case g.Kind == MappingGroup && strings.HasSuffix(key, "/"+mapping.Name):
	default:
		return nil
	}
	body, err := b.Read(ctx, key)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if g.Kind == InputGroup {
		if s, err := Decode(body); err == nil {
			g.Of = s.Input
		}
		return nil
	}
	if m, err := mapping.Decode(body); err == nil {
		g.Of = m.Model
	}
	return nil
}

// ErrUsed says that a group was used while it was looked at.
var ErrUsed = errors.New("it was used meanwhile")

// Remove deletes the objects of a group: its commit first, so that what a killed
// process left of it is nobody's input. It is ErrUsed, and nothing is deleted, when
// one of them is newer than the survey says. Doing it again is free.
func Remove(ctx context.Context, open storage.Opener, g Group) (err error) {
	b, prefix, err := open(ctx, g.Place)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	folder := map[Kind]string{ModelGroup: modelsFolder, MappingGroup: mappingsFolder, InputGroup: inputsFolder, RunGroup: "runs/"}[g.Kind] + g.Name + "/"
	if !groupKey.MatchString(folder + "x") {
		return fmt.Errorf("removing %s: it is nothing that was staged", g.URI)
	}
	var keys []string
	for o, err := range b.Objects(ctx, prefix+folder) {
		if err != nil {
			return err
		}
		if o.ModTime.After(g.Modified) {
			return fmt.Errorf("removing %s: %w", g.URI, ErrUsed)
		}
		keys = append(keys, o.Key)
	}
	slices.SortStableFunc(keys, func(a, b string) int { return cmp.Compare(commits(b), commits(a)) })
	if err := b.Remove(ctx, keys...); err != nil {
		return err
	}
	if dir, ok := b.Dir(); ok {
		return clearFolder(filepath.Join(dir, filepath.FromSlash(prefix+folder)))
	}
	return nil
}

// RemoveRun deletes all that lies in the folder of a run below a staging place. Doing
// it again is free.
func RemoveRun(ctx context.Context, open storage.Opener, place, run string) error {
	const forever = 1 << 40 // seconds; nothing is too new to go
	return Remove(ctx, open, Group{Kind: RunGroup, Name: run, URI: storage.Join(place, "runs/"+run+"/"), Place: place, Modified: time.Unix(forever, 0)})
}

// commits is 1 for the key of a commit.
func commits(key string) int {
	if strings.HasSuffix(key, "/"+stagedName) || strings.HasSuffix(key, "/"+packageName) {
		return 1
	}
	return 0
}

// clearFolder removes the folders that a group leaves on this machine, with what
// killed processes were writing there. A folder that holds more stays.
func clearFolder(dir string) error {
	var folders []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case d.IsDir():
			folders = append(folders, path)
		case strings.HasPrefix(d.Name(), ".tmp-"):
			return os.Remove(path)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, f := range slices.Backward(folders) {
		_ = os.Remove(f) // fails where there is something
	}
	return nil
}
