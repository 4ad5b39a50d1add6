package mapping_test

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/crossbatch/crossbatch/core/mapping"
)

func TestSplitAndJoin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.SampledFrom([]string{"a", "é", "語", "🙂", `{"key":["id"]}`}).Draw(t, "unit")
		text := strings.Repeat(unit, rapid.IntRange(0, 40<<10/len(unit)).Draw(t, "times"))
		all, err := mapping.Split([]byte(text))
		if errors.Is(err, mapping.ErrTooLarge) && len(text) > 4*10236 {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		for name, v := range all {
			if len(v) > 10240 || !strings.HasPrefix(name, mapping.VariablePrefix) || strings.ToValidUTF8(v, "?") != v {
				t.Fatalf("%s has %d bytes, or half a character", name, len(v))
			}
		}
		got, err := mapping.Join(func(name string) string { return all[name] })
		if err != nil || string(got) != text {
			t.Fatalf("%d bytes came back of %d, %v", len(got), len(text), err)
		}
	})
}

func TestSplitRefuses(t *testing.T) {
	if _, err := mapping.Split([]byte(strings.Repeat("x", 4*10240+1))); !errors.Is(err, mapping.ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
	if _, err := mapping.Split([]byte("\xff")); !errors.Is(err, mapping.ErrFormat) {
		t.Errorf("no UTF-8: %v", err)
	}
}

func TestJoinRefusesAGap(t *testing.T) {
	env := map[string]string{mapping.VariablePrefix + "0": "a", mapping.VariablePrefix + "2": "b"}
	_, err := mapping.Join(func(name string) string { return env[name] })
	if want := mapping.VariablePrefix + "1 is not"; !errors.Is(err, mapping.ErrFormat) || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
}

func TestIdentityOfLines(t *testing.T) {
	const line = `{"key":null,"prediction":{"y":[1]}}` + "\n"
	with := mapping.AppendIdentity([]byte("x"), []byte(line), 3, 17)
	if want := `x{"_cb":"3:17",` + line[1:]; string(with) != want {
		t.Fatalf("%s, want %s", with, want)
	}
	left, shard, row, ok := mapping.CutIdentity(with[1:])
	if string(left) != line || shard != 3 || row != 17 || !ok {
		t.Errorf("%s %d %d %t", left, shard, row, ok)
	}
	for _, other := range []string{line, "", `{"_cb":"3:17"}`, `{"_cb":"3:017","key":1}`, `{"_cb":"x","key":1}`, `{"_cb":"3:17`} {
		if left, _, _, ok := mapping.CutIdentity([]byte(other)); ok || string(left) != other {
			t.Errorf("%s: %s, %t", other, left, ok)
		}
	}
}
