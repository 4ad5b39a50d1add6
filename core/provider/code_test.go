package provider_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crossbatch/crossbatch/core/provider"
)

// Numbers, names and policies of the codes are read by other programs and by
// later versions: this table may grow and never change.
var golden = []struct {
	code   provider.Code
	number int
	name   string
	resend bool
	retry  bool
}{
	{provider.OK, 0, "ok", false, false},
	{provider.Invalid, 1, "invalid", false, false},
	{provider.NotFound, 2, "not_found", false, false},
	{provider.AlreadyExists, 3, "already_exists", false, false},
	{provider.Unauthenticated, 4, "unauthenticated", false, false},
	{provider.PermissionDenied, 5, "permission_denied", false, false},
	{provider.QuotaExceeded, 6, "quota_exceeded", false, false},
	{provider.NoCapacity, 7, "no_capacity", false, true},
	{provider.Throttled, 8, "throttled", true, true},
	{provider.Unavailable, 9, "unavailable", true, true},
	{provider.Timeout, 10, "timeout", false, true},
	{provider.Canceled, 11, "cancelled", false, false},
	{provider.ModelError, 12, "model_error", false, false},
	{provider.DataError, 13, "data_error", false, false},
	{provider.Unsupported, 14, "unsupported", false, false},
	{provider.Conflict, 15, "conflict", false, false},
	{provider.Internal, 16, "internal", false, true},
}

func TestCodesAreAsPinned(t *testing.T) {
	var all []provider.Code
	for _, g := range golden {
		if int(g.code) != g.number || g.code.String() != g.name || g.code.Error() != g.name {
			t.Errorf("%d is %q (error %q), want %d %q", int(g.code), g.code.String(), g.code.Error(), g.number, g.name)
		}
		if g.code.Resend() != g.resend || g.code.Retry() != g.retry {
			t.Errorf("%s: resend %t, retry %t", g.name, g.code.Resend(), g.code.Retry())
		}
		if g.code != provider.OK {
			all = append(all, g.code)
		}
	}
	if diff := cmp.Diff(all, provider.Codes()); diff != "" {
		t.Errorf("Codes (-pinned +got):\n%s", diff)
	}
}

func TestCodesRoundTripAsText(t *testing.T) {
	for _, g := range golden {
		raw, err := json.Marshal(map[string]provider.Code{"code": g.code})
		if want := `{"code":"` + g.name + `"}`; err != nil || string(raw) != want {
			t.Errorf("%s is written %s, %v", g.name, raw, err)
		}
		var back map[string]provider.Code
		if err := json.Unmarshal(raw, &back); err != nil || back["code"] != g.code {
			t.Errorf("%s is read as %v, %v", raw, back, err)
		}
	}
}

func TestCodesRefuseWhatIsNone(t *testing.T) {
	for _, text := range []string{"", "OK", "Internal", "canceled", "code(3)", "3", " ok"} {
		c := provider.Conflict
		if err := c.UnmarshalText([]byte(text)); err == nil || c != provider.Conflict {
			t.Errorf("%q is read as %v, %v", text, c, err)
		}
	}
	for _, c := range []provider.Code{-1, 17, 99} {
		if text, err := c.MarshalText(); err == nil {
			t.Errorf("code %d is written %q, which nobody reads", int(c), text)
		}
		if got, want := c.String(), fmt.Sprintf("code(%d)", int(c)); got != want {
			t.Errorf("String gives %q, want %q", got, want)
		}
	}
}

func TestErrorsMatchTheirCode(t *testing.T) {
	for _, g := range golden[1:] {
		for name, err := range map[string]error{
			"bare":    g.code,
			"error":   &provider.Error{Code: g.code},
			"wrapped": fmt.Errorf("sending: %w", provider.Errorf(g.code, "no")),
			"joined":  errors.Join(fs.ErrClosed, provider.Errorf(g.code, "no")),
			"cause":   fmt.Errorf("sending: %w", g.code),
		} {
			if got := provider.CodeOf(err); got != g.code {
				t.Errorf("%s %s has the code %s", name, g.name, got)
			}
			for _, other := range golden {
				if errors.Is(err, other.code) != (other.code == g.code) {
					t.Errorf("%s: Is(%s, %s) = %t", name, g.name, other.name, other.code != g.code)
				}
			}
		}
	}
}

func TestCodeOf(t *testing.T) {
	inner := provider.Errorf(provider.NotFound, "no such job")
	for name, tt := range map[string]struct {
		err  error
		want provider.Code
	}{
		"nil":                     {nil, provider.OK},
		"no code":                 {errors.New("x"), provider.Internal},
		"closed":                  {provider.ErrClosed, provider.Internal},
		"the outermost":           {&provider.Error{Code: provider.Conflict, Err: inner}, provider.Conflict},
		"the cause's":             {&provider.Error{Err: inner}, provider.NotFound},
		"an error without a code": {&provider.Error{Message: "x"}, provider.Internal},
		"ok as an error":          {provider.OK, provider.Internal},
	} {
		if got := provider.CodeOf(tt.err); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

func TestErrorsKeepTheirCause(t *testing.T) {
	err := provider.Errorf(provider.DataError, "reading %s: %w", "a", fs.ErrNotExist)
	if !errors.Is(err, fs.ErrNotExist) || err.Error() != "reading a: "+fs.ErrNotExist.Error() {
		t.Errorf("%v", err)
	}
	err = provider.Errorf(provider.DataError, "%w and %w", fs.ErrNotExist, fs.ErrClosed)
	if !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, fs.ErrClosed) {
		t.Errorf("two causes: %v", err)
	}
	if err = provider.Errorf(provider.Invalid, "plain"); err.Err != nil {
		t.Errorf("a cause out of nothing: %v", err.Err)
	}
	var found *provider.Error
	wrapped := fmt.Errorf("run: %w", &provider.Error{Code: provider.Throttled, RetryAfter: time.Minute})
	if !errors.As(wrapped, &found) || found.RetryAfter != time.Minute {
		t.Errorf("%v lost its details", wrapped)
	}
	// Matching goes down to causes, classifying stops at the first code.
	outer := &provider.Error{Code: provider.Unavailable, Err: provider.NotFound}
	if !errors.Is(outer, provider.NotFound) || provider.CodeOf(outer) != provider.Unavailable {
		t.Errorf("%v: %s", outer, provider.CodeOf(outer))
	}
}

func TestErrorsSayWhatIsKnown(t *testing.T) {
	for want, err := range map[string]*provider.Error{
		"not_found":                         {Code: provider.NotFound},
		"the cause":                         {Err: errors.New("the cause")},
		"words":                             {Message: "words", Err: errors.New("the cause")},
		"send: words":                       {Op: "send", Message: "words"},
		"local.default: words":              {Provider: "local.default", Message: "words"},
		"local.default send: words; do it":  {Provider: "local.default", Op: "send", Message: "words", Hint: "do it"},
		"local.default list: throttled; no": {Code: provider.Throttled, Provider: "local.default", Op: "list", Hint: "no"},
	} {
		if err.Error() != want {
			t.Errorf("%q, want %q", err.Error(), want)
		}
	}
}
