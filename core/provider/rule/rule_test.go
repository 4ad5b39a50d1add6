package rule_test

import (
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/provider/rule"
)

func TestCheck(t *testing.T) {
	r := rule.Service("Batch").Whole(`[a-zä]+|none at all`, 2, 5)
	for text, words := range map[string]string{
		"ab": "", "ääääa": "", // characters, not bytes
		"a":           "Batch takes at least 2",
		"abcdef":      "has 6 characters; Batch takes at most 5",
		"a1":          "Batch does not take: it must match",
		"ab\n":        "does not take",
		"none at all": "at most 5",
		"a\xff":       "is not UTF-8",
	} {
		err := r.Check("label", text)
		if words == "" && err != nil || words != "" && (provider.CodeOf(err) != provider.Invalid || !strings.Contains(err.Error(), words) || !strings.HasPrefix(err.Error(), "label ")) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
