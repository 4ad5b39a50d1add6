package transform

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// maxManifest is how large a manifest may be.
const maxManifest = 64 << 20

// object is one object of the input.
type object struct {
	bucket, key string
	name        string // of its output, below the output path and without .out
}

func (o object) String() string { return o.bucket + "/" + o.key }

// location takes s3://BUCKET/KEY apart.
func location(uri string) (bucket, key string, err error) {
	rest, ok := strings.CutPrefix(uri, "s3://")
	bucket, key, _ = strings.Cut(rest, "/")
	if !ok || bucket == "" {
		return "", "", faultf(client, "%s is not s3://BUCKET/KEY", uri)
	}
	return bucket, key, nil
}

// objects are those of the input, in the order of their keys or of the manifest.
func (r *run) objects(ctx context.Context) ([]object, error) {
	bucket, key, err := location(r.task.Input)
	if err != nil {
		return nil, err
	}
	var out []object
	if r.task.Manifest {
		out, err = r.listed(ctx, bucket, key)
	} else {
		out, err = r.matching(ctx, bucket, key)
	}
	if err == nil && len(out) == 0 {
		err = faultf(client, "No objects were found at %s", r.task.Input)
	}
	return out, err
}

// matching are all objects whose keys begin with prefix, whatever follows it.
func (r *run) matching(ctx context.Context, bucket, prefix string) ([]object, error) {
	var out []object
	err := r.list(ctx, bucket, prefix, func(key string, size int64) error {
		if size > 0 || !strings.HasSuffix(key, "/") { // what the console makes for folders
			out = append(out, object{bucket, key, r.name(prefix, key)})
		}
		return nil
	})
	return out, err
}

func (r *run) list(ctx context.Context, bucket, prefix string, yield func(key string, size int64) error) error {
	pages := s3.NewListObjectsV2Paginator(r.s3, &s3.ListObjectsV2Input{Bucket: aws.String(bucket), Prefix: aws.String(prefix)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, o := range page.Contents {
			if err := yield(aws.ToString(o.Key), aws.ToInt64(o.Size)); err != nil {
				return err
			}
		}
	}
	return nil
}

// listed are the objects of a manifest: [{"prefix": "s3://BUCKET/PREFIX"}, "REST OF KEY", ...].
func (r *run) listed(ctx context.Context, bucket, key string) ([]object, error) {
	body, err := r.open(ctx, bucket, key)
	if err != nil {
		return nil, err
	}
	defer func() { _ = body.Close() }()
	text, err := io.ReadAll(io.LimitReader(body, maxManifest+1))
	if err != nil {
		return nil, err
	}
	wrong := func(why string) error {
		return faultf(client, `The manifest %s is not [{"prefix": "s3://BUCKET/PREFIX"}, "REST OF KEY", ...]: %s`, r.task.Input, why)
	}
	if len(text) > maxManifest {
		return nil, wrong("it is larger than 64 MiB")
	}
	var items []json.RawMessage
	if err := json.Unmarshal(text, &items); err != nil {
		return nil, wrong(err.Error())
	}
	if len(items) == 0 {
		return nil, wrong("it is empty")
	}
	var head struct{ Prefix *string }
	if err := json.Unmarshal(items[0], &head); err != nil || head.Prefix == nil {
		return nil, wrong("the prefix does not come first")
	}
	from, prefix, err := location(*head.Prefix)
	if err != nil {
		return nil, err
	}
	var out []object
	for _, item := range items[1:] {
		var rest string
		if err := json.Unmarshal(item, &rest); err != nil {
			return nil, wrong(string(item) + " is no string")
		}
		out = append(out, object{from, prefix + rest, r.name(prefix, prefix+rest)})
	}
	return out, nil
}

// name is that of an object's output below the output path.
func (r *run) name(prefix, key string) string {
	base := key[strings.LastIndexByte(key, '/')+1:]
	folder := prefix[:strings.LastIndexByte(prefix, '/')+1]
	if key == prefix {
		folder = key[:len(key)-len(base)]
	} else if strings.HasPrefix(key[len(prefix):], "/") {
		folder = prefix + "/"
	}
	name := key[len(folder):]
	if r.uncertain.OutputBesideFolder {
		folder = strings.TrimSuffix(folder, "/")
		if last := folder[strings.LastIndexByte(folder, '/')+1:]; last != "" {
			name = last + "/" + base
		} else {
			name = base
		}
	}
	if r.task.Gzip && r.uncertain.GzipNameDropped {
		name = strings.TrimSuffix(name, ".gz")
	}
	return name
}

func (r *run) open(ctx context.Context, bucket, key string) (io.ReadCloser, error) {
	if key == "" {
		return nil, faultf(client, "%s names no object", bucket)
	}
	out, err := r.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
	if err != nil {
		return nil, err
	}
	if out.Body == nil {
		return nil, errors.New("the answer has no body")
	}
	return out.Body, nil
}
