package predict

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"cloud.google.com/go/storage"
	"google.golang.org/api/iterator"
)

// maxLine is the longest line that is taken.
const maxLine = 64 << 20

type object struct {
	bucket, key string
	size        int64
}

func (o object) String() string { return "gs://" + o.bucket + "/" + o.key }

// SplitURI cuts gs://BUCKET/KEY. ok is false when it is none.
func SplitURI(uri string) (bucket, key string, ok bool) {
	rest, ok := strings.CutPrefix(uri, "gs://")
	if !ok {
		return "", "", false
	}
	bucket, key, _ = strings.Cut(rest, "/")
	return bucket, key, bucket != ""
}

// objects are what a URI stands for, in the order of their names.
func (j *run) objects(ctx context.Context, uri string) ([]object, error) {
	bucket, key, _ := SplitURI(uri) // it was checked before the job began
	prefix, _, wild := strings.Cut(key, "*")
	if !wild {
		a, err := j.gcs.Bucket(bucket).Object(key).Attrs(ctx)
		if err != nil {
			return nil, err
		}
		return []object{{bucket, key, a.Size}}, nil
	}
	form := pattern(key)
	var out []object
	err := j.list(ctx, bucket, prefix, func(o object) error {
		if form.MatchString(o.key) {
			out = append(out, o)
		}
		return nil
	})
	if err == nil && len(out) == 0 {
		err = errors.New("no object matches it")
	}
	return out, err
}

// pattern reads the wildcards of https://docs.cloud.google.com/storage/docs/wildcards,
// of which * and ** are.
func pattern(key string) *regexp.Regexp {
	text := regexp.QuoteMeta(key)
	text = strings.ReplaceAll(text, `\*\*`, `(?s:.*)`)
	return regexp.MustCompile("^" + strings.ReplaceAll(text, `\*`, `[^/]*`) + "$")
}

// list calls do with all objects below a prefix, in the order of their names.
func (j *run) list(ctx context.Context, bucket, prefix string, do func(object) error) error {
	for it := j.gcs.Bucket(bucket).Objects(ctx, &storage.Query{Prefix: prefix}); ; {
		a, err := it.Next()
		if errors.Is(err, iterator.Done) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := do(object{bucket, a.Name, a.Size}); err != nil {
			return err
		}
	}
}

// inputs are all objects that the job reads. Of those that cannot be found, a line
// each says why.
func (j *run) inputs(ctx context.Context) ([]object, error) {
	var out []object
	for _, uri := range j.task.Inputs {
		found, err := j.objects(ctx, uri)
		if err := cancelled(ctx); err != nil {
			return nil, err
		}
		if err != nil {
			j.unreadable(fmt.Sprintf("%s cannot be read: %v", uri, err))
			continue
		}
		out = append(out, found...)
	}
	return out, nil
}

// lines calls do with the lines of an object, without their ends; empty ones are
// left out. A line is good until do returns.
func (j *run) lines(ctx context.Context, o object, do func(line []byte) error) error {
	body, err := j.gcs.Bucket(o.bucket).Object(o.key).NewReader(ctx)
	if err != nil {
		return &readError{err}
	}
	defer func() { _ = body.Close() }()
	s := bufio.NewScanner(body)
	s.Buffer(make([]byte, 0, 64<<10), maxLine)
	for s.Scan() {
		if line := bytes.TrimSpace(s.Bytes()); len(line) > 0 {
			if err := do(line); err != nil {
				return err
			}
		}
	}
	if err := s.Err(); err != nil {
		return &readError{err}
	}
	return nil
}

// readError is one of reading, not of what is done with the lines.
type readError struct{ error }

func (e *readError) Unwrap() error { return e.error }
