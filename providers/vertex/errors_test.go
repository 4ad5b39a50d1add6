package vertex

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/storage"
)

func TestCodes(t *testing.T) {
	b := backendOf(t, plainConfig())
	for _, c := range []struct {
		err  error
		want provider.Code
	}{
		{nil, provider.OK},
		{status.Error(codes.InvalidArgument, "x"), provider.Invalid},
		{status.Error(codes.FailedPrecondition, "x"), provider.Invalid},
		{status.Error(codes.NotFound, "x"), provider.NotFound},
		{status.Error(codes.AlreadyExists, "x"), provider.AlreadyExists},
		{status.Error(codes.Aborted, "x"), provider.Conflict},
		{status.Error(codes.Unauthenticated, "x"), provider.Unauthenticated},
		{status.Error(codes.PermissionDenied, "x"), provider.PermissionDenied},
		{status.Error(codes.ResourceExhausted, "Quota exceeded for quota metric 'Job or LRO submission requests' and limit 'Job or LRO submission requests per minute per region'"), provider.Throttled},
		{status.Error(codes.ResourceExhausted, "Quota exhausted. Please reach out to ai-platform-unified-feedback@google.com for batch prediction quota increase."), provider.QuotaExceeded},
		{status.Error(codes.Unavailable, "x"), provider.Unavailable},
		{status.Error(codes.Internal, "x"), provider.Unavailable},
		{status.Error(codes.Unimplemented, "x"), provider.Unsupported},
		{status.Error(codes.Unknown, "x"), provider.Internal},
		{fmt.Errorf("wrapped: %w", status.Error(codes.NotFound, "x")), provider.NotFound},
		{context.Canceled, provider.Canceled},
		{context.DeadlineExceeded, provider.Timeout},
		{storage.ErrNotFound, provider.NotFound},
		{storage.ErrUnreachable, provider.Unavailable},
		{provider.ErrClosed, provider.CodeOf(provider.ErrClosed)},
		{errors.New("x"), provider.Internal},
	} {
		if got := b.Code(c.err); got != c.want {
			t.Errorf("%v: %s, want %s", c.err, got, c.want)
		}
	}
}

func TestReasons(t *testing.T) {
	for _, c := range []struct {
		code codes.Code
		text string
		want provider.Code
	}{
		{codes.Internal, "INTERNAL", provider.Internal},
		{codes.InvalidArgument, "Failed to read the input", provider.DataError},
		{codes.Unknown, "Error: model server never became ready. Please validate that your model file or container configuration are valid.", provider.ModelError},
		{codes.ResourceExhausted, "Quota exhausted. Please reach out to …", provider.QuotaExceeded},
		{codes.ResourceExhausted, "There are not enough resources in the zone", provider.NoCapacity},
		{codes.PermissionDenied, "storage.objects.get", provider.PermissionDenied},
		{codes.Unavailable, "", provider.Internal},
		{codes.OK, "", provider.Internal},
	} {
		if got := reasonCode(c.code, c.text); got != c.want {
			t.Errorf("%s %q: %s, want %s", c.code, c.text, got, c.want)
		}
	}
}

func TestFailed(t *testing.T) {
	b := backendOf(t, plainConfig())
	err := b.failed("listing", status.Error(codes.Unauthenticated, "the token hunter2 is expired"))
	if provider.CodeOf(err) != provider.Unauthenticated || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v", err)
	}
	s, serr := status.New(codes.Unavailable, "busy").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(7 * time.Second)})
	if serr != nil {
		t.Fatal(serr)
	}
	var e *provider.Error
	if err := b.failed("listing", s.Err()); !errors.As(err, &e) || e.RetryAfter != 7*time.Second || e.Code != provider.Unavailable {
		t.Errorf("%v", err)
	}
	if err := b.failedIn(t.Context(), "listing", context.DeadlineExceeded); provider.CodeOf(err) != provider.Unavailable {
		t.Errorf("a service that does not answer: %v", err)
	}
	if err := b.failedIn(t.Context(), "listing", status.Error(codes.DeadlineExceeded, "x")); provider.CodeOf(err) != provider.Unavailable {
		t.Errorf("a service that does not answer: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.failedIn(gone, "listing", status.Error(codes.Canceled, "x")); !errors.Is(err, context.Canceled) {
		t.Errorf("who is gone: %v", err)
	}
}

func TestNoCredentials(t *testing.T) {
	err := noCredentials(t.Context(), errors.New("credentials: could not find default credentials in /home/x with key hunter2"))
	if provider.CodeOf(err) != provider.Unauthenticated || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v", err)
	}
	if err := noCredentials(t.Context(), errors.New("bad option")); provider.CodeOf(err) != provider.Invalid {
		t.Errorf("%v", err)
	}
}
