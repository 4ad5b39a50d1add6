package storage

import (
	"context"
	"errors"
	"strings"
	"testing"

	"gocloud.dev/blob"
	"gocloud.dev/blob/driver"
	"gocloud.dev/blob/memblob"
	"gocloud.dev/gcerrors"

	"github.com/crossbatch/crossbatch/core/job"
)

// shelf is a store in memory, and an Opener of it.
func shelf(t *testing.T, keys ...string) (*Bucket, Opener) {
	t.Helper()
	below := memblob.OpenBucket(nil)
	t.Cleanup(func() { _ = below.Close() })
	whole := New(below, "gs://b?endpoint=http://h:1")
	for _, k := range keys {
		if err := whole.Replace(t.Context(), k, []byte(k)); err != nil {
			t.Fatal(err)
		}
	}
	return whole, func(_ context.Context, uri string) (*Bucket, string, error) {
		u, err := ParseURI(uri)
		if err != nil || u.Scheme != "gs" || u.Bucket != "b" || u.Query != "endpoint=http://h:1" {
			return nil, "", errors.New("another bucket: " + uri)
		}
		return New(blob.NewBucket(kept{below: below}), "gs://b?"+u.Query), u.Key, nil
	}
}

// kept is a bucket that outlives those opened on it.
type kept struct {
	driver.Bucket // the rest is not called
	below         *blob.Bucket
}

func none(any) bool { return false }

func (k kept) ListPaged(ctx context.Context, o *driver.ListOptions) (*driver.ListPage, error) {
	token := blob.FirstPageToken
	if len(o.PageToken) > 0 {
		token = o.PageToken
	}
	found, next, err := k.below.ListPage(ctx, token, 7, &blob.ListOptions{Prefix: o.Prefix}) // many pages
	page := &driver.ListPage{NextPageToken: next}
	for _, f := range found {
		page.Objects = append(page.Objects, &driver.ListObject{Key: f.Key, ModTime: f.ModTime, Size: f.Size, AsFunc: none})
	}
	return page, err
}

func (k kept) Attributes(ctx context.Context, key string) (*driver.Attributes, error) {
	a, err := k.below.Attributes(ctx, key)
	if err != nil {
		return nil, err
	}
	return &driver.Attributes{Size: a.Size, ModTime: a.ModTime, AsFunc: none}, nil
}

func (k kept) NewRangeReader(ctx context.Context, key string, off, length int64, _ *driver.ReaderOptions) (driver.Reader, error) {
	r, err := k.below.NewRangeReader(ctx, key, off, length, nil)
	if err != nil {
		return nil, err
	}
	return keptReader{r}, nil
}

type keptReader struct{ *blob.Reader }

func (r keptReader) Attributes() *driver.ReaderAttributes {
	return &driver.ReaderAttributes{Size: r.Size(), ModTime: r.ModTime()}
}

func (kept) ErrorCode(err error) gcerrors.ErrorCode { return gcerrors.Code(err) }
func (kept) ErrorAs(error, any) bool                { return false }
func (kept) Close() error                           { return nil }

func TestListStore(t *testing.T) {
	b, open := shelf(t,
		"B.jsonl", "a.jsonl", "b.jsonl", "a-1/x.jsonl", "a/x.jsonl", "a/deep/er/y.jsonl", "a/_tmp/z.jsonl", "a/.hid/z.jsonl", "a/_z.jsonl", "_only/x.jsonl",
		"[odd].jsonl", "o*d?.jsonl", "c.csv", "plain.txt", "a//x.jsonl", "data", "data/x.jsonl", "data2/x.jsonl", "pre", "prefix/x.jsonl",
		"done/part-1", "done/part-0", "done/failed-0", "nest/in/part-0.jsonl", "nest/in/failed-0.jsonl", "nest/in/sub/z.jsonl", "nest/z.jsonl",
		"short/part-0.jsonl", "hid/_x/part-0.jsonl", "hid/a.jsonl", "100% ü/x.jsonl", "many/year=1/a.jsonl", "many/year=2/b.jsonl", "many/year=2/c.csv",
	)
	for key, body := range map[string]string{
		"a/": "", "empty.jsonl": "",
		"done/_manifest.json":        `{"format_version":1,"format":"csv","shards":[{"part":{"name":"part-1"}},{"part":{"name":"part-0"}}]}`,
		"nest/in/_manifest.json":     `{"format_version":1,"format":"jsonl","shards":[{"part":{"name":"part-0.jsonl"}}]}`,
		"nest/in/sub/_manifest.json": `torn`, // within a result: nobody reads it
		"short/_manifest.json":       `{"format_version":1,"format":"jsonl","shards":[{"part":{"name":"part-0.jsonl"}},{"part":{"name":"part-9.jsonl"}}]}`,
		"evil/_manifest.json":        `{"format_version":1,"format":"jsonl","shards":[{"part":{"name":"../plain.txt"}}]}`,
		"torn/_manifest.json":        `{`,
		"hid/_x/_manifest.json":      `{"format_version":1,"format":"jsonl","shards":[{"part":{"name":"part-0.jsonl"}}]}`,
		"none/_manifest.json":        `{"format_version":1,"format":"jsonl","shards":[]}`,
	} {
		if err := b.Replace(t.Context(), key, []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		name, sources string
		format        job.Format
		empty         string
		want, err     string
	}{
		{name: "sources in their order, each object once", sources: "b.jsonl a.jsonl b.jsonl", want: "b.jsonl a.jsonl"},
		{name: "a glob by bytes", sources: "*.jsonl", want: "B.jsonl [odd].jsonl a.jsonl b.jsonl empty.jsonl o*d?.jsonl"},
		{name: "a star stays in its folder", sources: "a*/*.jsonl", want: "a-1/x.jsonl a/x.jsonl"},
		{name: "two stars cross folders and skip hidden names", sources: "a/**/*.jsonl", want: "a//x.jsonl a/deep/er/y.jsonl a/x.jsonl"},
		{name: "two stars in front", sources: "**/year=*/*.jsonl", want: "many/year=1/a.jsonl many/year=2/b.jsonl"},
		{name: "alternatives", sources: "many/year=2/{b,d}.jsonl", want: "many/year=2/b.jsonl"},
		{name: "a folder, recursively, without its marker", sources: "a", want: "a//x.jsonl a/deep/er/y.jsonl a/x.jsonl"},
		{name: "a hidden folder that is named", sources: "_only/*.jsonl", want: "_only/x.jsonl"},
		{name: "an object before the folder of its name", sources: "data", format: job.JSONL, want: "data"},
		{name: "the folder by its slash", sources: "data/", want: "data/x.jsonl"},
		{name: "not what begins so", sources: "prefi", err: "neither an object nor a folder"},
		{name: "a name that looks like a glob", sources: "%5Bodd%5D.jsonl o%2Ad%3F.jsonl", want: "[odd].jsonl o*d?.jsonl"},
		{name: "a name with a percent sign", sources: "100%25%20%C3%BC/x.jsonl", want: "100% ü/x.jsonl"},
		{name: "a name with a percent sign that is none", sources: "100%/x.jsonl", err: "write %25"},
		{name: "a result by its shard table", sources: "done", want: "done/part-1 done/part-0"},
		{name: "a result within a folder", sources: "nest", want: "nest/in/part-0.jsonl nest/z.jsonl"},
		{name: "a result in a hidden folder", sources: "hid", want: "hid/a.jsonl"},
		{name: "a result of no shards", sources: "none", empty: "ok", want: ""},
		{name: "a result whose part is missing", sources: "short", err: "part-9.jsonl"},
		{name: "no match that is allowed", sources: "no*.jsonl", empty: "ok", want: ""},
		{name: "no match", sources: "no*.jsonl", err: "no input: nothing matches"},
		{name: "no format", sources: "plain.txt", err: "set input.format to jsonl, csv or parquet"},
		{name: "two formats", sources: "a.jsonl c.csv", err: "c.csv?endpoint=http://h:1 differ in format"},
		{name: "a manifest that leads out", sources: "evil", err: "leads out of the folder"},
		{name: "a manifest that is none", sources: "torn", err: "_manifest.json?endpoint=http://h:1: not a result manifest"},
		{name: "a glob that is none", sources: "a[", err: "cannot be read"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := job.Input{Format: tc.format, Empty: tc.empty}
			for _, s := range strings.Fields(tc.sources) {
				in.Source = append(in.Source, "gs://b/"+s+"?endpoint=http://h:1")
			}
			got, err := ListInput(t.Context(), open, in)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Fatalf("error %v, want %q", err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var keys []string
			for _, o := range got.Objects {
				u, err := ParseURI(o.URI)
				if err != nil || u.Query != "endpoint=http://h:1" || o.Path != "" || o.Version == "" {
					t.Errorf("%+v, %v", o, err)
				}
				if now, err := b.Stat(t.Context(), u.Key); err != nil || now.Version != o.Version || now.Size != o.Size {
					t.Errorf("%+v is %+v, %v", o, now, err)
				}
				keys = append(keys, u.Key)
			}
			if s := strings.Join(keys, " "); s != tc.want {
				t.Errorf("got  %s\nwant %s", s, tc.want)
			}
			shards, err := got.Digest(t.Context(), nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			for i, s := range shards {
				if o := got.Objects[i]; s.Version != o.Version || s.URI != o.URI || s.Size != o.Size || s.Digest != "" {
					t.Errorf("%+v is the shard %+v", o, s)
				}
			}
			if err := Unchanged(t.Context(), open, shards); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestListStoreThatFails(t *testing.T) {
	failing := func(context.Context, string) (*Bucket, string, error) { return nil, "", errLost }
	if _, err := ListInput(t.Context(), failing, job.Input{Source: []string{"gs://b/k"}}); !errors.Is(err, errLost) {
		t.Errorf("%v", err)
	}
	_, open := shelf(t, "a")
	closed := func(ctx context.Context, uri string) (*Bucket, string, error) {
		b, prefix, err := open(ctx, uri)
		if err == nil {
			err = b.Close()
		}
		return b, prefix, err
	}
	for _, s := range []string{"a", "a/", "*"} {
		if _, err := ListInput(t.Context(), closed, job.Input{Source: []string{"gs://b/" + s + "?endpoint=http://h:1"}}); err == nil {
			t.Errorf("%s was listed", s)
		}
	}
}

func TestFixedStartOfAPattern(t *testing.T) {
	for pattern, want := range map[string]string{"a*": "a", "a/b?": "a/b", `a\*b*`: "a*b", "**": "", "{a}": "", "a[b": "a", "abc": "abc"} {
		if got := fixed(pattern); got != want {
			t.Errorf("%s: %q", pattern, got)
		}
	}
}

func TestCovers(t *testing.T) {
	for _, c := range []struct {
		source, uri string
		want        bool
	}{
		{"s3://b/data", "s3://b/data/x.csv", true},
		{"s3://b/data/?region=x", "s3://b/data/x.csv?region=x", true},
		{"s3://b/data", "s3://b/data", true},
		{"s3://b/data", "s3://b/data2/x.csv", false},
		{"s3://b/data/", "s3://b/data/_x/x.csv", false},
		{"s3://b/data/*.csv", "s3://b/data/x.csv", true},
		{"s3://b/data/*.csv", "s3://b/data/y/x.csv", false},
		{"s3://b/**/*.csv", "s3://b/data/y/x.csv", true},
		{"s3://b/%2A/*", "s3://b/%2A/x", true},
		{"s3://b/data", "gs://b/data/x", false},
		{"s3://b", "s3://c/x", false},
		{"s3://b", "s3://b/x", true},
		{"s3://b/%", "s3://b/x", false},
	} {
		if got := Covers(c.source, c.uri); got != c.want {
			t.Errorf("%s covers %s: %v", c.source, c.uri, got)
		}
	}
}
