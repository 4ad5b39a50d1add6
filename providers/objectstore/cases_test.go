package objectstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/storage"
)

// testCase is what every store has to do alike.
type testCase struct {
	name string
	only string // the columns that can be brought into this case; empty: all
	run  func(t *testing.T, s *stand)
}

// remote are the columns that a network lies before.
const remote = "s3 gcs azurite azure oci"

func cases() []testCase {
	return []testCase{
		{name: "odd keys", run: oddKeys},
		{name: "listings and globs", run: listings},
		{name: "ranges", run: ranges},
		{name: "streaming writes", run: streams},
		{name: "copies", run: copies},
		{name: "removal", run: removal},
		{name: "sixteen processes create", run: sixteenCreate},
		{name: "the ledger", run: ledgers},
		{name: "staging", run: stagings},
		{name: "a create whose answer is lost", only: remote, run: lostCreate},
		{name: "a create while another is at work", only: "s3", run: busyCreate},
		{name: "large objects", run: large},
		{name: "a write that is cancelled", run: cancelled},
		{name: "a write whose source fails", run: sourceFails},
		{name: "a download that breaks", only: remote, run: truncated},
		{name: "an object that changes", run: changes},
		{name: "what is missing", run: missing},
		{name: "permission denied", only: remote, run: denied},
		{name: "another region", only: "s3", run: elsewhere},
		{name: "a connection string", only: "azure azurite", run: connectionString},
		{name: "no such endpoint", only: remote, run: unreachable},
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// random is n bytes that do not compress and differ by seed.
func random(seed uint64, n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	_, _ = r.Read(b)
	return b
}

func keysOf(t *testing.T, b *storage.Bucket, prefix string) []string {
	t.Helper()
	var out []string
	for o, err := range b.Objects(t.Context(), prefix) {
		must(t, err)
		out = append(out, o.Key)
	}
	return out
}

func oddKeys(t *testing.T, s *stand) {
	b := s.bucket(t)
	keys := []string{
		"plain", "a b", "a+b", "a#b", "a?b", "a%b", "a%20b", "a&b=c", `a"b'c`, `a\b`, "a*b[c]{d}", "é/ü", "日本/語.jsonl", "🙂", "~._-!$(),;:@",
		"deep/er/and/deeper", "a/b?c#d%e+f g", "..a", "a..b/c", strings.Repeat("k", 200) + "/" + strings.Repeat("é", 100),
	}
	stores := []string{"//", "/lead", "a//b", "trail/", "a//", strings.Repeat("k", 1024)}
	if s.folder() {
		for _, k := range stores {
			if err := b.Replace(t.Context(), k, []byte("x")); err == nil {
				t.Errorf("%.40q was taken, but a folder cannot hold it", k)
			}
		}
	} else {
		keys = append(append(keys, stores...), strings.Repeat("é/", 341)+"x")
	}
	for i, k := range keys {
		body := []byte(fmt.Sprint(i))
		if created, err := b.Create(t.Context(), k, body); !created || err != nil {
			t.Errorf("%.40q: creating: %v, %v", k, created, err)
			continue
		}
		if created, err := b.Create(t.Context(), k, []byte("other")); created || err != nil {
			t.Errorf("%.40q: creating again: %v, %v", k, created, err)
		}
		if got, err := b.Read(t.Context(), k); err != nil || !bytes.Equal(got, body) {
			t.Errorf("%.40q: %q, %v", k, got, err)
		}
		// The object by its URI, as other verbs find it.
		folder, name := storage.Split(b.URI(k))
		at, prefix, err := s.open.Open(t.Context(), folder)
		if err != nil {
			t.Errorf("%.40q: opening %s: %v", k, folder, err)
			continue
		}
		o, err := at.Stat(t.Context(), prefix+name)
		if err != nil || prefix+name != k && !s.folder() || o.Size != int64(len(body)) || o.Version == "" {
			t.Errorf("%.40q is %+v by its URI, %v", k, o, err)
		}
		must(t, at.Close())
		if err := storage.Unchanged(t.Context(), s.open.Open, job.Shards{{URI: b.URI(k), Size: o.Size, Version: o.Version}}); err != nil {
			t.Errorf("%.40q: %v", k, err)
		}
	}
	want := slices.Clone(keys)
	slices.Sort(want)
	got := keysOf(t, b, "")
	slices.Sort(got) // see Bucket.Objects
	if !slices.Equal(got, want) {
		t.Errorf("listed %.2000q\nwant   %.2000q", got, want)
	}
	for o, err := range b.Objects(t.Context(), "") {
		must(t, err)
		if now, err := b.Stat(t.Context(), o.Key); err != nil || now.Version != o.Version || now.Size != o.Size {
			t.Errorf("%.40q is listed as %+v and is %+v, %v", o.Key, o, now, err)
		}
	}
	must(t, b.Remove(t.Context(), keys...))
	if got := keysOf(t, b, ""); got != nil {
		t.Errorf("left: %q", got)
	}
}

func listings(t *testing.T, s *stand) {
	b := s.bucket(t)
	for _, k := range []string{
		"data/a.jsonl", "data/b.jsonl", "data/_hidden.jsonl", "data/.hid.jsonl", "data/_tmp/x.jsonl", "data/deep/c.jsonl", "data2/x.jsonl", "data.jsonl", "data-1.jsonl",
		"done/part-00000.csv", "done/part-00001.csv", "done/failed-00000.jsonl", "odd/[1].jsonl", "odd/1.jsonl",
	} {
		must(t, b.Replace(t.Context(), k, []byte("{}\n")))
	}
	must(t, b.Replace(t.Context(), "data/empty.jsonl", nil))
	must(t, b.Replace(t.Context(), "done/_manifest.json", []byte(`{"format_version":1,"format":"csv","shards":[{"part":{"name":"part-00001.csv"}},{"part":{"name":"part-00000.csv"}}]}`)))
	if !s.folder() {
		must(t, b.Replace(t.Context(), "data/", nil)) // as consoles mark a folder
	}
	root := storage.Join(s.uri, "")
	base, query := storage.CutQuery(root)
	if query != "" {
		query = "?" + query
	}
	for source, want := range map[string]string{
		"data":             "data/a.jsonl data/b.jsonl data/deep/c.jsonl data/empty.jsonl",
		"data/":            "data/a.jsonl data/b.jsonl data/deep/c.jsonl data/empty.jsonl",
		"data/a.jsonl":     "data/a.jsonl",
		"data/*.jsonl":     "data/a.jsonl data/b.jsonl data/empty.jsonl",
		"data*/?.jsonl":    "data/a.jsonl data/b.jsonl data2/x.jsonl",
		"data/**/*.jsonl":  "data/a.jsonl data/b.jsonl data/deep/c.jsonl data/empty.jsonl",
		"data*.jsonl":      "data-1.jsonl data.jsonl",
		"data/{a,z}.jsonl": "data/a.jsonl",
		"done":             "done/part-00001.csv done/part-00000.csv",
		"dat":              "",
		"data/none*":       "",
	} {
		in, err := storage.ListInput(t.Context(), s.open.Open, job.Input{Source: []string{base + source + query}})
		if want == "" {
			if !errors.Is(err, storage.ErrNoInput) {
				t.Errorf("%s: %v, %v", source, in.Objects, err)
			}
			continue
		}
		var got []string
		for _, o := range in.Objects {
			got = append(got, keyIn(t, s.uri, o.URI))
			if !s.folder() && o.Version == "" {
				t.Errorf("%s has no version", o.URI)
			}
		}
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: %s, %v; want %s", source, strings.Join(got, " "), err, want)
		}
	}
	in, err := storage.ListInput(t.Context(), s.open.Open, job.Input{Source: []string{base + "data/" + query}})
	must(t, err)
	shards, err := in.Digest(t.Context(), nil, nil)
	must(t, err)
	must(t, storage.Unchanged(t.Context(), s.open.Open, shards))
	must(t, b.Replace(t.Context(), "data/b.jsonl", []byte("[]\n\n")))
	if err := storage.Unchanged(t.Context(), s.open.Open, shards); !errors.Is(err, storage.ErrChanged) || !strings.Contains(err.Error(), "b.jsonl") {
		t.Errorf("after a change: %v", err)
	}
	must(t, b.Remove(t.Context(), "data/b.jsonl"))
	if err := storage.Unchanged(t.Context(), s.open.Open, shards); !errors.Is(err, storage.ErrChanged) {
		t.Errorf("after a removal: %v", err)
	}
	// More than one page of the services that page by 1000.
	if s.column == "s3" {
		const many = 1100
		for i := range many {
			must(t, b.Replace(t.Context(), fmt.Sprintf("many/%05d.jsonl", i), nil))
		}
		in, err := storage.ListInput(t.Context(), s.open.Open, job.Input{Source: []string{base + "many/*.jsonl" + query}})
		if err != nil || len(in.Objects) != many || !slices.IsSortedFunc(in.Objects, func(a, b storage.Source) int { return strings.Compare(a.URI, b.URI) }) {
			t.Errorf("%d of many, %v", len(in.Objects), err)
		}
	}
}

// keyIn is the key of an object's URI in a bucket.
func keyIn(t *testing.T, root, uri string) string {
	t.Helper()
	if path, ok := storage.LocalPath(uri); ok {
		rel, err := filepath.Rel(root, path)
		must(t, err)
		return filepath.ToSlash(rel)
	}
	u, err := storage.ParseURI(uri)
	must(t, err)
	return u.Key
}

func ranges(t *testing.T, s *stand) {
	b := s.bucket(t)
	body := random(1, 9<<20+17) // more than two chunks of a sequential reader
	must(t, b.Write(t.Context(), "k", bytes.NewReader(body), storage.WriteOptions{Size: int64(len(body))}))
	r, err := b.OpenObject(t.Context(), "k")
	must(t, err)
	defer func() { must(t, r.Close()) }()
	if r.Size() != int64(len(body)) || r.Version() == "" {
		t.Fatalf("%d bytes, version %q", r.Size(), r.Version())
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			off := i * 1_000_003
			p := make([]byte, 1000+i)
			if n, err := r.ReadAt(p, int64(off)); n != len(p) || err != nil || !bytes.Equal(p, body[off:off+n]) {
				t.Errorf("at %d: %d, %v", off, n, err)
			}
		})
	}
	wg.Wait()
	p := make([]byte, 20)
	if n, err := r.ReadAt(p, r.Size()-7); n != 7 || !errors.Is(err, io.EOF) || !bytes.Equal(p[:7], body[len(body)-7:]) {
		t.Errorf("at the end: %d, %v", n, err)
	}
	if n, err := r.ReadAt(p, r.Size()); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("behind the end: %d, %v", n, err)
	}
	if _, err := r.ReadAt(p, -1); err == nil {
		t.Error("before the start")
	}
	for _, at := range [][2]int64{{0, -1}, {0, 0}, {5, 100}, {4<<20 - 1, 2}, {1 << 20, 7 << 20}, {r.Size() - 3, -1}, {r.Size(), 5}} {
		in := r.NewReader(t.Context(), at[0], at[1])
		got, err := io.ReadAll(in)
		end := r.Size()
		if at[1] >= 0 {
			end = min(end, at[0]+at[1])
		}
		if err != nil || !bytes.Equal(got, body[at[0]:end]) {
			t.Errorf("from %d, %d bytes: %d bytes, %v", at[0], at[1], len(got), err)
		}
		must(t, in.Close())
	}
	in := r.NewReader(t.Context(), 0, -1) // closed early
	_, err = io.ReadFull(in, p)
	must(t, err)
	must(t, in.Close())
	ctx, cancel := context.WithCancel(t.Context())
	in = r.NewReader(ctx, 0, -1)
	_, err = io.ReadFull(in, p)
	must(t, err)
	cancel()
	if _, err := io.Copy(io.Discard, in); !errors.Is(err, context.Canceled) {
		t.Errorf("after a cancel: %v", err)
	}
	_ = in.Close()
	must(t, b.Replace(t.Context(), "empty", nil))
	e, err := b.OpenObject(t.Context(), "empty")
	must(t, err)
	defer func() { must(t, e.Close()) }()
	in = e.NewReader(t.Context(), 0, -1)
	if got, err := io.ReadAll(in); err != nil || len(got) != 0 {
		t.Errorf("an empty object: %q, %v", got, err)
	}
	must(t, in.Close())
	if got, err := b.Read(t.Context(), "empty"); err != nil || len(got) != 0 {
		t.Errorf("an empty object: %q, %v", got, err)
	}
}

func streams(t *testing.T, s *stand) {
	b := s.bucket(t)
	body := random(2, 3<<20)
	w := b.NewWriter(t.Context(), "k", storage.WriteOptions{})
	for p := body; len(p) > 0; {
		n := min(len(p), 100_000)
		_, err := w.Write(p[:n])
		must(t, err)
		p = p[n:]
	}
	if there, err := b.Exists(t.Context(), "k"); err != nil || there {
		t.Errorf("before Close: %v, %v", there, err)
	}
	must(t, w.Close())
	must(t, w.Close())
	if got, err := b.Read(t.Context(), "k"); err != nil || !bytes.Equal(got, body) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	w = b.NewWriter(t.Context(), "k", storage.WriteOptions{})
	_, err := w.Write(random(3, 200_000))
	must(t, err)
	w.Abandon()
	if got, err := b.Read(t.Context(), "k"); err != nil || !bytes.Equal(got, body) {
		t.Errorf("after one that was given up: %d bytes, %v", len(got), err)
	}
	must(t, b.NewWriter(t.Context(), "empty", storage.WriteOptions{}).Close())
	if o, err := b.Stat(t.Context(), "empty"); err != nil || o.Size != 0 {
		t.Errorf("an empty object: %+v, %v", o, err)
	}
	var told atomic.Int64
	must(t, b.Write(t.Context(), "told", bytes.NewReader(body), storage.WriteOptions{Progress: func(n int) { told.Add(int64(n)) }}))
	if told.Load() != int64(len(body)) {
		t.Errorf("progress of %d bytes", told.Load())
	}
	if got := keysOf(t, b, ""); !slices.Equal(got, []string{"empty", "k", "told"}) {
		t.Errorf("left: %q", got)
	}
}

func copies(t *testing.T, s *stand) {
	b := s.bucket(t)
	elsewhere, err := storage.OpenFolder(t.TempDir())
	must(t, err)
	defer func() { _ = elsewhere.Close() }()
	body := random(4, 5<<20)
	const odd = "a b/c?d#e%f+g é"
	must(t, b.Write(t.Context(), odd, bytes.NewReader(body), storage.WriteOptions{}))
	must(t, b.Copy(t.Context(), "copy of "+odd, b, odd))
	again := s.bucket(t) // another value for the same bucket
	must(t, again.Copy(t.Context(), "copy 2", b, odd))
	must(t, elsewhere.Copy(t.Context(), "x", b, odd))
	must(t, b.Copy(t.Context(), "back", elsewhere, "x"))
	must(t, b.Copy(t.Context(), odd, b, odd))
	for _, k := range []string{odd, "copy of " + odd, "copy 2", "back"} {
		if got, err := b.Read(t.Context(), k); err != nil || !bytes.Equal(got, body) {
			t.Errorf("%s: %d bytes, %v", k, len(got), err)
		}
	}
	if !s.folder() {
		s.front.during(nil, func() { must(t, again.Copy(t.Context(), "copy 3", b, odd)) })
		for _, r := range s.front.requests() {
			if strings.HasPrefix(r, "GET ") && strings.Contains(r, "a%20b") && !strings.Contains(r, "alt=json") {
				t.Errorf("a copy within the store read the object: %s", r)
			}
		}
	}
	for _, from := range []*storage.Bucket{b, elsewhere} {
		if err := b.Copy(t.Context(), "y", from, "none"); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("copying what is absent: %v", err)
		}
	}
}

func removal(t *testing.T, s *stand) {
	b := s.bucket(t)
	must(t, b.Replace(t.Context(), "k", []byte("x")))
	must(t, b.Replace(t.Context(), "k2", []byte("x")))
	must(t, b.Remove(t.Context(), "k", "none", "k"))
	if there, err := b.Exists(t.Context(), "k"); err != nil || there {
		t.Errorf("%v, %v", there, err)
	}
	if got := keysOf(t, b, ""); !slices.Equal(got, []string{"k2"}) {
		t.Errorf("left: %q", got)
	}
}

func lostCreate(t *testing.T, s *stand) {
	b := s.bucket(t)
	var drops atomic.Int32
	s.front.during(func(w http.ResponseWriter, r *http.Request, forward func(http.ResponseWriter)) {
		if (r.Method == http.MethodPut || r.Method == http.MethodPost) && drops.Add(1) == 1 {
			lost(forward)
		}
		forward(w)
	}, func() {
		if created, err := b.Create(t.Context(), "k", []byte("mine")); !created || err != nil {
			t.Errorf("mine: %v, %v", created, err)
		}
	})
	if drops.Load() == 0 {
		t.Error("nothing was written")
	}
	if created, err := b.Create(t.Context(), "k", []byte("theirs")); created || err != nil {
		t.Errorf("theirs: %v, %v", created, err)
	}
	// Another's came while the answer to ours was on its way.
	s.front.during(func(w http.ResponseWriter, r *http.Request, forward func(http.ResponseWriter)) {
		if r.Method == http.MethodPut || r.Method == http.MethodPost {
			lost(forward)
		}
		forward(w)
	}, func() {
		if created, err := b.Create(t.Context(), "k", []byte("theirs")); created || err != nil {
			t.Errorf("theirs: %v, %v", created, err)
		}
	})
}

// busyCreate: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
func busyCreate(t *testing.T, s *stand) {
	b := s.bucket(t)
	var times atomic.Int32
	conflict := func(most int32) step {
		times.Store(0)
		return func(w http.ResponseWriter, r *http.Request, forward func(http.ResponseWriter)) {
			if r.Method == http.MethodPut && times.Add(1) <= most {
				w.Header().Set("Content-Type", "application/xml")
				w.WriteHeader(http.StatusConflict)
				_, _ = io.WriteString(w, "<Error><Code>ConditionalRequestConflict</Code><Message>busy</Message></Error>")
				return
			}
			forward(w)
		}
	}
	s.front.during(conflict(2), func() {
		if created, err := b.Create(t.Context(), "k", []byte("mine")); !created || err != nil {
			t.Errorf("%v, %v", created, err)
		}
	})
	s.front.during(conflict(1000), func() {
		if created, err := b.Create(t.Context(), "k2", []byte("mine")); created || !errors.Is(err, storage.ErrBusy) {
			t.Errorf("%v, %v", created, err)
		}
	})
}

func large(t *testing.T, s *stand) {
	b := s.bucket(t)
	body := random(5, 20<<20+3) // more than one part or chunk of each service
	for name, o := range map[string]storage.WriteOptions{"unknown": {}, "known": {Size: int64(len(body))}} {
		key := name + " size"
		must(t, b.Write(t.Context(), key, io.MultiReader(bytes.NewReader(body)), o))
		in, err := b.Stream(t.Context(), storage.Object{Key: key})
		must(t, err)
		got, err := io.ReadAll(in)
		must(t, in.Close())
		if err != nil || !bytes.Equal(got, body) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	must(t, b.Copy(t.Context(), "copy", b, "known size"))
	if o, err := b.Stat(t.Context(), "copy"); err != nil || o.Size != int64(len(body)) {
		t.Errorf("%+v, %v", o, err)
	}
	for wrong, size := range map[string]int{"fewer": len(body) + 1, "more": len(body) - 1} {
		if err := b.Write(t.Context(), wrong, bytes.NewReader(body), storage.WriteOptions{Size: int64(size)}); err == nil {
			t.Errorf("%s bytes than announced were taken", wrong)
		}
		if there, err := b.Exists(t.Context(), wrong); err != nil || there {
			t.Errorf("%s bytes: %v, %v", wrong, there, err)
		}
	}
	noUploads(t, b)
}

// noUploads checks that no parts of uploads are left, where a store can be asked.
func noUploads(t *testing.T, b *storage.Bucket) {
	t.Helper()
	var client *s3.Client
	if !b.As(&client) {
		return
	}
	u, err := storage.ParseURI(b.URI("x"))
	must(t, err)
	out, err := client.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: &u.Bucket})
	must(t, err)
	if len(out.Uploads) > 0 {
		t.Errorf("%d uploads are left", len(out.Uploads))
	}
}

// zeros are copied, because the race detector makes a loop over bytes slow.
var zeros = make([]byte, 32<<10)

// feed gives bytes and calls at after so many.
type feed struct {
	left, after int
	at          func() error
}

func (f *feed) Read(p []byte) (int, error) {
	if f.after <= 0 {
		if err := f.at(); err != nil {
			return 0, err
		}
		f.after = 1 << 60
	}
	if f.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), f.left, len(zeros))
	copy(p[:n], zeros)
	f.left, f.after = f.left-n, f.after-n
	return n, nil
}

func cancelled(t *testing.T, s *stand) {
	b := s.bucket(t)
	must(t, b.Replace(t.Context(), "k", []byte("old")))
	for _, after := range []int{1000, 3 << 20, 20 << 20} { // the last: after the first parts
		for _, key := range []string{"k", "new"} {
			ctx, cancel := context.WithCancel(t.Context())
			err := b.Write(ctx, key, &feed{left: 30 << 20, after: after, at: func() error { cancel(); return nil }}, storage.WriteOptions{})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled after %d bytes: %v", after, err)
			}
			cancel()
		}
	}
	if got, err := b.Read(t.Context(), "k"); err != nil || string(got) != "old" {
		t.Errorf("the old one is %.20q, %v", got, err)
	}
	if got := keysOf(t, b, ""); !slices.Equal(got, []string{"k"}) {
		t.Errorf("left: %q", got)
	}
	noUploads(t, b)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if created, err := b.Create(ctx, "none", []byte("x")); created || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", created, err)
	}
	if err := b.Replace(ctx, "none", []byte("x")); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func sourceFails(t *testing.T, s *stand) {
	b := s.bucket(t)
	broken := errors.New("the disk is broken")
	must(t, b.Replace(t.Context(), "k", []byte("old")))
	for _, after := range []int{0, 1000, 5 << 20, 20 << 20} {
		for _, key := range []string{"k", "new"} {
			err := b.Write(t.Context(), key, &feed{left: 30 << 20, after: after, at: func() error { return broken }}, storage.WriteOptions{})
			if !errors.Is(err, broken) {
				t.Errorf("after %d bytes: %v", after, err)
			}
		}
	}
	if got, err := b.Read(t.Context(), "k"); err != nil || string(got) != "old" {
		t.Errorf("the old one is %.20q, %v", got, err)
	}
	if got := keysOf(t, b, ""); !slices.Equal(got, []string{"k"}) {
		t.Errorf("left: %q", got)
	}
	noUploads(t, b)
}

func truncated(t *testing.T, s *stand) {
	b := s.bucket(t)
	body := random(6, 6<<20)
	must(t, b.Write(t.Context(), "k", bytes.NewReader(body), storage.WriteOptions{}))
	cutting := func(times int32, bytes int) step {
		var n atomic.Int32
		return func(w http.ResponseWriter, r *http.Request, forward func(http.ResponseWriter)) {
			if r.Method == http.MethodGet && n.Add(1) <= times {
				w = &cutOff{w, bytes}
			}
			forward(w)
		}
	}
	read := func() ([]byte, error) {
		in, err := b.Stream(t.Context(), storage.Object{Key: "k"})
		if err != nil {
			return nil, err
		}
		defer func() { _ = in.Close() }()
		return io.ReadAll(in)
	}
	s.front.during(cutting(5, 1<<20), func() {
		if got, err := read(); err != nil || !bytes.Equal(got, body) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	})
	s.front.during(cutting(2, 1<<20), func() {
		if got, err := b.Read(t.Context(), "k"); err != nil || !bytes.Equal(got, body) {
			t.Errorf("read whole: %d bytes, %v", len(got), err)
		}
	})
	stuck := func(w http.ResponseWriter, r *http.Request, forward func(http.ResponseWriter)) {
		if r.Method == http.MethodGet {
			panic(http.ErrAbortHandler)
		}
		forward(w)
	}
	s.front.during(stuck, func() {
		if got, err := read(); err == nil || len(got) == len(body) {
			t.Errorf("where nothing comes: %d bytes, %v", len(got), err)
		}
	})
}

func changes(t *testing.T, s *stand) {
	b := s.bucket(t)
	old, fresh := random(7, 25<<20), random(8, 25<<20) // of one size
	write := func(body []byte) {
		must(t, b.Write(t.Context(), "k", bytes.NewReader(body), storage.WriteOptions{Size: int64(len(body))}))
	}
	write(old)
	r, err := b.OpenObject(t.Context(), "k")
	must(t, err)
	defer func() { _ = r.Close() }()
	in := r.NewReader(t.Context(), 0, -1)
	defer func() { _ = in.Close() }()
	p := make([]byte, 1000)
	_, err = io.ReadFull(in, p)
	must(t, err)
	write(fresh)
	// A folder's file is still the old one while it is open: it never mixes.
	got, err := io.ReadAll(in)
	if !errors.Is(err, storage.ErrChanged) && (!s.folder() || !bytes.Equal(append(p, got...), old)) {
		t.Errorf("a stream: %d bytes, %v", len(got), err)
	}
	if n, err := r.ReadAt(p, 0); !errors.Is(err, storage.ErrChanged) && (!s.folder() || !bytes.Equal(p[:n], old[:n])) {
		t.Errorf("a range: %v", err)
	}
	if err := storage.Unchanged(t.Context(), s.open.Open, job.Shards{{URI: b.URI("k"), Size: r.Size(), Version: r.Version()}}); !errors.Is(err, storage.ErrChanged) {
		t.Errorf("%v", err)
	}
	if _, err := b.OpenVersion(t.Context(), storage.Object{Key: "k", Size: r.Size(), Version: r.Version()}); s.folder() && !errors.Is(err, storage.ErrChanged) {
		t.Errorf("opening the old version: %v", err)
	}
	must(t, b.Remove(t.Context(), "k"))
	if _, err := r.ReadAt(p, 0); !s.folder() && !errors.Is(err, storage.ErrChanged) {
		t.Errorf("after the removal: %v", err)
	}
}

func missing(t *testing.T, s *stand) {
	b := s.bucket(t)
	_, rerr := b.Read(t.Context(), "none")
	_, serr := b.Stat(t.Context(), "none")
	_, oerr := b.OpenObject(t.Context(), "none")
	for verb, err := range map[string]error{"read": rerr, "stat": serr, "open": oerr} {
		if !errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrNoBucket) || !strings.Contains(err.Error(), b.URI("none")) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", verb, err)
		}
	}
	if s.folder() {
		return
	}
	gone := *s
	u, err := storage.ParseURI(s.uri)
	must(t, err)
	u.Bucket = "no-such-" + u.Bucket
	gone.uri = u.String()
	b = gone.bucket(t)
	created, cerr := b.Create(t.Context(), "k", []byte("x"))
	if created {
		t.Error("created in no bucket")
	}
	var lerr error
	for _, lerr = range b.Objects(t.Context(), "") {
		break
	}
	for verb, err := range map[string]error{
		"create": cerr, "list": lerr, "replace": b.Replace(t.Context(), "k", []byte("x")),
		"write":  b.Write(t.Context(), "k", bytes.NewReader(random(9, 20<<20)), storage.WriteOptions{}),
		"stream": b.NewWriter(t.Context(), "k", storage.WriteOptions{}).Close(),
	} {
		if !errors.Is(err, storage.ErrNoBucket) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s in a bucket that is missing: %v", verb, err)
		}
	}
	if _, err := b.Read(t.Context(), "k"); !errors.Is(err, storage.ErrNoBucket) && !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("reading in a bucket that is missing: %v", err)
	}
}

type refusal struct {
	status int
	header http.Header
	body   string
}

var azureRefusal = refusal{403, http.Header{"Content-Type": {"application/xml"}, "X-Ms-Error-Code": {"AuthorizationPermissionMismatch"}}, "<Error><Code>AuthorizationPermissionMismatch</Code></Error>"}

// refusals are how the services say no.
var refusals = map[string]refusal{
	"s3":      {403, http.Header{"Content-Type": {"application/xml"}}, "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"},
	"gcs":     {403, http.Header{"Content-Type": {"application/json"}}, `{"error":{"code":403,"message":"no storage.objects.get access","errors":[{"reason":"forbidden","message":"no"}]}}`},
	"azure":   azureRefusal,
	"azurite": azureRefusal,
	"oci":     {403, http.Header{"Content-Type": {"application/json"}}, `{"code":"NotAllowed","message":"no"}`},
}

func denied(t *testing.T, s *stand) {
	b := s.bucket(t)
	no, ok := refusals[s.column]
	if !ok {
		t.Fatal("no refusal for this column")
	}
	s.front.during(func(w http.ResponseWriter, r *http.Request, _ func(http.ResponseWriter)) {
		_, _ = io.Copy(io.Discard, r.Body)
		for k, v := range no.header {
			w.Header()[k] = v
		}
		w.WriteHeader(no.status)
		if r.Method != http.MethodHead {
			_, _ = io.WriteString(w, no.body)
		}
	}, func() {
		_, rerr := b.Read(t.Context(), "k")
		_, serr := b.Stat(t.Context(), "k")
		_, cerr := b.Create(t.Context(), "k", []byte("x"))
		var lerr error
		for _, lerr = range b.Objects(t.Context(), "") {
			break
		}
		for verb, err := range map[string]error{
			"read": rerr, "stat": serr, "create": cerr, "list": lerr, "replace": b.Replace(t.Context(), "k", nil), "remove": b.Remove(t.Context(), "k"),
			"write": b.Write(t.Context(), "k", bytes.NewReader(random(9, 20<<20)), storage.WriteOptions{}),
		} {
			if !errors.Is(err, storage.ErrDenied) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: %v", verb, err)
			}
		}
	})
}

// connectionString opens a container with what Azure's portal gives out.
func connectionString(t *testing.T, s *stand) {
	t.Setenv("AZURE_STORAGE_KEY", "")
	t.Setenv("AZURE_STORAGE_ACCOUNT", "")
	t.Setenv("AZURE_STORAGE_CONNECTION_STRING", connectionTo(s.front.URL))
	plain := *s
	plain.uri, _ = storage.CutQuery(s.uri)
	b := plain.bucket(t)
	must(t, b.Replace(t.Context(), "k", []byte("x")))
	// It is not sent to another address that a URI names.
	t.Setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
	if _, _, err := s.open.Open(t.Context(), s.uri); !errors.Is(err, storage.ErrNoCredentials) {
		t.Errorf("%v", err)
	}
	if got, err := b.Read(t.Context(), "k"); err != nil || string(got) != "x" {
		t.Errorf("%q, %v", got, err)
	}
}

// elsewhere: https://docs.aws.amazon.com/AmazonS3/latest/userguide/Redirects.html
func elsewhere(t *testing.T, s *stand) {
	b := s.bucket(t)
	s.front.during(func(w http.ResponseWriter, r *http.Request, _ func(http.ResponseWriter)) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("X-Amz-Bucket-Region", "eu-west-1")
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(http.StatusMovedPermanently)
		if r.Method != http.MethodHead {
			_, _ = io.WriteString(w, "<Error><Code>PermanentRedirect</Code><Message>elsewhere</Message></Error>")
		}
	}, func() {
		_, rerr := b.Read(t.Context(), "k")
		_, serr := b.Stat(t.Context(), "k")
		_, cerr := b.Create(t.Context(), "k", []byte("x"))
		for verb, err := range map[string]error{"read": rerr, "stat": serr, "create": cerr} {
			if !errors.Is(err, storage.ErrWrongRegion) || !strings.Contains(err.Error(), "eu-west-1") {
				t.Errorf("%s: %v", verb, err)
			}
		}
	})
}

func unreachable(t *testing.T, s *stand) {
	gone := *s
	nobody := before(t, "http://127.0.0.1:1")
	at := nobody.URL
	nobody.Close() // the port is free again
	gone.uri = strings.ReplaceAll(s.uri, strings.TrimPrefix(s.front.URL, "http://"), strings.TrimPrefix(at, "http://"))
	b := gone.bucket(t)
	_, err := b.Stat(t.Context(), "k")
	if !errors.Is(err, storage.ErrUnreachable) || !strings.Contains(err.Error(), strings.TrimPrefix(at, "http://")) || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v", err)
	}
}
