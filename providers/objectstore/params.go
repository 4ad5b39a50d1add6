package objectstore

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/agext/levenshtein"
)

// params are what a URI's query says. Values are never echoed: somebody may have
// put a secret there.
type params struct{ url.Values }

// parseParams reads a query that may have some parameters, each once.
func parseParams(query string, allowed []string) (params, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return params{}, errors.New("its query cannot be read: write NAME=VALUE&NAME=VALUE, percent-encoded")
	}
	for name, v := range values {
		switch {
		case !slices.Contains(allowed, name):
			return params{}, fmt.Errorf("it has no parameter %q%s; those are %s", name, meant(name, allowed), strings.Join(allowed, ", "))
		case len(v) > 1:
			return params{}, fmt.Errorf("the parameter %q is given twice", name)
		case v[0] == "":
			values.Del(name)
		}
	}
	return params{values}, nil
}

// String is the parameters in one order, whatever theirs was.
func (p params) String() string { return p.Encode() }

// yes is a parameter that is true or false.
func (p params) yes(name string) (bool, error) {
	v := p.Get(name)
	if v == "" {
		return false, nil
	}
	b, err := strconv.ParseBool(v)
	if err != nil {
		return false, fmt.Errorf("the parameter %q is neither true nor false", name)
	}
	return b, nil
}

// endpoint is a parameter that is the address of a service; empty where it is not
// given.
func (p params) endpoint() (string, error) {
	v := p.Get("endpoint")
	if v == "" {
		return "", nil
	}
	u, err := url.Parse(v)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", errors.New("the parameter \"endpoint\" must be http:// or https://, a host and perhaps a port; credentials do not belong there")
	}
	return strings.TrimSuffix(u.String(), "/"), nil
}

// meant suggests a name that is near; empty where none is.
func meant(name string, names []string) string {
	best, distance := "", 1+len(name)/3
	for _, n := range names {
		if d := levenshtein.Distance(strings.ToLower(name), n, nil); d <= distance && (best == "" || d < levenshtein.Distance(strings.ToLower(name), best, nil)) {
			best = n
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %s?)", best)
}
