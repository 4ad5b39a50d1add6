package ociblob

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/jonboulle/clockwork"
	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/crossbatch/crossbatch/local/emulator/objects"
)

// operations are what a caller does; each sends one request when all is well.
func operations() map[string]func(ctx context.Context, b *blob.Bucket) error {
	return map[string]func(context.Context, *blob.Bucket) error{
		"write": func(ctx context.Context, b *blob.Bucket) error {
			return b.Upload(ctx, "new", strings.NewReader("body"), &blob.WriterOptions{ContentType: "a/b"})
		},
		"create": func(ctx context.Context, b *blob.Bucket) error {
			return b.Upload(ctx, "new", strings.NewReader("body"), &blob.WriterOptions{ContentType: "a/b", IfNotExist: true})
		},
		"read": func(ctx context.Context, b *blob.Bucket) error {
			body, err := b.ReadAll(ctx, "old")
			if err == nil && string(body) != "old body" {
				return errors.New("another body")
			}
			return err
		},
		"attributes": func(ctx context.Context, b *blob.Bucket) error { _, err := b.Attributes(ctx, "old"); return err },
		"list":       func(ctx context.Context, b *blob.Bucket) error { _, err := b.List(nil).Next(ctx); return err },
		"delete":     func(ctx context.Context, b *blob.Bucket) error { return b.Delete(ctx, "old") },
		"copy":       func(ctx context.Context, b *blob.Bucket) error { return b.Copy(ctx, "new", "old", nil) },
	}
}

func withOld(t testing.TB, o *Options) (*service, *blob.Bucket) {
	s := serve(t, serviceOptions{})
	b := s.open(t, o)
	if err := b.WriteAll(t.Context(), "old", []byte("old body"), nil); err != nil {
		t.Fatal(err)
	}
	return s, b
}

// first answers the first n requests, and counts all of them.
func (s *service) first(n int, f func(w http.ResponseWriter, r *http.Request) bool) {
	var mu sync.Mutex
	seen := 0
	s.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		seen++
		mine := seen <= n
		mu.Unlock()
		return mine && f(w, r)
	})
}

func (s *service) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.seen)
}

// A refused request was not carried out: it is always sent again.
func TestRefusedRequestsAreSentAgain(t *testing.T) {
	for _, refusal := range []struct {
		status int
		code   string
	}{{http.StatusTooManyRequests, "TooManyRequests"}, {http.StatusConflict, "LockConflict"}, {http.StatusConflict, "ConcurrentObjectUpdate"}} {
		for name, do := range operations() {
			if name == "attributes" && refusal.status == http.StatusConflict {
				continue // an answer to HEAD has no code, and nothing that only reads meets a lock
			}
			t.Run(refusal.code+" "+name, func(t *testing.T) {
				s, b := withOld(t, &Options{Clock: impatient(t)})
				s.first(2, func(w http.ResponseWriter, _ *http.Request) bool { return answer(w, refusal.status, refusal.code) })
				if err := do(t.Context(), b); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// When it is not known whether a request was carried out, it is sent again if that
// does no harm, and only once otherwise.
func TestUnclearRequestsAreSentAgainWhereThatIsSafe(t *testing.T) {
	breaks := map[string]func(http.ResponseWriter, *http.Request) bool{
		"500":    func(w http.ResponseWriter, _ *http.Request) bool { return answer(w, 500, "InternalServerError") },
		"503":    func(w http.ResponseWriter, _ *http.Request) bool { return answer(w, 503, "ServiceUnavailable") },
		"closed": func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) },
	}
	for kind, breaking := range breaks {
		for name, do := range operations() {
			t.Run(kind+" "+name, func(t *testing.T) {
				s, b := withOld(t, &Options{Clock: impatient(t)})
				s.first(2, breaking)
				err := do(t.Context(), b)
				if once := name == "create" || name == "copy"; !once {
					if err != nil {
						t.Error(err)
					}
					return
				}
				if err == nil {
					t.Error("no error")
				}
				if n := s.count(); n != 1 {
					t.Errorf("%d requests", n)
				}
				if _, err := s.store.Stat(bucketName, "new", nil); !errors.Is(err, objects.ErrNoObject) {
					t.Errorf("the object is there: %v", err)
				}
			})
		}
	}
}

// What the service says for good is said once; what it goes on saying, Attempts times.
func TestFailuresAreNotSentAgainAndAgain(t *testing.T) {
	for _, c := range []struct {
		status, requests int
		code             string
		want             gcerrors.ErrorCode
	}{
		{400, 1, "InvalidParameter", gcerrors.InvalidArgument},
		{401, 1, "NotAuthenticated", gcerrors.PermissionDenied},
		{403, 1, "NotAuthorized", gcerrors.PermissionDenied},
		{404, 1, "NotAuthorizedOrNotFound", gcerrors.NotFound},
		{409, 1, "IncorrectState", gcerrors.Unknown}, // the SDK's own policy would go on for minutes
		{412, 1, "NoEtagMatch", gcerrors.FailedPrecondition},
		{429, 3, "TooManyRequests", gcerrors.ResourceExhausted},
		{500, 3, "InternalServerError", gcerrors.Internal},
		{501, 1, "MethodNotImplemented", gcerrors.Unimplemented},
	} {
		s, b := withOld(t, &Options{Clock: impatient(t), Attempts: 3})
		s.intercept(func(w http.ResponseWriter, _ *http.Request) bool { return answer(w, c.status, c.code) })
		_, err := b.ReadAll(t.Context(), "old")
		if gcerrors.Code(err) != c.want || s.count() != c.requests || !strings.Contains(err.Error(), c.code) {
			t.Errorf("%d: %d requests, %v (%v)", c.status, s.count(), err, gcerrors.Code(err))
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("more than a line: %v", err)
		}
	}
}

// The environment cannot switch the SDK's retries on again.
func TestEnvironmentSwitchesNoRetriesOn(t *testing.T) {
	t.Setenv("OCI_SDK_DEFAULT_RETRY_ENABLED", "true")
	s, b := withOld(t, &Options{Clock: impatient(t)})
	s.intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		return answer(w, http.StatusConflict, "IncorrectState")
	})
	if err := b.Delete(t.Context(), "old"); err == nil || s.count() != 1 {
		t.Errorf("%d requests, %v", s.count(), err)
	}
}

func TestDeleteWithoutAnAnswer(t *testing.T) {
	s, b := withOld(t, &Options{Clock: impatient(t)})
	s.first(1, func(w http.ResponseWriter, r *http.Request) bool {
		s.forward(r)
		return answer(w, http.StatusBadGateway, "InternalServerError")
	})
	if err := b.Delete(t.Context(), "old"); err != nil {
		t.Errorf("the first try deleted it, and the second says %v", err)
	}
	// A refusal deletes nothing: what is not found then was not there.
	s.first(1, func(w http.ResponseWriter, _ *http.Request) bool { return answer(w, 429, "TooManyRequests") })
	if err := b.Delete(t.Context(), "old"); gcerrors.Code(err) != gcerrors.NotFound {
		t.Errorf("got %v", err)
	}
}

func TestWaitsEndWithTheContext(t *testing.T) {
	clock := clockwork.NewFakeClock()
	s, b := withOld(t, &Options{Clock: clock})
	s.intercept(func(w http.ResponseWriter, _ *http.Request) bool { return answer(w, 429, "TooManyRequests") })
	all := operations()
	all["parts"] = func(ctx context.Context, b *blob.Bucket) error {
		return b.Upload(ctx, "k", bytes.NewReader(noise(3*part)), &blob.WriterOptions{BufferSize: part, ContentType: "a/b"})
	}
	for name, do := range all {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- do(ctx, b) }()
		if err := clock.BlockUntilContext(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A request under way ends with its context, and nothing of it goes on behind.
func TestRequestsEndWithTheContext(t *testing.T) {
	s, b := withOld(t, nil)
	for name, do := range operations() {
		ctx, cancel := context.WithCancel(t.Context())
		s.intercept(func(_ http.ResponseWriter, r *http.Request) bool {
			_, _ = io.Copy(io.Discard, r.Body) // else the server does not see the client go
			cancel()
			<-r.Context().Done()
			return true
		})
		if err := do(ctx, b); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
		if n := s.count(); n != 1 {
			t.Errorf("%s: %d requests", name, n)
		}
	}
}

// A part that fails for a while does not fail the object.
func TestPartsAreSentAgain(t *testing.T) {
	s := serve(t, serviceOptions{})
	b := s.open(t, &Options{Clock: impatient(t)})
	var mu sync.Mutex
	failed := map[string]bool{}
	s.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		number := r.URL.Query().Get("uploadPartNum")
		mu.Lock()
		defer mu.Unlock()
		if number == "" || failed[number] {
			return false
		}
		failed[number] = true
		return answer(w, http.StatusServiceUnavailable, "ServiceUnavailable")
	})
	want := noise(5 * part)
	if err := b.Upload(t.Context(), "k", bytes.NewReader(want), &blob.WriterOptions{BufferSize: part, ContentType: "a/b"}); err != nil {
		t.Fatal(err)
	}
	if got, err := b.ReadAll(t.Context(), "k"); err != nil || !bytes.Equal(got, want) || len(failed) != 5 {
		t.Errorf("%d bytes, %d parts failed, %v", len(got), len(failed), err)
	}
}
