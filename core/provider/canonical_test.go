package provider_test

import (
	"encoding/json"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/crossbatch/crossbatch/core/provider"
)

func TestCanonical(t *testing.T) {
	type inner struct {
		Z int    `json:"z"`
		A string `json:"a"`
	}
	for name, tt := range map[string]struct {
		in   any
		want string
	}{
		"members of structs": {inner{1, "x"}, `{"a":"x","z":1}`},
		"members of maps":    {map[string]any{"b": 1, "a": inner{}, "B": nil}, `{"B":null,"a":{"a":"","z":0},"b":1}`},
		"raw members":        {json.RawMessage("{\"b\" : [1,\n 2],\t\"a\":{}}"), `{"a":{},"b":[1,2]}`},
		"order of elements":  {[]string{"b", "a"}, `["b","a"]`},
		"big integers":       {[]any{int64(math.MaxInt64), uint64(math.MaxUint64), json.RawMessage("123456789012345678901234567890")}, `[9223372036854775807,18446744073709551615,123456789012345678901234567890]`},
		"numbers as written": {json.RawMessage(`[1.0,1e2,0.10]`), `[1.0,1e2,0.10]`},
		"no HTML escapes":    {map[string]string{"<a&b>": "<c&d>"}, `{"<a&b>":"<c&d>"}`},
		"escapes undone":     {json.RawMessage(`"\u003c\u00e9\/"`), `"<é/"`},
		"nil":                {nil, `null`},
	} {
		got, err := provider.Canonical(tt.in)
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: %s, %v; want %s", name, got, err, tt.want)
		}
	}
}

func TestCanonicalRefusesWhatIsNoJSON(t *testing.T) {
	for name, v := range map[string]any{
		"a function": func() {},
		"NaN":        math.NaN(),
		"broken raw": json.RawMessage(`{"a":`),
	} {
		if got, err := provider.Canonical(v); err == nil {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestCanonicalIsDeterministic(t *testing.T) {
	leaf := rapid.OneOf(
		rapid.Just[any](nil), rapid.Bool().AsAny(), rapid.Int64().AsAny(), rapid.Uint64().AsAny(),
		rapid.Float64().AsAny(), rapid.String().AsAny(),
	)
	tree := rapid.Map(rapid.MapOf(rapid.String(), rapid.OneOf(leaf, rapid.SliceOf(leaf).AsAny(), rapid.MapOf(rapid.String(), leaf).AsAny())),
		func(m map[string]any) any { return m })
	rapid.Check(t, func(t *rapid.T) {
		v := tree.Draw(t, "tree")
		one, err := provider.Canonical(v)
		if err != nil {
			t.Fatal(err)
		}
		two, err := provider.Canonical(one)
		if err != nil || string(one) != string(two) {
			t.Fatalf("%s again: %s, %v", one, two, err)
		}
		plain, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		three, err := provider.Canonical(json.RawMessage(plain))
		if err != nil || string(one) != string(three) {
			t.Fatalf("%s from text: %s, %v", one, three, err)
		}
	})
}
