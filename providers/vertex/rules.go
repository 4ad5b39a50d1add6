package vertex

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/provider/rule"
	"github.com/crossbatch/crossbatch/core/storage"
)

const service rule.Service = "Vertex AI"

// The rules of the service's documents: of resource names as its protocol buffers
// describe them, of labels those that the protocol buffers refer to,
// https://cloud.google.com/compute/docs/labeling-resources#requirements.
var (
	projectRule    = service.Whole(`([a-z][-a-z0-9.:]*:)?[a-z0-9][-a-z0-9]*`, 1, 64)
	locationRule   = service.Whole(`[a-z]+(-[a-z]+)*[0-9]*`, 2, 32)
	imageRule      = service.Whole(`\S+`, 1, 1024)
	accountRule    = service.Whole(`[^@\s]+@[^@\s]+`, 3, 254)
	keyRule        = service.Whole(`projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+`, 1, 1024)
	displayRule    = service.Whole(`(?s).+`, 1, 128)
	modelRule      = service.Whole(`(projects/[^/@]+/locations/[^/@]+/models/)?[a-z0-9_-]+(@[a-zA-Z0-9-]+)?`, 1, 512)
	variableRule   = service.Whole(`[a-zA-Z_][a-zA-Z0-9_]*`, 1, 1024)
	labelKeyRule   = service.Whole(`[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]*`, 1, 63)
	labelValueRule = service.Whole(`[\p{Ll}\p{Lo}\p{N}_-]*`, 0, 63)
)

// checkVariables checks the names of a container's variables. How long their values
// may be is not documented.
func checkVariables(env map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if err := variableRule.Check("env: the name of a variable", name); err != nil {
			return err
		}
		if !utf8.ValidString(env[name]) {
			return provider.Errorf(provider.Invalid, "env: %s is not UTF-8", name)
		}
	}
	return nil
}

// ownLabel begins the keys of the labels that are made here.
const ownLabel = "crossbatch_"

const mostLabels = 64

// labels checks what a user wrote as labels.
func labels(field string, m map[string]string) (map[string]string, error) {
	out := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if err := labelKeyRule.Check(field+": the key", key); err != nil {
			return nil, err
		}
		if strings.HasPrefix(key, ownLabel) || strings.HasPrefix(key, "goog") {
			return nil, provider.Errorf(provider.Invalid, "%s: the key %q begins with a prefix that Google or crossbatch keeps for itself", field, key)
		}
		if err := labelValueRule.Check(field+": the value of "+key, m[key]); err != nil {
			return nil, err
		}
		out[key] = m[key]
	}
	return out, checkLabels(field, out)
}

func checkLabels(field string, m map[string]string) error {
	if len(m) > mostLabels {
		return provider.Errorf(provider.Invalid, "%s holds %d labels with those that crossbatch sets; Vertex AI takes at most %d", field, len(m), mostLabels)
	}
	return nil
}

var notInLabels = regexp.MustCompile(`[^\p{Ll}\p{Lo}\p{N}_-]`)

// labelValue is a value of ours. What it may not hold becomes an underscore: it is
// for people and for cost reports.
func labelValue(value string) string {
	value = notInLabels.ReplaceAllString(strings.ToLower(strings.ToValidUTF8(value, "_")), "_")
	if r := []rune(value); len(r) > 63 {
		value = string(r[:63])
	}
	return value
}

// scheme is that of the store that Vertex AI reads.
const scheme = "gs"

// wildcards are what the service does not take as it stands in the name of an
// object: https://cloud.google.com/storage/docs/wildcards.
const wildcards = "*?[]"

// bare is how Vertex AI names an object or prefix: the key is not encoded, and
// nothing says where the store is.
func bare(uri string) (string, error) {
	u, err := storage.ParseURI(uri)
	if err != nil {
		return "", provider.Errorf(provider.Invalid, "%w", err)
	}
	if u.Scheme != scheme {
		return "", provider.Errorf(provider.Unsupported, "%s:// cannot be read by Vertex AI, which reads gs:// alone", u.Scheme)
	}
	if strings.ContainsAny(u.Key, wildcards) {
		return "", provider.Errorf(provider.Unsupported, "the name of %s holds one of %s, which Vertex AI takes for a pattern", uri, wildcards)
	}
	return scheme + "://" + u.Bucket + "/" + u.Key, nil
}
