package vertex

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/aiplatform/apiv1/aiplatformpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/crossbatch/crossbatch/local/emulator/vertex/filter"
)

const (
	defaultPage = 100
	maxPage     = 1000
)

// mark is where an item stands in the order of a list, which is from the newest on.
// It outlives items that come and go between two pages.
type mark struct {
	Query string // that it belongs to
	At    int64  // microseconds
	Name  string
}

func markOf(created *timestamppb.Timestamp, name string) mark {
	return mark{At: created.AsTime().UnixMicro(), Name: name}
}

func (m mark) compare(other mark) int {
	return cmp.Or(cmp.Compare(other.At, m.At), strings.Compare(m.Name, other.Name))
}

// pager is what a request says of pages. Query is the same for pages of one list.
type pager struct {
	size  int32
	token string
	query string
}

// page sorts items and cuts a page out of them.
func page[T any](p pager, items []T, markOf func(T) mark) (out []T, next string, err error) {
	if p.size < 0 {
		return nil, "", invalid("The page size %d is negative.", p.size)
	}
	sum := sha256.Sum256([]byte(p.query))
	query := hex.EncodeToString(sum[:8])
	slices.SortFunc(items, func(a, b T) int { return markOf(a).compare(markOf(b)) })
	if p.token != "" {
		var last mark
		text, err := base64.RawURLEncoding.DecodeString(p.token)
		if err == nil {
			err = json.Unmarshal(text, &last)
		}
		if err != nil || last.Query != query {
			return nil, "", invalid("The page token is not one of a list with this parent and filter.")
		}
		items = slices.DeleteFunc(items, func(item T) bool { return markOf(item).compare(last) <= 0 })
	}
	size := min(int(p.size), maxPage)
	if size == 0 {
		size = defaultPage
	}
	if len(items) <= size {
		return items, "", nil
	}
	last := markOf(items[size-1])
	last.Query = query
	text, _ := json.Marshal(last) // of texts and a number
	return items[:size], base64.RawURLEncoding.EncodeToString(text), nil
}

// labelsField stands for all of a message's labels in fields.
const labelsField = "labels"

// fields are those that a filter may have, with their operators.
type fields map[string][]string

// readFilter reads a filter that has no other fields.
func readFilter(text string, of fields) (filter.Filter, error) {
	f, err := filter.Parse(text)
	if err != nil {
		return f, invalid("Invalid filter: %v.", err)
	}
	err = f.Check(func(c filter.Comparison) error {
		name := c.Field
		if strings.HasPrefix(name, labelsField+".") {
			name = labelsField
		}
		switch {
		case c.Op == "":
			return invalid("Invalid filter: %q is no comparison.", c.Value)
		case !slices.Contains(of[name], c.Op):
			return invalid("Invalid filter: the field %q with the operator %s is not supported.", c.Field, c.Op)
		case name == labelsField && c.Op == ":" && c.Field != labelsField && c.Value != "*", name == labelsField && c.Op != ":" && c.Field == labelsField:
			return invalid("Invalid filter: labels are compared as labels.KEY=VALUE or labels.KEY:*.")
		case name == "create_time":
			if _, err := time.Parse(time.RFC3339Nano, c.Value); err != nil {
				return invalid("Invalid filter: the time %q is not in RFC 3339 format.", c.Value)
			}
		case name == "state":
			if _, ok := aiplatformpb.JobState_value[c.Value]; !ok {
				return invalid("Invalid filter: there is no state %q.", c.Value)
			}
		}
		return nil
	})
	return f, err
}

// labelHolds is for labels.KEY=VALUE, labels.KEY:* and labels:KEY.
func labelHolds(c filter.Comparison, labels map[string]string) bool {
	key := strings.TrimPrefix(c.Field, labelsField+".")
	if c.Field == labelsField {
		key = c.Value
	}
	value, ok := labels[key]
	switch c.Op {
	case "=":
		return ok && value == c.Value
	case "!=":
		return !ok || value != c.Value
	}
	return ok
}

// wildcard is the : of texts: a * stands for anything, and without one the text may
// stand anywhere.
func wildcard(text, pattern string) bool {
	if !strings.Contains(pattern, "*") {
		return strings.Contains(text, pattern)
	}
	form, err := regexp.Compile("(?s)^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*") + "$")
	return err == nil && form.MatchString(text)
}

var jobFields = fields{
	"display_name": {"=", "!=", ":"}, "model_display_name": {"=", "!="}, "state": {"=", "!="},
	"create_time": {"=", "!=", "<", "<=", ">", ">="}, labelsField: {"=", "!=", ":"},
}

func (j *job) holds(c filter.Comparison, of *aiplatformpb.BatchPredictionJob) bool {
	switch c.Field {
	case "display_name":
		if c.Op == ":" {
			return wildcard(of.GetDisplayName(), c.Value)
		}
		return (of.GetDisplayName() == c.Value) == (c.Op == "=")
	case "model_display_name":
		return (j.modelName == c.Value) == (c.Op == "=")
	case "state":
		return (of.GetState().String() == c.Value) == (c.Op == "=")
	case "create_time":
		t, _ := time.Parse(time.RFC3339Nano, c.Value) // readFilter has seen to it
		n := j.created.Compare(t)
		switch c.Op {
		case "=":
			return n == 0
		case "!=":
			return n != 0
		case "<":
			return n < 0
		case "<=":
			return n <= 0
		case ">":
			return n > 0
		}
		return n >= 0
	}
	return labelHolds(c, of.GetLabels())
}

// ListBatchPredictionJobs lists the jobs of a location, the newest first.
func (s *jobService) ListBatchPredictionJobs(ctx context.Context, in *aiplatformpb.ListBatchPredictionJobsRequest) (*aiplatformpb.ListBatchPredictionJobsResponse, error) {
	location, err := s.location(in.GetParent())
	if err != nil {
		return nil, err
	}
	f, err := readFilter(in.GetFilter(), jobFields)
	if err != nil {
		return nil, err
	}
	type item struct {
		job *job
		of  *aiplatformpb.BatchPredictionJob
	}
	seen := s.seen(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	var items []item
	for _, j := range s.jobs {
		of := j.at(seen)
		if of == nil || j.location != location || j.listed.After(seen) || !f.Match(func(c filter.Comparison) bool { return j.holds(c, of) }) {
			continue
		}
		items = append(items, item{j, of})
	}
	p := pager{in.GetPageSize(), in.GetPageToken(), in.GetParent() + "\n" + in.GetFilter()}
	items, next, err := page(p, items, func(i item) mark { return markOf(i.of.GetCreateTime(), i.of.GetName()) })
	if err != nil {
		return nil, err
	}
	out := &aiplatformpb.ListBatchPredictionJobsResponse{NextPageToken: next}
	for _, i := range items {
		masked, err := mask(s.read(i.job, i.of), in.GetReadMask())
		if err != nil {
			return nil, err
		}
		out.BatchPredictionJobs = append(out.BatchPredictionJobs, masked)
	}
	return out, nil
}
