package ociblob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/jonboulle/clockwork"
	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/crossbatch/crossbatch/local/emulator/objects"
)

const part = 64 << 10

func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(1, uint64(n)))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// impatient is a clock on which every wait is over at once.
func impatient(t testing.TB) clockwork.Clock {
	clock := clockwork.NewFakeClock()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		for clock.BlockUntilContext(ctx, 1) == nil {
			clock.Advance(maxWait)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	return clock
}

func TestWritesOfAllSizes(t *testing.T) {
	s := serve(t, serviceOptions{})
	b := s.open(t, nil)
	for _, c := range []struct{ size, parts int }{ // no parts: one put
		{0, 0}, {1, 0}, {part - 1, 0}, {part, 0}, {part + 1, 2}, {3 * part, 3}, {10*part + 7, 11},
	} {
		want := noise(c.size)
		s.intercept(nil)
		o := blob.WriterOptions{
			BufferSize: part, ContentType: "text/x-test", ContentLanguage: "de", ContentEncoding: "x", ContentDisposition: "inline", CacheControl: "no-cache",
			Metadata: map[string]string{"a b": "ä %/ ", "plain": "v"},
		}
		if err := b.Upload(t.Context(), "k", bytes.NewReader(want), &o); err != nil {
			t.Fatal(c, err)
		}
		got, err := b.ReadAll(t.Context(), "k")
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%v: reads %d bytes, %v", c, len(got), err)
		}
		object, err := s.store.Stat(bucketName, "k", nil)
		if err != nil || len(object.Parts) != c.parts || s.requests(http.MethodPut) != max(c.parts, 1) {
			t.Errorf("%v: %d parts, %d requests, %v", c, len(object.Parts), s.requests(http.MethodPut), err)
		}
		a, err := b.Attributes(t.Context(), "k")
		if err != nil || a.Size != int64(c.size) || a.ContentType != o.ContentType || a.ContentLanguage != o.ContentLanguage || a.ContentEncoding != o.ContentEncoding ||
			a.ContentDisposition != o.ContentDisposition || a.CacheControl != o.CacheControl || fmt.Sprint(a.Metadata) != fmt.Sprint(o.Metadata) {
			t.Errorf("%v: %+v, %v", c, a, err)
		}
		if (a.MD5 == nil) != (c.parts > 0) {
			t.Errorf("%v: MD5 %x", c, a.MD5)
		}
	}
}

// What a writer holds is bounded by the parts that may be sent at once.
func TestPartsAreSentInParallelWithinTheLimit(t *testing.T) {
	const limit = 3
	s := serve(t, serviceOptions{})
	var mu sync.Mutex
	now, most := 0, 0
	full := make(chan struct{}) // closed when as many are sent as may be
	s.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut {
			return false
		}
		mu.Lock()
		now++
		most = max(most, now)
		if now == limit {
			select {
			case <-full:
			default:
				close(full)
			}
		}
		mu.Unlock()
		<-full
		mu.Lock()
		defer mu.Unlock()
		now--
		return false
	})
	want := noise(12 * part)
	b := s.open(t, nil)
	if err := b.Upload(t.Context(), "k", bytes.NewReader(want), &blob.WriterOptions{BufferSize: part, MaxConcurrency: limit, ContentType: "a/b"}); err != nil {
		t.Fatal(err)
	}
	if most > limit {
		t.Errorf("%d parts at once", most)
	}
	if got, err := b.ReadAll(t.Context(), "k"); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// With the parts that an object may have, it may be as large as an object may be.
func TestPartsGrow(t *testing.T) {
	w := &writer{part: defaultPart}
	var total int64
	for n := range maxParts {
		size := w.partSize(n)
		if n == 0 && size != defaultPart || n > 0 && size < w.partSize(n-1) || size > maxPart {
			t.Fatalf("part %d has %d bytes", n, size)
		}
		total += size
	}
	if total < 9<<40 {
		t.Errorf("%d bytes in all", total)
	}
}

func TestOneWinnerAmongSixteen(t *testing.T) {
	for name, size := range map[string]int{"one request": 100, "parts": 3*part + 5} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, serviceOptions{})
			b := s.open(t, nil)
			for round := range 5 {
				k := fmt.Sprintf("k%d", round)
				var wg sync.WaitGroup
				var mu sync.Mutex
				var winners []int
				for i := range 16 {
					wg.Go(func() {
						body := append(noise(size), byte(i))
						err := b.Upload(t.Context(), k, bytes.NewReader(body), &blob.WriterOptions{BufferSize: part, ContentType: "a/b", IfNotExist: true})
						mu.Lock()
						defer mu.Unlock()
						if err == nil {
							winners = append(winners, i)
						} else if gcerrors.Code(err) != gcerrors.FailedPrecondition {
							t.Errorf("a loser gets %v", err)
						}
					})
				}
				wg.Wait()
				if len(winners) != 1 {
					t.Fatalf("winners: %v", winners)
				}
				got, err := b.ReadAll(t.Context(), k)
				if err != nil || !bytes.Equal(got, append(noise(size), byte(winners[0]))) {
					t.Errorf("the object is not the winner's (%v)", err)
				}
			}
			if uploads, err := s.store.Uploads(bucketName); err != nil || len(uploads) > 0 {
				t.Errorf("uploads left behind: %v, %v", uploads, err)
			}
		})
	}
}

// An object that appears while parts are sent wins over the upload.
func TestIfNotExistIsCheckedAtCommit(t *testing.T) {
	s := serve(t, serviceOptions{})
	b := s.open(t, nil)
	w, err := b.NewWriter(t.Context(), "k", &blob.WriterOptions{BufferSize: part, ContentType: "a/b", IfNotExist: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(noise(2 * part)); err != nil {
		t.Fatal(err)
	}
	if err := b.WriteAll(t.Context(), "k", []byte("first"), nil); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); gcerrors.Code(err) != gcerrors.FailedPrecondition {
		t.Errorf("got %v", err)
	}
	if got, err := b.ReadAll(t.Context(), "k"); err != nil || string(got) != "first" {
		t.Errorf("%q, %v", got, err)
	}
	if uploads, err := s.store.Uploads(bucketName); err != nil || len(uploads) > 0 {
		t.Errorf("uploads left behind: %v, %v", uploads, err)
	}
}

// Wherever a write is cancelled, nothing is left of it.
func TestCancelledWriteLeavesNothing(t *testing.T) {
	for name, at := range map[string]func(r *http.Request) bool{
		"while it begins":   func(r *http.Request) bool { return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/u") },
		"within a part":     func(r *http.Request) bool { return r.URL.Query().Get("uploadPartNum") == "2" },
		"before the commit": nil,
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, serviceOptions{})
			b := s.open(t, nil)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			s.intercept(func(_ http.ResponseWriter, r *http.Request) bool {
				if at != nil && at(r) {
					cancel()
				}
				return false
			})
			w, err := b.NewWriter(ctx, "k", &blob.WriterOptions{BufferSize: part, ContentType: "a/b"})
			if err != nil {
				t.Fatal(err)
			}
			_, werr := w.Write(noise(8 * part))
			cancel()
			if err := w.Close(); !errors.Is(err, context.Canceled) {
				t.Errorf("Write %v, Close %v", werr, err)
			}
			s.nothing(t, "k")
		})
	}
}

func TestFailedPartLeavesNothing(t *testing.T) {
	s := serve(t, serviceOptions{})
	b := s.open(t, nil)
	s.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		return r.URL.Query().Get("uploadPartNum") == "3" && answer(w, http.StatusForbidden, "NotAuthorized")
	})
	err := b.Upload(t.Context(), "k", bytes.NewReader(noise(20*part)), &blob.WriterOptions{BufferSize: part, ContentType: "a/b"})
	if gcerrors.Code(err) != gcerrors.PermissionDenied {
		t.Errorf("got %v", err)
	}
	s.nothing(t, "k")
}

// A reader that fails ends the write; so do the bytes that are not those that were told.
func TestFailedSourceLeavesNothing(t *testing.T) {
	s := serve(t, serviceOptions{})
	b := s.open(t, nil)
	source := io.MultiReader(bytes.NewReader(noise(3*part)), errReader{})
	if err := b.Upload(t.Context(), "k", source, &blob.WriterOptions{BufferSize: part, ContentType: "a/b"}); !errors.Is(err, errSource) {
		t.Errorf("got %v", err)
	}
	s.nothing(t, "k")
	err := b.Upload(t.Context(), "k", bytes.NewReader(noise(3*part)), &blob.WriterOptions{BufferSize: part, ContentType: "a/b", ContentMD5: make([]byte, 16)})
	if err == nil {
		t.Error("another digest was taken")
	}
	s.nothing(t, "k")
}

var errSource = errors.New("the source broke")

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errSource }

func TestUploadThatCannotBeAbortedIsReported(t *testing.T) {
	s := serve(t, serviceOptions{})
	b := s.open(t, &Options{Clock: impatient(t)})
	s.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case r.URL.Query().Get("uploadPartNum") == "1":
			return answer(w, http.StatusBadRequest, "InvalidParameter")
		case r.Method == http.MethodDelete:
			return answer(w, http.StatusServiceUnavailable, "ServiceUnavailable")
		}
		return false
	})
	err := b.Upload(t.Context(), "k", bytes.NewReader(noise(2*part)), &blob.WriterOptions{BufferSize: part, ContentType: "a/b"})
	uploads, uerr := s.store.Uploads(bucketName)
	if uerr != nil || len(uploads) != 1 {
		t.Fatal(uploads, uerr)
	}
	if err == nil || !strings.Contains(err.Error(), uploads[0].ID) || !strings.Contains(err.Error(), "InvalidParameter") {
		t.Errorf("got %v", err)
	}
}

// The answer to a commit is lost. Whether it was carried out is looked up.
func TestCommitWithoutAnAnswer(t *testing.T) {
	isCommit := func(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Query().Has("uploadId") }
	for name, c := range map[string]struct {
		step func(s *service, w http.ResponseWriter, r *http.Request) bool // of the first commit
		err  bool
	}{
		"not carried out": {step: func(_ *service, w http.ResponseWriter, _ *http.Request) bool {
			return answer(w, http.StatusInternalServerError, "InternalServerError")
		}},
		"carried out": {step: func(s *service, w http.ResponseWriter, r *http.Request) bool {
			s.forward(r)
			return answer(w, http.StatusBadGateway, "InternalServerError")
		}},
		"connection closed": {step: func(s *service, _ http.ResponseWriter, r *http.Request) bool {
			s.forward(r)
			panic(http.ErrAbortHandler)
		}},
		"aborted by someone": {err: true, step: func(s *service, w http.ResponseWriter, r *http.Request) bool {
			if err := s.store.Abort(bucketName, r.URL.Query().Get("uploadId")); err != nil {
				panic(err)
			}
			return answer(w, http.StatusInternalServerError, "InternalServerError")
		}},
	} {
		for _, exclusive := range []bool{false, true} {
			t.Run(fmt.Sprint(name, exclusive), func(t *testing.T) {
				s := serve(t, serviceOptions{})
				b := s.open(t, &Options{Clock: impatient(t)})
				var first sync.Once
				s.intercept(func(w http.ResponseWriter, r *http.Request) (answered bool) {
					if isCommit(r) {
						first.Do(func() { answered = c.step(s, w, r) })
					}
					return answered
				})
				want := noise(2*part + 1)
				err := b.Upload(t.Context(), "k", bytes.NewReader(want), &blob.WriterOptions{BufferSize: part, ContentType: "a/b", IfNotExist: exclusive})
				if (err != nil) != c.err {
					t.Errorf("got %v", err)
				}
				if c.err {
					s.nothing(t, "k")
				} else if got, err := b.ReadAll(t.Context(), "k"); err != nil || !bytes.Equal(got, want) {
					t.Errorf("%d bytes, %v", len(got), err)
				}
			})
		}
	}
}

// forward carries a request out and drops the answer.
func (s *service) forward(r *http.Request) {
	s.emulator.ServeHTTP(httptest.NewRecorder(), r)
}

func TestManyWritersShareABucket(t *testing.T) {
	s := serve(t, serviceOptions{})
	b := s.open(t, nil)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			want := noise(3*part + i)
			k := fmt.Sprint(i)
			if err := b.Upload(t.Context(), k, bytes.NewReader(want), &blob.WriterOptions{BufferSize: part, ContentType: "a/b"}); err != nil {
				t.Error(err)
			}
			if got, err := b.ReadAll(t.Context(), k); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %d bytes, %v", k, len(got), err)
			}
		})
	}
	wg.Wait()
	page, err := s.store.List(bucketName, objects.ListOptions{})
	if err != nil || len(page.Objects) != 8 {
		t.Errorf("%d objects, %v", len(page.Objects), err)
	}
}
