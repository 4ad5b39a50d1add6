package objects

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"
)

func oddKeys() []string {
	return []string{
		"a", "a/b", "a//b", "/", "//", "/lead", "trail/", "a b", "a+b", "a%2fb", "a?b#c", "ä/日本/😀", "x/../y", ".", "..", "a\x00b", "\x01\n\r\x7f",
		"not UTF-8 \xff\xfe", "\xff", "\xff\xff", strings.Repeat("k", 1024), strings.Repeat("d/", 512),
	}
}

func TestOddKeys(t *testing.T) {
	both(t, func(t *testing.T, p *place) {
		for _, k := range oddKeys() {
			p.put(k, "old")
			p.put(k, "body of "+k)
		}
		p.reopen()
		for _, k := range oddKeys() {
			if got := p.read(k); got != "body of "+k {
				t.Errorf("%q reads %q", k, got)
			}
		}
		list, err := p.List(bucketName, ListOptions{})
		if err != nil || len(list.Objects) != len(oddKeys()) {
			t.Errorf("%d objects, %v", len(list.Objects), err)
		}
		for _, k := range oddKeys() {
			if err := p.Delete(bucketName, k, nil); err != nil {
				t.Errorf("%q: %v", k, err)
			}
			p.absent(k)
		}
		p.wantFiles(0)
		for _, k := range []string{"", strings.Repeat("k", maxKey+1)} {
			if _, err := p.Put(bucketName, k, p.stage("x"), Attributes{}, nil); !errors.Is(err, ErrKey) {
				t.Errorf("a key of %d bytes: %v", len(k), err)
			}
		}
		p.wantFiles(0)
	})
}

func TestWhatAnObjectTells(t *testing.T) {
	both(t, func(t *testing.T, p *place) {
		a := Attributes{
			ContentType: "t", ContentEncoding: "e", ContentLanguage: "l", ContentDisposition: "d", CacheControl: "c",
			Metadata: map[string]string{"k": "v\xff"}, Properties: map[string]string{"tier": "hot"},
		}
		o, err := p.Put(bucketName, "k", p.stage("body"), a, nil)
		if err != nil {
			t.Fatal(err)
		}
		a.Metadata["k"] = "changed by the caller"
		created := p.clock.Now().UTC()
		if o.Key != "k" || o.Size != 4 || fmt.Sprintf("%x", o.MD5) != "841a2d689ad86bd1611447453c22c6fc" || len(o.ETag) != 32 || !o.Created.Equal(created) || !o.Modified.Equal(created) || o.Parts != nil {
			t.Errorf("%+v", o)
		}
		p.clock.Advance(time.Hour)
		p.reopen()
		again, err := p.Stat(bucketName, "k", nil)
		if err != nil || again.ETag != o.ETag || again.Generation != o.Generation || !again.Created.Equal(created) || again.Metadata["k"] != "v\xff" || again.Properties["tier"] != "hot" ||
			again.ContentType != "t" || again.ContentEncoding != "e" || again.ContentLanguage != "l" || again.ContentDisposition != "d" || again.CacheControl != "c" {
			t.Errorf("%+v, %v", again, err)
		}
		again.Metadata["k"] = "changed by a reader"
		changed, err := p.Update(bucketName, "k", func(a *Attributes) { a.ContentType = "u" }, IfMatch(o.ETag))
		if err != nil || changed.ETag == o.ETag || changed.Generation <= o.Generation || !changed.Created.Equal(created) || !changed.Modified.Equal(created.Add(time.Hour)) ||
			changed.ContentType != "u" || changed.Metadata["k"] != "v\xff" || p.read("k") != "body" {
			t.Errorf("%+v, %v", changed, err)
		}
		if _, err := p.Update(bucketName, "k", func(*Attributes) {}, IfMatch(o.ETag)); !errors.Is(err, ErrPrecondition) {
			t.Errorf("an old etag: %v", err)
		}
		if err := p.Delete(bucketName, "k", nil); err != nil {
			t.Fatal(err)
		}
		p.reopen()
		if back := p.put("k", "body"); back.ETag == o.ETag || back.Generation <= changed.Generation {
			t.Errorf("written again, it looks like the one before: %+v", back)
		}
		p.wantFiles(1)
	})
}

func TestBuckets(t *testing.T) {
	both(t, func(t *testing.T, p *place) {
		if _, err := p.CreateBucket(bucketName, nil); !errors.Is(err, ErrBucketExists) {
			t.Errorf("again: %v", err)
		}
		if _, err := p.CreateBucket("", nil); !errors.Is(err, ErrKey) {
			t.Errorf("without a name: %v", err)
		}
		if _, err := p.CreateBucket("a", map[string]string{"p": "q"}); err != nil {
			t.Fatal(err)
		}
		p.reopen()
		list, err := p.Buckets()
		if err != nil || len(list) != 2 || list[0].Name != "a" || list[0].Properties["p"] != "q" || list[1].Name != bucketName {
			t.Errorf("%+v, %v", list, err)
		}
		if b, err := p.GetBucket("a"); err != nil || b.ETag != list[0].ETag || !b.Created.Equal(p.clock.Now()) {
			t.Errorf("%+v, %v", b, err)
		}
		p.put("k", "x")
		if err := p.DeleteBucket(bucketName); !errors.Is(err, ErrBucketNotEmpty) {
			t.Errorf("with an object: %v", err)
		}
		if err := p.Delete(bucketName, "k", nil); err != nil {
			t.Fatal(err)
		}
		if _, err := p.CreateUpload(bucketName, "k", "u", Attributes{}, nil); err != nil {
			t.Fatal(err)
		}
		if err := p.DeleteBucket(bucketName); !errors.Is(err, ErrBucketNotEmpty) {
			t.Errorf("with an upload: %v", err)
		}
		if _, err := p.PutPart(bucketName, "u", "1", p.stage("x")); err != nil {
			t.Fatal(err)
		}
		p.put("k", "x")
		if err := p.DropBucket(bucketName); err != nil {
			t.Fatal(err)
		}
		p.wantFiles(0)
		if err := p.DeleteBucket("a"); err != nil {
			t.Fatal(err)
		}
		p.reopen()
		if list, err := p.Buckets(); err != nil || len(list) != 0 {
			t.Errorf("%+v, %v", list, err)
		}
		for name, err := range map[string]error{
			"GetBucket":    second(p.GetBucket("a")),
			"DeleteBucket": p.DeleteBucket("a"),
			"Put":          second(p.Put("a", "k", p.stage("x"), Attributes{}, nil)),
			"Stat":         second(p.Stat("a", "k", nil)),
			"Get":          second(p.Get("a", "k", nil)),
			"Delete":       p.Delete("a", "k", nil),
			"List":         second(p.List("a", ListOptions{})),
			"Uploads":      second(p.Uploads("a")),
			"CreateUpload": second(p.CreateUpload("a", "k", "", Attributes{}, nil)),
			"PutPart":      second(p.PutPart("a", "u", "1", p.stage("x"))),
		} {
			if !errors.Is(err, ErrNoBucket) {
				t.Errorf("%s: %v", name, err)
			}
		}
		p.wantFiles(0)
	})
}

func second[T any](_ T, err error) error { return err }

func TestChecks(t *testing.T) {
	there := &Object{ETag: "e"}
	for name, c := range map[string]struct {
		check          Check
		absent, exists bool // passes
	}{
		"none":                {nil, true, true},
		"if match":            {IfMatch("e"), false, true},
		"if match other":      {IfMatch("f"), false, false},
		"if match any":        {IfMatch("*"), false, true},
		"if none match":       {IfNoneMatch("e"), true, false},
		"if none match other": {IfNoneMatch("f"), true, true},
		"if none match any":   {IfNoneMatch("*"), true, false},
		"all":                 {All(nil, IfMatch("*"), IfNoneMatch("f")), false, true},
		"all, one does not":   {All(IfMatch("*"), IfNoneMatch("e")), false, false},
	} {
		if got := c.check.run(nil) == nil; got != c.absent {
			t.Errorf("%s: absent passes: %v", name, got)
		}
		if got := c.check.run(there) == nil; got != c.exists {
			t.Errorf("%s: there passes: %v", name, got)
		}
	}
}

// Of any number of writers one is let through; the others leave nothing.
func TestOneWriterPasses(t *testing.T) {
	both(t, func(t *testing.T, p *place) {
		if _, err := p.CreateUpload(bucketName, "k", "u", Attributes{}, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := p.PutPart(bucketName, "u", "1", p.stage("committed")); err != nil {
			t.Fatal(err)
		}
		p.put("src", "copied")
		var wg sync.WaitGroup
		var mu sync.Mutex
		var winners []string
		race := func(name string, f func() error) {
			wg.Go(func() {
				err := f()
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					winners = append(winners, name)
				} else if !errors.Is(err, ErrPrecondition) {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
		for i := range 16 {
			name := fmt.Sprint("put ", i)
			race(name, func() error { return second(p.Put(bucketName, "k", p.stage(name), Attributes{}, IfNoneMatch("*"))) })
		}
		race("copied", func() error { return second(p.Copy(bucketName, "k", bucketName, "src", nil, nil, IfNoneMatch("*"))) })
		race("committed", func() error {
			return second(p.Commit(bucketName, "u", []PartRef{{Name: "1"}}, nil, IfNoneMatch("*")))
		})
		wg.Wait()
		if len(winners) != 1 || p.read("k") != winners[0] {
			t.Errorf("winners %q, the object is %q", winners, p.read("k"))
		}
	})
}

// A reader reads what it opened, whatever happens to the object.
func TestReadersKeepWhatTheyOpened(t *testing.T) {
	both(t, func(t *testing.T, p *place) {
		body := strings.Repeat("0123456789", 100_000)
		p.put("k", body)
		var open []*Content
		for range 3 {
			c, err := p.Get(bucketName, "k", nil)
			if err != nil {
				t.Fatal(err)
			}
			open = append(open, c)
		}
		p.put("k", "new")
		if err := p.Delete(bucketName, "k", nil); err != nil {
			t.Fatal(err)
		}
		p.wantFiles(1)
		for _, c := range open {
			if _, err := c.Seek(-25, io.SeekEnd); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Seek(10, io.SeekCurrent); err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(c); err != nil || string(got) != body[len(body)-15:] {
				t.Errorf("%q, %v", got, err)
			}
			if _, err := c.Seek(-1, io.SeekStart); err == nil {
				t.Error("a place ahead of the start was taken")
			}
			if _, err := c.Seek(1<<40, io.SeekStart); err != nil {
				t.Fatal(err)
			}
			if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
				t.Errorf("behind the end: %d, %v", n, err)
			}
			for range 2 {
				if err := c.Close(); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := c.Read(make([]byte, 1)); err == nil {
				t.Error("a closed one was read")
			}
		}
		p.wantFiles(0)
	})
}

func TestStage(t *testing.T) {
	both(t, func(t *testing.T, p *place) {
		for _, n := range []int{0, 1, 511, 512, 513, chunk - 1, chunk, chunk + 1, 5*chunk + 3} {
			body := strings.Repeat("x", n)
			p.put("k", body)
			if p.read("k") != body {
				t.Errorf("%d bytes are not what was written", n)
			}
		}
		// In small pieces, and with the end beside the last of them.
		b, err := p.Stage(t.Context(), iotest.DataErrReader(iotest.OneByteReader(strings.NewReader("abc"))))
		if err != nil || b.Size() != 3 {
			t.Fatal(b, err)
		}
		b.Discard()
		b.Discard()
		if _, err := p.Put(bucketName, "k", b, Attributes{}, nil); err == nil {
			t.Error("a discarded body was put")
		}
		p.wantFiles(1)
		for name, r := range map[string]io.Reader{
			"broken":    io.MultiReader(bytes.NewReader(make([]byte, 3*chunk)), iotest.ErrReader(errBroken)),
			"cut short": io.MultiReader(bytes.NewReader(make([]byte, 10)), iotest.ErrReader(io.ErrUnexpectedEOF)),
		} {
			if _, err := p.Stage(t.Context(), r); !errors.Is(err, errBroken) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s: %v", name, err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := p.Stage(ctx, strings.NewReader("x")); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		p.wantFiles(1)
	})
}

var errBroken = errors.New("broken")

func TestCopyAndRename(t *testing.T) {
	both(t, func(t *testing.T, p *place) {
		if _, err := p.CreateBucket("other", nil); err != nil {
			t.Fatal(err)
		}
		src := p.put("src", "body")
		p.clock.Advance(time.Minute)
		dst, err := p.Copy("other", "dst", bucketName, "src", nil, IfMatch(src.ETag), nil)
		if err != nil || dst.ETag == src.ETag || dst.ContentType != "a/b" || !dst.Created.Equal(p.clock.Now()) {
			t.Errorf("%+v, %v", dst, err)
		}
		if _, err := p.Copy(bucketName, "src", bucketName, "src", &Attributes{ContentType: "new"}, nil, nil); err != nil {
			t.Errorf("onto itself: %v", err)
		}
		p.wantFiles(1) // no byte was copied
		for name, err := range map[string]error{
			"absent source": second(p.Copy(bucketName, "x", bucketName, "none", nil, nil, nil)),
			"source":        second(p.Copy(bucketName, "x", bucketName, "src", nil, IfMatch("old"), nil)),
			"destination":   second(p.Copy("other", "dst", bucketName, "src", nil, nil, IfNoneMatch("*"))),
			"bucket":        second(p.Copy("none", "x", bucketName, "src", nil, nil, nil)),
			"rename absent": second(p.Rename(bucketName, "none", "x", nil, nil)),
			"rename source": second(p.Rename(bucketName, "src", "x", IfMatch("old"), nil)),
			"rename target": second(p.Rename(bucketName, "src", "src2", nil, IfMatch("*"))),
			"rename key":    second(p.Rename(bucketName, "src", "", nil, nil)),
		} {
			if !errors.Is(err, ErrNoObject) && !errors.Is(err, ErrPrecondition) && !errors.Is(err, ErrNoBucket) && !errors.Is(err, ErrKey) {
				t.Errorf("%s: %v", name, err)
			}
		}
		p.put("there", "other body")
		renamed, err := p.Rename(bucketName, "src", "there", nil, IfMatch("*"))
		if err != nil || renamed.Key != "there" || renamed.ContentType != "new" {
			t.Errorf("%+v, %v", renamed, err)
		}
		if self, err := p.Rename(bucketName, "there", "there", nil, nil); err != nil || self.ETag == renamed.ETag {
			t.Errorf("to itself: %+v, %v", self, err)
		}
		p.absent("src")
		p.wantFiles(1)
		p.reopen()
		p.absent("src")
		if p.read("there") != "body" {
			t.Errorf("reads %q", p.read("there"))
		}
		if err := p.Delete(bucketName, "there", nil); err != nil {
			t.Fatal(err)
		}
		p.wantFiles(1) // the copy still has it
		if err := p.DropBucket("other"); err != nil {
			t.Fatal(err)
		}
		p.wantFiles(0)
	})
}

func TestClosedStore(t *testing.T) {
	both(t, func(t *testing.T, p *place) {
		p.put("k", "body")
		c, err := p.Get(bucketName, "k", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		body := p.stage("x")
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(c); err != nil || string(got) != "body" {
			t.Errorf("what was being read: %q, %v", got, err)
		}
		for name, err := range map[string]error{
			"Put":          second(p.Put(bucketName, "k", body, Attributes{}, nil)),
			"Stat":         second(p.Stat(bucketName, "k", nil)),
			"Buckets":      second(p.Buckets()),
			"CreateBucket": second(p.CreateBucket("c", nil)),
			"List":         second(p.List(bucketName, ListOptions{})),
			"Abort":        p.Abort(bucketName, "u"),
		} {
			if !errors.Is(err, ErrClosed) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
