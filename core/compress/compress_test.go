package compress

import (
	"bytes"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
	"testing/iotest"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func packed(t interface{ Fatal(...any) }, compression string, chunks ...[]byte) []byte {
	var b bytes.Buffer
	w, err := NewWriter(&b, compression)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range chunks {
		if _, err := w.Write(c); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func unpacked(compression string, r io.Reader) ([]byte, error) {
	z, err := NewReader(r, compression)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(z)
	return b, errors.Join(err, z.Close())
}

func TestOf(t *testing.T) {
	for name, want := range map[string][2]string{
		"a.jsonl": {None, "a.jsonl"}, "a.jsonl.gz": {Gzip, "a.jsonl"}, "A.CSV.ZST": {Zstd, "A.CSV"},
		".gz": {Gzip, ""}, "gz": {None, "gz"}, "a.gzip": {None, "a.gzip"}, "": {None, ""},
	} {
		if c, plain := Of(name); c != want[0] || plain != want[1] {
			t.Errorf("%q: %s, %q", name, c, plain)
		}
	}
}

// What is written comes back, and how it was handed over does not show.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.SampledFrom([]string{None, Gzip, Zstd}).Draw(t, "compression")
		text := rapid.SliceOfN(rapid.Byte(), 0, 2000).Draw(t, "text")
		text = bytes.Repeat(text, rapid.IntRange(1, 300).Draw(t, "times"))
		whole := packed(t, c, text)
		var chunks [][]byte
		for rest := text; len(rest) > 0; {
			n := min(len(rest), rapid.IntRange(1, 1+len(text)).Draw(t, "chunk"))
			chunks, rest = append(chunks, rest[:n]), rest[n:]
		}
		if got := packed(t, c, chunks...); !bytes.Equal(got, whole) {
			t.Fatalf("%d bytes in %d chunks give another stream", len(text), len(chunks))
		}
		if got, err := unpacked(c, iotest.OneByteReader(bytes.NewReader(whole))); err != nil || !bytes.Equal(got, text) {
			t.Fatalf("%d bytes come back as %d: %v", len(text), len(got), err)
		}
	})
}

func TestManyMembers(t *testing.T) {
	for _, c := range []string{Gzip, Zstd} {
		two := append(packed(t, c, []byte("one\n")), packed(t, c, []byte("two\n"))...)
		if got, err := unpacked(c, bytes.NewReader(two)); err != nil || string(got) != "one\ntwo\n" {
			t.Errorf("%s: %q, %v", c, got, err)
		}
		if got, err := unpacked(c, strings.NewReader("")); err != nil || len(got) > 0 {
			t.Errorf("%s: an empty file: %q, %v", c, got, err)
		}
	}
}

func TestDamaged(t *testing.T) {
	broken := errors.New("the disk is gone")
	for _, c := range []string{Gzip, Zstd} {
		whole := packed(t, c, bytes.Repeat([]byte("some text "), 1000))
		for n := 1; n < len(whole); n++ {
			if _, err := unpacked(c, bytes.NewReader(whole[:n])); !errors.Is(err, ErrDamaged) {
				t.Errorf("%s: %d of %d bytes: %v", c, n, len(whole), err)
			}
			if _, err := unpacked(c, io.MultiReader(bytes.NewReader(whole[:n]), iotest.ErrReader(broken))); !errors.Is(err, broken) || errors.Is(err, ErrDamaged) {
				t.Errorf("%s: the reader failed after %d bytes: %v", c, n, err)
			}
		}
		for i := range whole {
			flipped := bytes.Clone(whole)
			flipped[i] ^= 0x40
			got, err := unpacked(c, bytes.NewReader(flipped))
			if err == nil && string(got) != strings.Repeat("some text ", 1000) {
				t.Errorf("%s: with byte %d changed it reads as something else", c, i)
			}
		}
		if _, err := unpacked(c, strings.NewReader("{\"id\": 1}\n")); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: plain text: %v", c, err)
		}
		if _, err := unpacked(c, iotest.ErrReader(broken)); !errors.Is(err, broken) {
			t.Errorf("%s: a reader that fails at once: %v", c, err)
		}
	}
	if _, err := NewReader(nil, "lzma"); err == nil {
		t.Error("a reader of lzma")
	}
	if _, err := NewWriter(nil, "lzma"); err == nil {
		t.Error("a writer of lzma")
	}
}

// The tools of every machine read what is written here.
func TestToolsReadIt(t *testing.T) {
	c := exec.Command("gzip", "-dc")
	c.Stdin = bytes.NewReader(packed(t, Gzip, []byte("text\n")))
	if out, err := c.Output(); err != nil || string(out) != "text\n" {
		t.Errorf("gzip reads %q, %v", out, err)
	}
}

func FuzzReader(f *testing.F) {
	for _, c := range []string{Gzip, Zstd} {
		f.Add(packed(f, c, []byte("some text")), c == Gzip)
	}
	f.Fuzz(func(t *testing.T, b []byte, gz bool) {
		c := Zstd
		if gz {
			c = Gzip
		}
		z, err := NewReader(bytes.NewReader(b), c)
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Error(err)
			}
			return
		}
		if _, err := io.Copy(io.Discard, io.LimitReader(z, 64<<20)); err != nil && !errors.Is(err, ErrDamaged) {
			t.Error(err)
		}
		if err := z.Close(); err != nil {
			t.Error(err)
		}
	})
}
