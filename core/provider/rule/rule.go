// Package rule holds texts against what a service takes: the patterns and lengths of
// its documents, which SDKs do not check.
//
// It must not know any service: its rules stand with its provider.
package rule

import (
	"regexp"
	"unicode/utf8"

	"github.com/crossbatch/crossbatch/core/provider"
)

// Service is the name of a service in messages; it makes the service's rules.
type Service string

// Rule is a pattern for a whole text, with its lengths in characters.
type Rule struct {
	service  Service
	pattern  *regexp.Regexp
	min, max int
}

// Whole is a rule of the service. A pattern that is none panics: rules are written
// down, not read.
func (s Service) Whole(pattern string, least, most int) Rule {
	return Rule{s, regexp.MustCompile(`\A(?:` + pattern + `)\z`), least, most}
}

// Check is provider.Invalid, and names the field, for a text that breaks the rule.
func (r Rule) Check(field, text string) error {
	switch n := utf8.RuneCountInString(text); {
	case !utf8.ValidString(text):
		return provider.Errorf(provider.Invalid, "%s is not UTF-8", field)
	case n > r.max:
		return provider.Errorf(provider.Invalid, "%s has %d characters; %s takes at most %d", field, n, r.service, r.max)
	case n < r.min:
		return provider.Errorf(provider.Invalid, "%s is %q; %s takes at least %d characters", field, text, r.service, r.min)
	case !r.pattern.MatchString(text):
		return provider.Errorf(provider.Invalid, "%s is %q, which %s does not take: it must match %s", field, text, r.service, r.pattern)
	}
	return nil
}
