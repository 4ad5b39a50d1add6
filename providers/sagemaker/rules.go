package sagemaker

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"

	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/provider/rule"
	"github.com/crossbatch/crossbatch/core/storage"
)

const service rule.Service = "SageMaker"

// The rules of the service's model, sagemaker/2017-07-24.
var (
	regionRule   = service.Whole(`[a-z]{2,}(-[a-z0-9]+)+`, 4, 32)
	roleRule     = service.Whole(`arn:aws[a-z\-]*:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+`, 20, 2048)
	imageRule    = service.Whole(`\S+`, 1, 255)
	keyRule      = service.Whole(`[a-zA-Z0-9:/_-]*`, 1, 2048)
	networkRule  = service.Whole(`[-0-9a-zA-Z]+`, 1, 32)
	modelRule    = service.Whole(`[a-zA-Z0-9]([\-a-zA-Z0-9]*[a-zA-Z0-9])?`, 1, 63)
	jobRule      = service.Whole(`[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}`, 1, 63)
	uriRule      = service.Whole(`(https|s3)://([^/]+)/?(.*)`, 6, 1024)
	variableRule = service.Whole(`[a-zA-Z_][a-zA-Z0-9_]*`, 1, 1024)
	tagKeyRule   = service.Whole(tagText, 1, 128)
	tagValueRule = service.Whole(tagText, 0, 256)
)

const tagText = `[\p{L}\p{Z}\p{N}_.:/=+\-@]*`

// Limits of a job's environment.
const (
	mostVariables = 16
	mostValue     = 10240 // characters
)

func checkEnvironment(env map[string]string) error {
	if len(env) > mostVariables {
		return provider.Errorf(provider.Invalid, "env: the job would have %d environment variables with those that crossbatch sets; SageMaker takes at most %d", len(env), mostVariables)
	}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if err := variableRule.Check("env: the name of a variable", name); err != nil {
			return err
		}
		if n := utf8.RuneCountInString(env[name]); n > mostValue || !utf8.ValidString(env[name]) {
			return provider.Errorf(provider.Invalid, "env: %s has %d characters; SageMaker takes at most %d, of UTF-8", name, n, mostValue)
		}
	}
	return nil
}

// ownTag begins the keys of the tags that are made here.
const ownTag = "crossbatch:"

const mostTags = 50

// tags checks what a user wrote as tags, in the order of their keys.
func tags(field string, m map[string]string) ([]types.Tag, error) {
	var out []types.Tag
	for _, key := range slices.Sorted(maps.Keys(m)) {
		name := fmt.Sprintf("%s: the key", field)
		if err := tagKeyRule.Check(name, key); err != nil {
			return nil, err
		}
		if lower := strings.ToLower(key); strings.HasPrefix(lower, "aws:") || strings.HasPrefix(lower, ownTag) {
			return nil, provider.Errorf(provider.Invalid, "%s: the key %q begins with a prefix that AWS or crossbatch keeps for itself", field, key)
		}
		if err := tagValueRule.Check(field+": the value of "+key, m[key]); err != nil {
			return nil, err
		}
		out = append(out, types.Tag{Key: aws.String(key), Value: aws.String(m[key])})
	}
	if len(out) > mostTags {
		return nil, provider.Errorf(provider.Invalid, "%s holds %d tags; SageMaker takes at most %d", field, len(out), mostTags)
	}
	return out, nil
}

var notInTags = regexp.MustCompile(`[^\p{L}\p{Z}\p{N}_.:/=+\-@]`)

// label is a tag of ours. What its value may not hold becomes an underscore: it is
// for people and for cost reports.
func label(name, value string) types.Tag {
	value = notInTags.ReplaceAllString(strings.ToValidUTF8(value, "_"), "_")
	if r := []rune(value); len(r) > 256 {
		value = string(r[:256])
	}
	return types.Tag{Key: aws.String(ownTag + name), Value: aws.String(value)}
}

// scheme is that of the only store that SageMaker reads.
const scheme = "s3"

// bare is how SageMaker names an object or prefix: the key is not encoded, and
// nothing says where the store is.
func bare(uri string) (string, error) {
	u, err := storage.ParseURI(uri)
	if err != nil {
		return "", provider.Errorf(provider.Invalid, "%w", err)
	}
	if u.Scheme != scheme {
		return "", provider.Errorf(provider.Unsupported, "%s:// cannot be read by SageMaker, which reads s3:// alone", u.Scheme)
	}
	text := scheme + "://" + u.Bucket + "/" + u.Key
	return text, uriRule.Check("the URI of an object", text)
}
