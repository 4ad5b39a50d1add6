package record_test

import (
	"errors"
	"testing"

	"github.com/crossbatch/crossbatch/core/record"
)

// show writes a value so that tables can name its kind and text at once.
func show(v record.Value) string {
	switch v.Kind {
	case record.Missing, record.Null:
		return v.Kind.String()
	}
	return v.Kind.String() + " " + string(v.Raw)
}

func shown(values []record.Value) []string {
	var s []string
	for _, v := range values {
		s = append(s, show(v))
	}
	return s
}

func codeOf(err error) record.Code {
	var f *record.Failure
	if errors.As(err, &f) {
		return f.Code
	}
	return ""
}

// wantCode checks a Decode's result; "" wants success.
func wantCode(t *testing.T, fail *record.Failure, want record.Code) {
	t.Helper()
	switch {
	case fail == nil && want != "":
		t.Errorf("no failure, want %s", want)
	case fail != nil && fail.Code != want:
		t.Errorf("failure %v, want code %q", fail, want)
	case fail != nil && fail.Message == "":
		t.Errorf("failure %s says nothing", fail.Code)
	}
}
