package job

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSpread(t *testing.T) {
	nan, fail := Null{Policy: NullNaN}, NullFail
	in := Input{Tensors: []Tensor{
		{Input: "a", Field: "p.y", Null: Null{Policy: fail, Fields: map[string]Null{"p.y": nan}}},
		{Input: "b", Field: "p.z"},
		{Input: "c", Field: "none"},
		{Input: "d", Fields: []string{"p.y"}},
	}}
	before := fmt.Sprintf("%+v", in)
	got := in.Spread([]string{"key", "p.y_1", "p.y_0", "p.y_3", "p.z", "p.z_0"})
	want := []Tensor{
		{Input: "a", Fields: []string{"p.y_0", "p.y_1"}, Null: Null{Policy: fail, Fields: map[string]Null{"p.y_0": nan, "p.y_1": nan}}},
		in.Tensors[1], in.Tensors[2], in.Tensors[3],
	}
	if diff := cmp.Diff(want, got.Tensors); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if after := fmt.Sprintf("%+v", in); after != before {
		t.Errorf("it changed what it was given: %s, was %s", after, before)
	}
	if again := got.Spread([]string{"p.y_0"}); !cmp.Equal(again.Tensors, got.Tensors) {
		t.Errorf("again: %+v", again)
	}
}
