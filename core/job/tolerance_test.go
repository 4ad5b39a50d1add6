package job

import "testing"

func TestParseTolerance(t *testing.T) {
	for in, want := range map[string]Tolerance{
		"0":    {},
		"100":  {Count: 100},
		"1%":   {Percent: 1, IsPercent: true},
		"0.5%": {Percent: 0.5, IsPercent: true},
		"0%":   {IsPercent: true},
		"100%": {Percent: 100, IsPercent: true},
	} {
		got, err := ParseTolerance(in)
		if err != nil || got != want {
			t.Errorf("ParseTolerance(%q) = %+v, %v; want %+v", in, got, err, want)
		}
		if got.String() != in {
			t.Errorf("%q is written as %q", in, got.String())
		}
	}
	for _, in := range []string{"", "-1", "1.5", "x", "101%", "-1%", "NaN%", "%", "1e3", "Inf%"} {
		if got, err := ParseTolerance(in); err == nil {
			t.Errorf("ParseTolerance(%q) = %+v, want an error", in, got)
		}
	}
}

func TestToleranceJudges(t *testing.T) {
	for _, c := range []struct {
		tolerance        string
		failed, in       int64
		allows, exceeded bool
	}{
		{"0", 0, 10, true, false},
		{"0", 1, 10, false, true},
		{"3", 3, 10, true, false},
		{"3", 4, 10, false, true},
		{"1%", 1, 100, true, false},
		{"1%", 2, 100, false, false}, // more records may follow
		{"1%", 1, 99, false, false},
		{"0%", 1, 1000, false, false},
		{"100%", 5, 5, true, false},
	} {
		tol, err := ParseTolerance(c.tolerance)
		if err != nil {
			t.Fatal(err)
		}
		if got := tol.Allows(c.failed, c.in); got != c.allows {
			t.Errorf("%s allows %d of %d: %v, want %v", c.tolerance, c.failed, c.in, got, c.allows)
		}
		if got := tol.ExceededBy(c.failed); got != c.exceeded {
			t.Errorf("%s exceeded by %d: %v, want %v", c.tolerance, c.failed, got, c.exceeded)
		}
	}
}
