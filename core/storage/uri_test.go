package storage

import (
	"errors"
	"strings"
	"testing"

	"github.com/bmatcuk/doublestar/v4"
	"pgregory.net/rapid"
)

func TestQueries(t *testing.T) {
	for text, want := range map[string][2]string{
		"s3://b/k":                             {"s3://b/k", ""},
		"s3://b/k?region=eu-west-1":            {"s3://b/k", "region=eu-west-1"},
		"s3://b/*.csv?a=1&b=2":                 {"s3://b/*.csv", "a=1&b=2"},
		"s3://b?endpoint=http://h:90/x&a=":     {"s3://b", "endpoint=http://h:90/x&a="},
		"s3://b/k?endpoint=http%3A%2F%2Fh":     {"s3://b/k", "endpoint=http%3A%2F%2Fh"},
		"azblob://c?storage_account=acmebatch": {"azblob://c", "storage_account=acmebatch"},
		"s3://b/part-?.csv":                    {"s3://b/part-?.csv", ""},
		"s3://b/year?=2024/x":                  {"s3://b/year?=2024/x", ""},
		"s3://b/part-?a=b/x.csv":               {"s3://b/part-?a=b/x.csv", ""},
		"s3://b/part-?a=*":                     {"s3://b/part-?a=*", ""},
		"s3://b/p?q?region=x":                  {"s3://b/p?q", "region=x"},
		"s3://b/k?":                            {"s3://b/k?", ""},
		"s3://b/k?region":                      {"s3://b/k?region", ""},
	} {
		if p, q := CutQuery(text); p != want[0] || q != want[1] {
			t.Errorf("%s: %q, %q", text, p, q)
		}
	}
}

func TestParseURI(t *testing.T) {
	for text, want := range map[string]URI{
		"s3://b":                       {Scheme: "s3", Bucket: "b"},
		"S3://b/":                      {Scheme: "s3", Bucket: "b"},
		"s3://b/a b#c":                 {Scheme: "s3", Bucket: "b", Key: "a b#c"},
		"s3://b/a%20b%23c%3f%25":       {Scheme: "s3", Bucket: "b", Key: "a b#c?%"},
		"s3://b//a//b/":                {Scheme: "s3", Bucket: "b", Key: "/a//b/"},
		"s3://b/a+b":                   {Scheme: "s3", Bucket: "b", Key: "a+b"},
		"oci://b@ns/k?region=x":        {Scheme: "oci", Bucket: "b@ns", Key: "k", Query: "region=x"},
		"gs://b/%C3%BC/é":              {Scheme: "gs", Bucket: "b", Key: "ü/é"},
		"azblob://c/x?storage_account": {Scheme: "azblob", Bucket: "c", Key: "x?storage_account"},
	} {
		if got, err := ParseURI(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"/a/b":                    "does not begin with a scheme",
		"://b":                    "does not begin with a scheme",
		"s3:///k":                 "names no bucket",
		"oci://@ns/k":             "names no bucket",
		"oci://b@/k":              "names no bucket",
		"s3://b/100%":             "write %25",
		"s3://b/%zz":              "write %25",
		"s3://b/%ff":              "not UTF-8",
		"s3://AKIA:hushhush@b/k":  "holds a user name or password",
		"s3://hushhush@b/k":       "holds a user name or password",
		"oci://x:hushhush@b/k":    "holds a user name or password",
		"gs://x:hushhush@b/k?a=b": "holds a user name or password",
	} {
		_, err := ParseURI(text)
		if !errors.Is(err, ErrURI) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// key draws keys of all that stores allow.
func key() *rapid.Generator[string] {
	odd := rapid.SampledFrom([]rune("ab/ #?%+&=*[]{}\\@:'\"é日\n\x01.~_-!$(),;"))
	return rapid.StringOfN(rapid.OneOf(odd, rapid.Rune()), 1, 60, 400)
}

func query() *rapid.Generator[string] {
	return rapid.SampledFrom([]string{"", "region=eu-west-1", "endpoint=http://127.0.0.1:90/x&use_path_style=true", "a=%2F"})
}

func TestURIsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := URI{Scheme: "s3", Bucket: "b", Key: key().Draw(t, "key"), Query: query().Draw(t, "query")}
		if got, err := ParseURI(u.String()); err != nil || got != u {
			t.Fatalf("%s: %+v, %v", u, got, err)
		}
		folder, name := Split(u.String())
		if strings.Contains(name, "/") || Join(folder, name) != u.String() {
			t.Fatalf("%s: %s and %q make %s", u, folder, name, Join(folder, name))
		}
		if f, err := ParseURI(folder); err != nil || f.Query != u.Query || f.Key+name != u.Key {
			t.Fatalf("the folder of %s is %+v, %v", u, f, err)
		}
		// As a source, the URI of an object is no glob.
		base, rest, magic, err := glob(u.String())
		if err != nil || magic || Join(base, rest) != u.String() {
			t.Fatalf("%s is read as %s, %q, %v, %v", u, base, rest, magic, err)
		}
	})
}

func TestJoinOfPrefixAndKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := query().Draw(t, "query")
		folder := URI{Scheme: "gs", Bucket: "b", Key: key().Draw(t, "folder") + "/", Query: q}
		elem := key().Draw(t, "elem")
		want := folder
		want.Key += elem
		if got := Join(folder.String(), elem); got != want.String() {
			t.Fatalf("%s and %q: %s", folder, elem, got)
		}
	})
}

func TestJoinAndSplitOfPaths(t *testing.T) {
	for _, c := range []struct{ folder, elem, want string }{
		{"s3://b", "k", "s3://b/k"},
		{"s3://b?region=x", "a b/c?", "s3://b/a%20b/c%3F?region=x"},
		{"s3://b/p", "", "s3://b/p/"},
		{"s3://b/p/?region=x", "", "s3://b/p/?region=x"},
		{"s3://b/p", "q/", "s3://b/p/q/"},
		{"file:///a%20b/", "c#", "file:///a%20b/c%23"},
		{"file:///a", "c/", "file:///a/c/"},
		{"/a/b/", "c?d", "/a/b/c?d"},
		{"/a", "", "/a/"},
	} {
		if got := Join(c.folder, c.elem); got != c.want {
			t.Errorf("%s and %q: %s", c.folder, c.elem, got)
		}
	}
	for uri, want := range map[string][2]string{
		"s3://b":             {"s3://b/", ""},
		"s3://b?region=x":    {"s3://b/?region=x", ""},
		"s3://b/k?region=x":  {"s3://b/?region=x", "k"},
		"s3://b/p/a%3Fb?r=x": {"s3://b/p/?r=x", "a?b"},
		"s3://b/p/":          {"s3://b/p/", ""},
		"file:///a/b%20c":    {"file:///a/", "b c"},
		"file:///a/b/":       {"file:///a/b/", ""},
		"/a/b?c=d":           {"file:///a/", "b?c=d"},
		"/b":                 {"file:///", "b"},
	} {
		if folder, name := Split(uri); folder != want[0] || name != want[1] {
			t.Errorf("%s: %s, %q", uri, folder, name)
		}
	}
}

func TestGlobsOfURIs(t *testing.T) {
	for text, want := range map[string]struct{ base, pattern string }{
		"s3://b/data/*.csv?region=x": {"s3://b/data/?region=x", "*.csv"},
		"s3://b/**/x":                {"s3://b/", "**/x"},
		"s3://b/d/p-?/x.csv":         {"s3://b/d/", "p-?/x.csv"},
		"s3://b/a%2A/b%2A*":          {"s3://b/a%2A/", `b\**`},
		`s3://b/a\b*`:                {"s3://b/", `a\\b*`},
		"s3://b/{a,b}%5B":            {"s3://b/", `{a,b}\[`},
		"s3://b/%C3%A9*%C3%A9":       {"s3://b/", "é*é"},
	} {
		base, pattern, magic, err := glob(text)
		if err != nil || !magic || base != want.base || pattern != want.pattern || !doublestar.ValidatePattern(pattern) {
			t.Errorf("%s: %s, %q, %v, %v", text, base, pattern, magic, err)
		}
	}
}

func FuzzParseURI(f *testing.F) {
	f.Add("s3://b/a%20b?region=x")
	f.Add("oci://b@n/%")
	f.Add("s3://u:p@b/*?")
	f.Fuzz(func(t *testing.T, text string) {
		u, err := ParseURI(text)
		if err != nil {
			if !errors.Is(err, ErrURI) {
				t.Errorf("%v is not ErrURI", err)
			}
			return
		}
		if again, err := ParseURI(u.String()); err != nil || again != u {
			t.Errorf("%q: %+v, then %+v, %v", text, u, again, err)
		}
	})
}

func TestWithoutQuery(t *testing.T) {
	for uri, want := range map[string]string{
		"s3://lake/a%20b/c?region=us-east-1&endpoint=http://127.0.0.1:1": "s3://lake/a%20b/c",
		"gs://lake/": "gs://lake/",
	} {
		if got, err := WithoutQuery(uri); err != nil || got != want {
			t.Errorf("%s: %s, %v", uri, got, err)
		}
	}
	if got, err := WithoutQuery("no/uri"); !errors.Is(err, ErrURI) {
		t.Errorf("%s, %v", got, err)
	}
}
