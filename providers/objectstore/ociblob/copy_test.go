package ociblob

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/objectstorage"
	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/crossbatch/crossbatch/local/emulator/objects"
)

func TestCopyWaitsForItsWorkRequest(t *testing.T) {
	clock := clockwork.NewFakeClock()
	s := serve(t, serviceOptions{clock: clock, copyDelay: 3 * time.Second})
	b := s.open(t, &Options{Clock: clock, PollInterval: time.Second})
	o := blob.WriterOptions{ContentType: "text/x-test", Metadata: map[string]string{"a": "b"}}
	if err := b.WriteAll(t.Context(), "a/../#?%+ ä//", []byte("body"), &o); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- b.Copy(t.Context(), "dst", "a/../#?%+ ä//", nil) }()
	for range 3 {
		if err := clock.BlockUntilContext(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		if _, err := s.store.Stat(bucketName, "dst", nil); !errors.Is(err, objects.ErrNoObject) {
			t.Errorf("there before its time: %v", err)
		}
		clock.Advance(time.Second)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	a, err := b.Attributes(t.Context(), "dst")
	if err != nil || a.ContentType != o.ContentType || a.Metadata["a"] != "b" {
		t.Errorf("%+v, %v", a, err)
	}
	if got, err := b.ReadAll(t.Context(), "dst"); err != nil || string(got) != "body" {
		t.Errorf("%q, %v", got, err)
	}
}

// What is wrong with the destination shows only in the work request.
func TestCopyThatFailsLater(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*objectstorage.CopyObjectRequest)
		code   gcerrors.ErrorCode
		says   string
	}{
		"no such bucket": {func(r *objectstorage.CopyObjectRequest) { r.DestinationBucket = common.String("none") }, gcerrors.NotFound, "BucketNotFound"},
		"object is there": {func(r *objectstorage.CopyObjectRequest) {
			r.DestinationObjectIfNoneMatchETag = common.String("*")
		}, gcerrors.FailedPrecondition, "IfNoneMatchFailed"},
	} {
		s, b := withOld(t, nil)
		if err := b.WriteAll(t.Context(), "dst", []byte("there"), nil); err != nil {
			t.Fatal(err)
		}
		err := b.Copy(t.Context(), "dst", "old", &blob.CopyOptions{BeforeCopy: func(as func(any) bool) error {
			var req *objectstorage.CopyObjectRequest
			if !as(&req) {
				return errors.New("no request")
			}
			c.change(req)
			return nil
		}})
		if gcerrors.Code(err) != c.code || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "FAILED") {
			t.Errorf("%s: %v", name, err)
		}
		if got, err := b.ReadAll(t.Context(), "dst"); err != nil || string(got) != "there" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		// Without a reason, the failure stands.
		s.intercept(func(w http.ResponseWriter, r *http.Request) bool {
			return strings.HasSuffix(r.URL.Path, "/errors") && answer(w, http.StatusForbidden, "NotAuthorized")
		})
		err = b.Copy(t.Context(), "dst", "old", &blob.CopyOptions{BeforeCopy: func(as func(any) bool) error {
			var req *objectstorage.CopyObjectRequest
			_ = as(&req)
			c.change(req)
			return nil
		}})
		if err == nil || !strings.Contains(err.Error(), "FAILED") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCopyIntoAnotherBucket(t *testing.T) {
	s, b := withOld(t, nil)
	if _, err := s.store.CreateBucket("other", nil); err != nil {
		t.Fatal(err)
	}
	err := b.Copy(t.Context(), "dst", "old", &blob.CopyOptions{BeforeCopy: func(as func(any) bool) error {
		var req *objectstorage.CopyObjectRequest
		if !as(&req) {
			return errors.New("no request")
		}
		req.DestinationBucket = common.String("other")
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if o, err := s.store.Stat("other", "dst", nil); err != nil || o.Size != 8 {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestCancelledCopyIsCancelledAtTheService(t *testing.T) {
	clock := clockwork.NewFakeClock()
	s := serve(t, serviceOptions{clock: clock, copyDelay: time.Hour})
	b := s.open(t, &Options{Clock: clock})
	if err := b.WriteAll(t.Context(), "old", []byte("old body"), nil); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Copy(ctx, "dst", "old", nil) }()
	if err := clock.BlockUntilContext(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	clock.Advance(2 * time.Hour)
	if there, err := b.Exists(t.Context(), "dst"); there || err != nil {
		t.Errorf("the copy went on: %v, %v", there, err)
	}
	if n := s.requests(http.MethodDelete); n != 1 {
		t.Errorf("%d cancellations", n)
	}
}

func TestCopyNeedsARegion(t *testing.T) {
	s := serve(t, serviceOptions{})
	d, err := openBucket(s.client(t, key()), namespace, bucketName, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d.o.Region != region {
		t.Errorf("the client's region is %q here", d.o.Region)
	}
	d.o.Region = ""
	if err := blob.NewBucket(d).Copy(t.Context(), "a", "b", nil); err == nil || !strings.Contains(err.Error(), "Options.Region") {
		t.Errorf("got %v", err)
	}
	elsewhere := s.open(t, &Options{Region: "us-ashburn-1"})
	if err := elsewhere.WriteAll(t.Context(), "b", nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := elsewhere.Copy(t.Context(), "a", "b", nil); gcerrors.Code(err) != gcerrors.InvalidArgument {
		t.Errorf("another region: %v", err)
	}
}
