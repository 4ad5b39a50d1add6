package sagemaker

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

const (
	defaultResults = 10
	descending     = "Descending"
)

// listInput is what all lists take.
type listInput struct {
	NameContains                                  string
	CreationTimeAfter, CreationTimeBefore         *epoch
	LastModifiedTimeAfter, LastModifiedTimeBefore *epoch
	StatusEquals                                  string
	SortBy, SortOrder                             string
	MaxResults                                    int
	NextToken                                     string
}

func (in listInput) matches(name string, created time.Time) bool {
	return strings.Contains(strings.ToLower(name), strings.ToLower(in.NameContains)) && between(created, in.CreationTimeAfter, in.CreationTimeBefore)
}

// between holds for times behind the one and ahead of the other, if given.
func between(t time.Time, after, before *epoch) bool {
	return (after == nil || t.After(time.Time(*after))) && (before == nil || t.Before(time.Time(*before)))
}

// mark is where an item stands in the order of a list. It outlives items that come
// and go between two pages.
type mark struct {
	Query string // that it belongs to
	Key   string
	Name  string
}

func (m mark) compare(other mark) int {
	return cmp.Or(strings.Compare(m.Key, other.Key), strings.Compare(m.Name, other.Name))
}

// query is the same for pages of one list.
func (in listInput) query() string {
	in.NextToken, in.MaxResults = "", 0
	text, _ := json.Marshal(in) // of texts and times
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

func (m mark) token() string {
	text, _ := json.Marshal(m) // of texts
	return base64.RawURLEncoding.EncodeToString(text)
}

func readToken(token, query string) (mark, error) {
	var m mark
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil || m.Query != query {
		return m, invalid("Invalid pagination token: it is not one of a list with these filters and this order.")
	}
	return m, nil
}

// page sorts items and cuts a page out of them.
func page[T any](in listInput, items []T, markOf func(T) mark) (out []T, next string, err error) {
	query := in.query()
	order := func(a, b mark) int {
		if in.SortOrder == "" || in.SortOrder == descending {
			return b.compare(a)
		}
		return a.compare(b)
	}
	slices.SortFunc(items, func(a, b T) int { return order(markOf(a), markOf(b)) })
	if in.NextToken != "" {
		last, err := readToken(in.NextToken, query)
		if err != nil {
			return nil, "", err
		}
		start, _ := slices.BinarySearchFunc(items, last, func(item T, last mark) int {
			if order(markOf(item), last) <= 0 {
				return -1
			}
			return 1
		})
		items = items[start:]
	}
	size := in.MaxResults
	if size == 0 {
		size = defaultResults
	}
	if len(items) <= size {
		return items, "", nil
	}
	last := markOf(items[size-1])
	last.Query = query
	return items[:size], last.token(), nil
}

// sortable is a time as a text that sorts as times do.
func sortable(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000Z") }

// listed is an answer with a page of items.
func listed(name string, items any, next string) map[string]any {
	out := map[string]any{name: items}
	if next != "" {
		out["NextToken"] = next
	}
	return out
}

type modelSummary struct {
	ModelName    string
	ModelArn     string //nolint:revive // its name in the API
	CreationTime epoch
}

func (s *Server) listModels(c *call) (any, error) {
	var in listInput
	if err := c.into(&in); err != nil {
		return nil, err
	}
	seen := s.now().Add(-c.stale)
	s.mu.Lock()
	defer s.mu.Unlock()
	items := []modelSummary{}
	for _, m := range s.models {
		if m.region == c.region && !m.created.After(seen) && in.matches(m.input.ModelName, m.created) {
			items = append(items, modelSummary{m.input.ModelName, m.arn, epoch(m.created)})
		}
	}
	items, next, err := page(in, items, func(m modelSummary) mark {
		if in.SortBy == "Name" {
			return mark{Key: m.ModelName}
		}
		return mark{Key: sortable(time.Time(m.CreationTime)), Name: m.ModelName}
	})
	return listed("Models", items, next), err
}

type jobSummary struct {
	TransformJobName   string
	TransformJobArn    string
	CreationTime       epoch
	TransformEndTime   *epoch `json:",omitempty"`
	LastModifiedTime   epoch
	TransformJobStatus string
	FailureReason      string `json:",omitempty"`
}

func (s *Server) listTransformJobs(c *call) (any, error) {
	var in listInput
	if err := c.into(&in); err != nil {
		return nil, err
	}
	seen := s.now().Add(-c.stale)
	s.mu.Lock()
	defer s.mu.Unlock()
	items := []jobSummary{}
	for _, j := range s.jobs {
		state, ok := j.stateAt(seen)
		if !ok || j.region != c.region || !in.matches(j.input.TransformJobName, j.created) || in.StatusEquals != "" && in.StatusEquals != state.status ||
			!between(state.at, in.LastModifiedTimeAfter, in.LastModifiedTimeBefore) {
			continue
		}
		items = append(items, jobSummary{j.input.TransformJobName, j.arn, epoch(j.created), when(state.ended), epoch(state.at), state.status, state.reason})
	}
	items, next, err := page(in, items, func(j jobSummary) mark {
		switch in.SortBy {
		case "Name":
			return mark{Key: j.TransformJobName}
		case "Status":
			return mark{Key: j.TransformJobStatus, Name: j.TransformJobName}
		}
		return mark{Key: sortable(time.Time(j.CreationTime)), Name: j.TransformJobName}
	})
	return listed("TransformJobSummaries", items, next), err
}
