package contracttests

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/storage"
)

const fakeSecret = "hunter2-is-no-password"

// sending is how long a call may take.
const sending = 10 * time.Second

// traits are what a fake service is like.
type traits struct {
	guarantee  provider.Guarantee
	visibility time.Duration // lookup
	parts      int
	whole      bool // results come as finished parts, not as lines
	keeps      bool // what a cancelled job finished stays
	ensures    bool // an owned object is made first
	page       int  // of lists
	idle       bool // jobs stay queued

	broken string // the promise that it breaks; see broken_test.go
}

// service is what a fake cloud knows: it outlives all backends that talk to it.
// Its jobs go one step on whenever somebody asks about one of them.
type service struct {
	traits
	t     T
	clock clockwork.Clock

	mu    sync.Mutex
	jobs  []*fakeJob // oldest first
	owned map[string]bool
	calls int
	hold  int
	nth   int // translations
	kept  map[string]provider.Translation
}

// fakeJob is a native job.
type fakeJob struct {
	native  provider.Native
	request provider.Request
	body    fakeBody
	made    time.Time
	state   provider.State
	code    provider.Code
	detail  string
	done    []int // shards
	asked   int
	began   time.Time
	ended   time.Time
}

// fakeBody is what a start is sent with.
type fakeBody struct {
	Job     job.Job        `json:"job"`
	Model   provider.Model `json:"model"`
	Input   provider.Input `json:"input"`
	Output  string         `json:"output"`
	Budget  time.Duration  `json:"budget"`
	Object  any            `json:"object,omitempty"` // {"$ref":…}
	Attempt int            `json:"attempt"`
}

// fake is one backend on a service.
type fake struct {
	s      *service
	mu     sync.Mutex
	closed bool
}

func (f *fake) usable(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed && f.s.broken != "closed_is_closed" {
		return provider.ErrClosed
	}
	if f.s.broken == "cancelled_context_creates_nothing" {
		return nil
	}
	return ctx.Err()
}

// enter begins a call.
func (f *fake) enter(ctx context.Context) (func(), error) {
	if err := f.usable(ctx); err != nil {
		return func() {}, err
	}
	f.s.mu.Lock()
	f.s.calls++
	return f.s.mu.Unlock, nil
}

func (f *fake) Capabilities() provider.Capabilities {
	return provider.Capabilities{
		Guarantee: f.s.guarantee, Visibility: f.s.visibility + sending, KeepsOnCancel: f.s.keeps,
		Poll: provider.Poll{Min: 100 * time.Millisecond, Max: time.Second},
	}
}

func (f *fake) Inspect(ctx context.Context) (provider.Facts, error) {
	leave, err := f.enter(ctx)
	defer leave()
	notes := map[string]string{"api": "1"}
	if f.s.broken == "no_secret_anywhere" {
		notes["token"] = fakeSecret
	}
	return provider.Facts{Region: "nowhere-1", Notes: notes}, err
}

func (f *fake) Check(provider.Spec) []provider.Finding {
	var out []provider.Finding
	for _, field := range provider.Fields() {
		level := provider.Exact
		switch {
		case field == "limits.retries", field == "output.destination":
			level = provider.Watched
		case slices.Contains(sizing, field):
			level = provider.Emulated
		}
		if f.s.broken == findingsHold && field == "batching.records" {
			out = append(out, provider.Finding{Field: field, Level: provider.Lost, Message: "says who?"})
			continue
		}
		out = append(out, provider.Finding{Field: field, Level: level})
	}
	if f.s.broken == "findings_are_total" {
		return out[1:]
	}
	return out
}

func (f *fake) Translate(s provider.Spec) (provider.Translation, error) {
	if f.s.broken == "translate_is_deterministic" {
		f.s.mu.Lock()
		f.s.nth++
		s.Job.Labels = map[string]string{"nth": strconv.Itoa(f.s.nth)}
		f.s.mu.Unlock()
	}
	if f.s.broken == "cancel_before_start_starts_nothing" {
		f.s.mu.Lock()
		f.s.jobs = append(f.s.jobs, &fakeJob{native: provider.Native{Name: "eager", ID: "jobs/eager"}, state: provider.Succeeded})
		f.s.mu.Unlock()
	}
	parts := min(f.s.parts, max(len(s.Input.Take), 1))
	var t provider.Translation
	if f.s.ensures {
		body, err := provider.Canonical(map[string]string{"digest": s.Model.Digest})
		if err != nil {
			return t, err
		}
		t.Requests = append(t.Requests, provider.Request{
			ID: "object", Role: provider.Ensure, Op: "CreateObject", Name: "cb-" + s.Ledger[:8] + "-" + s.Model.Digest[:12], Body: body,
		})
	}
	for p := range parts {
		b := fakeBody{Job: s.Job, Model: s.Model, Output: s.Output, Budget: s.Budget, Attempt: s.Attempt, Input: s.Input}
		b.Input.Take = []int{}
		for i, shard := range s.Input.Take {
			if i%parts == p {
				b.Input.Take = append(b.Input.Take, shard)
			}
		}
		if f.s.ensures {
			b.Object = map[string]string{"$ref": "object.uri"}
		}
		body, err := provider.Canonical(b)
		if err != nil {
			return t, err
		}
		if f.s.broken == "requests_are_well_formed" {
			body = append([]byte(" "), body...)
		}
		t.Requests = append(t.Requests, provider.Request{
			ID: fmt.Sprintf("start-%d", p), Role: provider.Start, Op: "CreateJob", Part: p, Parts: parts,
			Name: provider.NativeName(s.Job.Address, s.Run, s.Attempt, p, parts), Body: body,
		})
	}
	if f.s.broken == "translate_aliases_nothing" {
		f.s.mu.Lock()
		defer f.s.mu.Unlock()
		if kept, ok := f.s.kept[s.Run]; ok {
			return kept, nil
		}
		f.s.kept[s.Run] = t
	}
	return t, nil
}

func (f *fake) Send(ctx context.Context, q provider.Request) (provider.Native, error) {
	leave, err := f.enter(ctx)
	defer leave()
	if err != nil {
		return provider.Native{}, err
	}
	s := f.s
	if q.Role == provider.Ensure {
		s.owned[q.Name] = true
		return owned(q), nil
	}
	var body fakeBody
	if err := json.Unmarshal(q.Body, &body); err != nil {
		return provider.Native{}, provider.Errorf(provider.Invalid, "%w", err)
	}
	if s.ensures && body.Object != "object://"+fakeObject(body.Model.Digest) {
		return provider.Native{}, provider.Errorf(provider.Invalid, "the object is %v", body.Object)
	}
	if s.ensures && !s.holds(fakeObject(body.Model.Digest)) {
		if s.broken == vanishedMadeAgain {
			return provider.Native{}, provider.Errorf(provider.Invalid, "there is no object")
		}
		return provider.Native{}, provider.Errorf(provider.NotFound, "there is no object")
	}
	if there := s.named(q.Name); there != nil {
		twice := s.broken == "second_start_makes_two"
		switch {
		case twice:
		case s.guarantee == provider.Named:
			return provider.Native{}, provider.Errorf(provider.AlreadyExists, "%s is there", q.Name)
		case s.guarantee == provider.Token:
			return there.native, nil
		}
	}
	id := "jobs/" + q.Name
	if s.guarantee != provider.Named || s.broken == "second_start_makes_two" {
		id = fmt.Sprintf("jobs/%d-%s", 1000+len(s.jobs), q.Name)
	}
	j := &fakeJob{
		native:  provider.Native{Request: q.ID, Kind: "job", Name: q.Name, ID: id, Part: q.Part, Parts: q.Parts},
		request: q, body: body, made: s.clock.Now(), state: provider.Queued,
	}
	s.jobs = append(s.jobs, j)
	if s.broken == "one_start_makes_two" && len(s.jobs) == 1 {
		twin := *j
		twin.native.ID += "-twin"
		s.jobs = append(s.jobs, &twin)
	}
	return j.native, nil
}

func owned(q provider.Request) provider.Native {
	return provider.Native{Request: q.ID, Kind: "object", Name: q.Name, ID: "objects/" + q.Name, Parts: 1, Outputs: map[string]string{"uri": "object://" + q.Name[len(q.Name)-12:]}}
}

func fakeObject(digest string) string { return digest[:12] }

// holds says whether there is an object of some content.
func (s *service) holds(content string) bool {
	for name := range s.owned {
		if strings.HasSuffix(name, "-"+content) {
			return true
		}
	}
	return false
}

func (s *service) named(name string) *fakeJob {
	for _, j := range s.jobs {
		if j.native.Name == name {
			return j
		}
	}
	return nil
}

func (s *service) byID(id string) *fakeJob {
	for _, j := range s.jobs {
		if j.native.ID == id {
			return j
		}
	}
	return nil
}

// visible says whether a listing has a job yet.
func (s *service) visible(j *fakeJob) bool {
	return s.guarantee != provider.Lookup || s.clock.Since(j.made) >= s.visibility
}

func (f *fake) Find(ctx context.Context, q provider.Request) (provider.Native, error) {
	leave, err := f.enter(ctx)
	defer leave()
	if err != nil {
		return provider.Native{}, err
	}
	if q.Role == provider.Ensure {
		if f.s.owned[q.Name] {
			return owned(q), nil
		}
		return provider.Native{}, provider.Errorf(provider.NotFound, "no object %s", q.Name)
	}
	j := f.s.named(q.Name)
	if j == nil || !f.s.visible(j) {
		return provider.Native{}, provider.Errorf(provider.NotFound, "no job %s", q.Name)
	}
	if string(j.request.Body) != string(q.Body) {
		return provider.Native{}, provider.Errorf(provider.Conflict, "%s is another job", q.Name)
	}
	return j.native, nil
}

func (f *fake) Describe(ctx context.Context, n provider.Native) (provider.Observation, error) {
	leave, err := f.enter(ctx)
	defer leave()
	if err != nil {
		return provider.Observation{}, err
	}
	if n.Kind == "object" && f.s.owned[n.Name] {
		return provider.Observation{Native: n, State: provider.Succeeded}, nil
	}
	j := f.s.byID(n.ID)
	if j == nil || f.s.broken == "stale_list_decides_nothing" && !j.state.Terminal() {
		if f.s.broken == "unknown_is_not_found" {
			return provider.Observation{Native: n, State: provider.Failed}, nil
		}
		return provider.Observation{}, provider.Errorf(provider.NotFound, "no job %s", n.ID)
	}
	f.s.advance(j)
	return f.s.observe(j), nil
}

func (s *service) observe(j *fakeJob) provider.Observation {
	o := provider.Observation{Native: j.native, State: j.state, Detail: j.detail, Code: j.code, Started: j.began, Ended: j.ended}
	j.asked++
	switch {
	case s.broken == "states_move_forward" && j.state == provider.Running && j.asked%2 == 0:
		o.State = provider.Queued
	case s.broken == "terminal_absorbs" && j.state.Terminal() && j.asked > 6:
		o.State = provider.Running
	}
	return o
}

func (f *fake) List(ctx context.Context, q provider.Query) iter.Seq2[provider.Observation, error] {
	return func(yield func(provider.Observation, error) bool) {
		leave, err := f.enter(ctx)
		if err != nil {
			leave()
			yield(provider.Observation{}, err)
			return
		}
		var all []provider.Observation
		for i, j := range slices.Backward(f.s.jobs) {
			if f.s.visible(j) && !j.made.Before(q.Since) {
				f.s.advance(j)
				all = append(all, f.s.observe(j))
			}
			if n := len(f.s.jobs) - i; n%f.s.page == 0 && i > 0 || f.s.broken == "watching_costs_pages" {
				f.s.calls++
			}
		}
		leave()
		switch f.s.broken {
		case "watching_costs_pages":
			all = nil
		case fleetCostsPages:
			all = all[:min(len(all), f.s.page)]
		}
		for _, o := range all {
			if !yield(o, nil) {
				return
			}
		}
	}
}

func (f *fake) Cancel(ctx context.Context, n provider.Native) error {
	leave, err := f.enter(ctx)
	defer leave()
	if err != nil {
		return err
	}
	j := f.s.byID(n.ID)
	switch {
	case j == nil:
		return provider.Errorf(provider.NotFound, "no job %s", n.ID)
	case f.s.ignoresCancel(j):
	case j.state.Terminal():
		if f.s.broken == "cancel_is_idempotent" {
			return provider.Errorf(provider.Invalid, "%s is over", n.ID)
		}
		if f.s.broken == "cancel_after_end_changes_nothing" {
			j.state = provider.Cancelled
		}
	default:
		j.state = provider.Cancelling
	}
	return nil
}

func (f *fake) Results(ctx context.Context, s provider.Spec, natives []provider.Native) iter.Seq2[provider.Piece, error] {
	return func(yield func(provider.Piece, error) bool) {
		leave, err := f.enter(ctx)
		var pieces []provider.Piece
		if err == nil {
			for _, n := range natives {
				j := f.s.byID(n.ID)
				if j == nil {
					err = provider.Errorf(provider.NotFound, "no job %s", n.ID)
					break
				}
				if j.state == provider.Cancelled && !f.s.keeps {
					continue
				}
				var more []provider.Piece
				if more, err = f.s.pieces(j); err != nil {
					break
				}
				pieces = append(pieces, more...)
			}
		}
		leave()
		if err != nil {
			yield(provider.Piece{}, err)
			return
		}
		for _, p := range slices.Backward(pieces) { // in no order at all
			if !yield(p, nil) {
				return
			}
		}
	}
}

func (f *fake) Logs(ctx context.Context, natives []provider.Native, o provider.LogOptions) iter.Seq2[provider.LogLine, error] {
	return func(yield func(provider.LogLine, error) bool) {
		leave, err := f.enter(ctx)
		var lines []string
		for _, n := range natives {
			j := f.s.byID(n.ID)
			switch {
			case err != nil:
			case j == nil:
				err = provider.Errorf(provider.NotFound, "no job %s", n.ID)
			default:
				lines = append(lines, fmt.Sprintf("%d shards are finished", len(j.done)))
			}
		}
		leave()
		if err != nil {
			yield(provider.LogLine{}, err)
			return
		}
		for i := 0; i < len(lines) || f.s.broken == "logs_end"; i++ {
			if !yield(provider.LogLine{Text: lines[i%len(lines)]}, nil) {
				return
			}
		}
	}
}

func (f *fake) Delete(ctx context.Context, n provider.Native) error {
	leave, err := f.enter(ctx)
	defer leave()
	if err == nil && f.s.broken != destroyLeavesNothing {
		if n.Kind == "object" {
			delete(f.s.owned, n.Name)
		}
		f.s.jobs = slices.DeleteFunc(f.s.jobs, func(j *fakeJob) bool { return j.native.ID == n.ID })
	}
	return err
}

func (f *fake) Code(err error) provider.Code {
	code := provider.CodeOf(err)
	if f.s.broken == "throttles_and_5xx_are_survived" && code.Resend() {
		return provider.Invalid
	}
	return code
}

func (f *fake) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	return nil
}

// ignoresCancel says that this service does not end what it should.
func (s *service) ignoresCancel(j *fakeJob) bool {
	switch s.broken {
	case "cancel_during_start_ends_it", "cancel_while_running_ends_it", "failed_submit_leaves_nothing_running", "deadline_ends_the_run", lateArrivalCancelled:
		return !j.state.Terminal()
	}
	return false
}

// advance takes a job one step on.
func (s *service) advance(j *fakeJob) {
	now := s.clock.Now()
	if s.idle {
		return
	}
	switch j.state {
	case provider.Queued:
		j.state, j.began = provider.Preparing, now
	case provider.Preparing:
		j.state = provider.Running
		if _, err := os.Stat(j.body.Model.Artifact); err != nil && s.broken != "failed_submit_leaves_nothing_running" {
			s.end(j, provider.Failed, provider.ModelError, "there is no model")
		}
	case provider.Cancelling:
		s.end(j, provider.Cancelled, provider.Canceled, "cancelled")
	case provider.Running:
		if s.hold >= 0 && len(j.done) >= s.hold {
			return
		}
		if n := len(j.done); n < len(j.body.Input.Take) {
			shard := j.body.Input.Take[n]
			if err := s.score(j, shard); err != nil {
				s.end(j, provider.Failed, provider.CodeOf(err), err.Error())
				return
			}
			j.done = append(j.done, shard)
		}
		if len(j.done) == len(j.body.Input.Take) {
			s.end(j, provider.Succeeded, provider.OK, "")
		}
	}
}

func (s *service) end(j *fakeJob, state provider.State, code provider.Code, detail string) {
	j.state, j.code, j.detail, j.ended = state, code, detail, s.clock.Now()
}

// Count, Hold, Standing and Kill are what the suite does behind the back of the
// backend.
func (s *service) Count(context.Context) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.jobs), nil
}

func (s *service) Hold(shards int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hold = shards
}

func (s *service) Standing(_ context.Context, n provider.Native) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.byID(n.ID)
	if j == nil {
		return fmt.Errorf("there is no %s", n.ID)
	}
	for range 100 {
		s.advance(j)
		if j.state.Terminal() {
			return fmt.Errorf("%s is %s: %s", n.ID, j.state, j.detail)
		}
		if j.state == provider.Running && len(j.done) >= s.hold {
			return nil
		}
	}
	return fmt.Errorf("%s is %s", n.ID, j.state)
}

func (s *service) Kill(_ context.Context, n provider.Native) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j := s.byID(n.ID); j != nil {
		if s.broken == "a_retry_stands_on_its_base" { // it is not dead
			s.hold = -1
			return nil
		}
		code := provider.Internal
		if s.broken == "died_is_retried" {
			code = provider.DataError
		}
		s.end(j, provider.Failed, code, "the machine died")
	}
	return nil
}

func (s *service) countCalls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// outputs is the folder that a job writes to.
func (j *fakeJob) outputs() string {
	dir, _ := storage.LocalPath(j.body.Output)
	return filepath.Join(dir, fmt.Sprintf("p%d", j.native.Part))
}
