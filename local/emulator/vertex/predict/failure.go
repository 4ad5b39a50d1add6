package predict

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"
	"google.golang.org/grpc/codes"
)

// Failure is why a job failed as a whole.
type Failure struct {
	Code    codes.Code
	Message string
}

// Error implements error.
func (f *Failure) Error() string { return f.Message }

func failf(code codes.Code, format string, args ...any) *Failure {
	return &Failure{code, fmt.Sprintf(format, args...)}
}

// errNeverReady is what the service says of a server that it gave up.
var errNeverReady = failf(codes.FailedPrecondition, "Error: model server never became ready. Please validate that your model file or container configuration are valid.")

// asFailure tells what Cloud Storage refused from what went wrong here.
func asFailure(err error) *Failure {
	var f *Failure
	if errors.As(err, &f) {
		return f
	}
	var api *googleapi.Error
	switch {
	case errors.Is(err, storage.ErrBucketNotExist), errors.Is(err, storage.ErrObjectNotExist):
		return failf(codes.NotFound, "%v", err)
	case errors.As(err, &api) && api.Code == http.StatusNotFound:
		return failf(codes.NotFound, "%s", api.Message)
	case errors.As(err, &api) && api.Code == http.StatusForbidden:
		return failf(codes.PermissionDenied, "%s", api.Message)
	}
	return failf(codes.Internal, "%v", err)
}

// cancelled is the cause that a context was cancelled with, or nil.
func cancelled(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// stat is a line of the errors_stats file: a tuple as Python writes it.
func stat(message string, count int) string {
	return fmt.Sprintf("(%s, %d)\n", quote(message), count)
}

// quote writes a text as Python's repr does.
func quote(text string) string {
	mark := `'`
	if strings.Contains(text, `'`) && !strings.Contains(text, `"`) {
		mark = `"`
	}
	var out strings.Builder
	out.WriteString(mark)
	for _, c := range strings.ToValidUTF8(text, "\uFFFD") {
		switch {
		case string(c) == mark, c == '\\':
			out.WriteByte('\\')
			out.WriteRune(c)
		case c == '\n':
			out.WriteString(`\n`)
		case c == '\r':
			out.WriteString(`\r`)
		case c == '\t':
			out.WriteString(`\t`)
		case c < 0x20 || c >= 0x7f && c < 0xa0:
			fmt.Fprintf(&out, `\x%02x`, c)
		default:
			out.WriteRune(c)
		}
	}
	out.WriteString(mark)
	return out.String()
}
