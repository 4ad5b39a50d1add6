package sagemaker

import (
	"slices"
	"strconv"
	"strings"
)

// maxTags is how many tags a resource may have.
const maxTags = 50

// tagPage is how many tags ListTags gives that is not told.
const tagPage = 50

type tag struct{ Key, Value string }

// checkTags holds what is given at a time.
func checkTags(tags []tag) error {
	seen := map[string]bool{}
	for _, t := range tags {
		if strings.HasPrefix(strings.ToLower(t.Key), "aws:") {
			return invalid("Tag keys may not begin with aws:, as %q does.", t.Key)
		}
		if seen[t.Key] {
			return invalid("The tag key %q is given twice.", t.Key)
		}
		seen[t.Key] = true
	}
	return nil
}

// taggable is called under the lock.
func (s *Server) taggable(region, arn string) error {
	for _, m := range s.models {
		if m.arn == arn && m.region == region {
			return nil
		}
	}
	for _, j := range s.jobs {
		if j.arn == arn && j.region == region {
			return nil
		}
	}
	return invalid("Could not find resource %q.", arn)
}

type tagsInput struct {
	ResourceArn string //nolint:revive // its name in the API
	Tags        []tag
	TagKeys     []string
	MaxResults  int
	NextToken   string
}

// tagged reads a request about the tags of a resource that is there. It is called
// under the lock.
func (s *Server) tagged(c *call) (tagsInput, error) {
	var in tagsInput
	if err := c.into(&in); err != nil {
		return in, err
	}
	return in, s.taggable(c.region, in.ResourceArn)
}

func (s *Server) addTags(c *call) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	in, err := s.tagged(c)
	if err != nil {
		return nil, err
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	all := slices.Clone(s.tags[in.ResourceArn])
	for _, t := range in.Tags {
		if i := slices.IndexFunc(all, func(old tag) bool { return old.Key == t.Key }); i >= 0 {
			all[i] = t
		} else {
			all = append(all, t)
		}
	}
	if len(all) > maxTags {
		return nil, invalid("A resource can have %d tags at most; with these it would have %d.", maxTags, len(all))
	}
	s.tags[in.ResourceArn] = all
	return map[string][]tag{"Tags": all}, nil
}

func (s *Server) listTags(c *call) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	in, err := s.tagged(c)
	if err != nil {
		return nil, err
	}
	all, start := s.tags[in.ResourceArn], 0
	if in.NextToken != "" {
		if start, err = strconv.Atoi(in.NextToken); err != nil || start < 0 || start > len(all) {
			return nil, invalid("Invalid pagination token.")
		}
	}
	end, next := start+max(in.MaxResults, tagPage), ""
	if end < len(all) {
		next = strconv.Itoa(end)
	}
	return listed("Tags", append([]tag{}, all[start:min(end, len(all))]...), next), nil
}

func (s *Server) deleteTags(c *call) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	in, err := s.tagged(c)
	if err != nil {
		return nil, err
	}
	s.tags[in.ResourceArn] = slices.DeleteFunc(slices.Clone(s.tags[in.ResourceArn]), func(t tag) bool { return slices.Contains(in.TagKeys, t.Key) })
	return map[string]any{}, nil
}
