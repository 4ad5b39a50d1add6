package predict

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"
)

func TestRewrite(t *testing.T) {
	for text, want := range map[string]string{
		`{"b":1.50,"a":[1e-7,100000000000000000000.0,1e15,1E16,-0.0,-0,12345678901234567890]}`: `{"b": 1.5, "a": [1e-07, 1e+20, 1000000000000000.0, 1e+16, -0.0, 0, 12345678901234567890]}`,
		`{"a":1,"b":null,"a":true}`:      `{"a": true, "b": null}`,
		`"\u00e9é😀\u007f\/\b\""`:         `"\u00e9\u00e9\ud83d\ude00\u007f/\b\""`,
		` [ ] `:                          `[]`,
		`{}`:                             `{}`,
		`1e400`:                          `Infinity`,
		`0.0001`:                         `0.0001`,
		`0.00001`:                        `1e-05`,
		`{"a":`:                          `{"a":`,
		`1 2`:                            `1 2`,
		`0.1000000000000000055511151231`: `0.1`,
	} {
		if got := string(rewrite([]byte(text))); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// What is written anew is the same value, and stays as it is when it is written
// once more.
func TestRewriteKeepsValues(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		value := rapid.MapOf(rapid.String(), rapid.SliceOf(rapid.Float64().Filter(func(f float64) bool { return f != 0 }))).Draw(rt, "value")
		text, err := json.Marshal(value)
		if err != nil {
			rt.Fatal(err)
		}
		once := rewrite(text)
		again, err := json.Marshal(json.RawMessage(rewrite(once)))
		if err != nil {
			rt.Fatal(err)
		}
		var got map[string][]float64
		if err := json.Unmarshal(again, &got); err != nil || string(rewrite(once)) != string(once) {
			rt.Fatalf("%s, %s", once, again)
		}
		back, _ := json.Marshal(got)
		if string(back) != string(text) {
			rt.Fatalf("%s became %s", text, back)
		}
	})
}
