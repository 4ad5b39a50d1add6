package onnx

import (
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/model/modeltest"
)

func session(t testing.TB, b []byte, inputs []string, outputs ...Output) *Session {
	t.Helper()
	s, err := loadedRuntime(t).NewSession(Model{Bytes: b}, inputs, outputs, Options{Device: CPU(), Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// identity is y = Identity(x), of a type and a rank.
func identity(elem model.ElemType, rank int) []byte {
	dims := []any{"N", "M", "K"}[:rank]
	return modeltest.New().Input("x", elem, dims...).Output("y", elem, dims...).
		Node("Identity", []string{"x"}, []string{"y"}).Bytes()
}

var plainTypes = []model.ElemType{
	model.Float32, model.Float64, model.Int8, model.Int16, model.Int32, model.Int64,
	model.Uint8, model.Uint16, model.Uint32, model.Uint64, model.Bool,
}

// pattern fills a tensor with bytes that all differ, or with both booleans.
func pattern(x Tensor) Tensor {
	for i := range x.Data {
		x.Data[i] = byte(i + 1)
		if x.Type == model.Bool {
			x.Data[i] = byte(i % 2)
		}
	}
	return x
}

func TestRoundTrip(t *testing.T) {
	for _, elem := range plainTypes {
		for _, shape := range [][]int64{{2, 3}, {1}, {0}, {0, 3}, {}} {
			t.Run(fmt.Sprint(elem, shape), func(t *testing.T) {
				s := session(t, identity(elem, len(shape)), []string{"x"}, Output{Name: "y", Scalar: len(shape) == 0, Type: elem})
				x := pattern(NewTensor(elem, shape))
				got, err := s.Run([]Tensor{x})
				if err != nil {
					t.Fatal(err)
				}
				y := got[0].Tensor
				if y == nil || y.Type != elem || fmt.Sprint(y.Shape) != fmt.Sprint(shape) || string(y.Data) != string(x.Data) {
					t.Errorf("%v came back as %v", x, y)
				}
			})
		}
	}
}

func TestHalfInputs(t *testing.T) {
	for elem, one := range map[model.ElemType]uint16{model.Float16: 0x3e00, model.BFloat16: 0x3fc0} { // 1.5
		b := modeltest.New().Input("x", elem, "N").Output("y", model.Float32, "N").
			Node("Cast", []string{"x"}, []string{"y"}, modeltest.Int("to", int64(model.Float32))).Bytes()
		s := session(t, b, []string{"x"}, Output{Name: "y"})
		x := Tensor{Type: elem, Shape: []int64{1}, Data: []byte{byte(one), byte(one >> 8)}}
		got, err := s.Run([]Tensor{x})
		if err != nil {
			t.Fatal(err)
		}
		if d := got[0].Tensor.Data; math.Float32frombits(uint32(d[0])|uint32(d[1])<<8|uint32(d[2])<<16|uint32(d[3])<<24) != 1.5 {
			t.Errorf("%s: %x", elem, d)
		}
		if _, err := s.Run([]Tensor{{Type: elem, Data: x.Data}}); err == nil || !strings.Contains(err.Error(), "cannot make a scalar of type "+elem.String()) {
			t.Errorf("a scalar of %s: %v", elem, err)
		}
	}
}

func TestStrings(t *testing.T) {
	s := session(t, identity(model.String, 2), []string{"x"}, Output{Name: "y"})
	for _, want := range []Tensor{
		{Type: model.String, Shape: []int64{2, 2}, Strings: []string{"", "größe", "\u4e16\U0001f600", strings.Repeat("x", 100000)}},
		{Type: model.String, Shape: []int64{1, 2}, Strings: []string{"", ""}},
		{Type: model.String, Shape: []int64{0, 2}, Strings: []string{}},
	} {
		got, err := s.Run([]Tensor{want})
		if err != nil {
			t.Errorf("%v: %v", want.Shape, err)
			continue
		}
		if y := got[0].Tensor; !cmp.Equal(y.Strings, want.Strings) && len(want.Strings) > 0 || !cmp.Equal(y.Shape, want.Shape) {
			t.Errorf("%v: got %v", want.Shape, y.Shape)
		}
	}
	_, err := s.Run([]Tensor{{Type: model.String, Shape: []int64{1, 1}, Strings: []string{"a\x00b"}}})
	if err == nil || !strings.Contains(err.Error(), `model input "x": a string with a NUL character`) {
		t.Errorf("NUL: %v", err)
	}
	_, err = s.Run([]Tensor{{Type: model.String, Strings: []string{"a"}}})
	if err == nil || !strings.Contains(err.Error(), "cannot make a string scalar") {
		t.Errorf("scalar: %v", err)
	}
}

// zipMap answers the maps that a classifier of scikit-learn does.
func zipMap(label modeltest.Option, key model.ElemType) []byte {
	of := model.Value{Kind: model.Map, Key: key, Of: &model.Value{Kind: model.Tensor, Elem: model.Float32, Ranked: true}}
	return modeltest.New().Opset("ai.onnx.ml", 1).Input("x", model.Float32, "N", 2).
		OutputValue(model.Value{Name: "y", Kind: model.Sequence, Of: &of}).
		Node("ZipMap", []string{"x"}, []string{"y"}, label, modeltest.Domain("ai.onnx.ml")).Bytes()
}

func TestSequenceOfMaps(t *testing.T) {
	for _, test := range []struct {
		label modeltest.Option
		key   model.ElemType
		keys  string
	}{
		{modeltest.Ints("classlabels_int64s", 7, 9), model.Int64, "7 9"},
		{modeltest.Strings("classlabels_strings", "no", "yes"), model.String, "no yes"},
	} {
		s := session(t, zipMap(test.label, test.key), []string{"x"}, Output{Name: "y"})
		x := pattern(NewTensor(model.Float32, []int64{3, 2}))
		got, err := s.Run([]Tensor{x})
		if err != nil {
			t.Fatal(err)
		}
		if len(got[0].Sequence) != 3 {
			t.Fatalf("%+v", got[0])
		}
		for i, m := range got[0].Sequence {
			keys := strings.Join(m.Map[0].Strings, " ")
			if test.key == model.Int64 {
				keys = fmt.Sprint(m.Map[0].Data[0], " ", m.Map[0].Data[8])
			}
			if keys != test.keys || string(m.Map[1].Data) != string(x.Data[i*8:i*8+8]) {
				t.Errorf("map %d: %+v", i, m.Map)
			}
		}
	}
}

func TestSequenceOfTensors(t *testing.T) {
	b := modeltest.New().Input("x", model.Float32, "N", 2).
		OutputValue(model.Value{Name: "y", Kind: model.Sequence, Of: &model.Value{Kind: model.Tensor, Elem: model.Float32}}).
		Node("SplitToSequence", []string{"x"}, []string{"y"}, modeltest.Int("axis", 0)).Bytes()
	s := session(t, b, []string{"x"}, Output{Name: "y"})
	x := pattern(NewTensor(model.Float32, []int64{2, 2}))
	got, err := s.Run([]Tensor{x})
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	if len(got[0].Sequence) != 2 || string(got[0].Sequence[1].Tensor.Data) != string(x.Data[8:]) {
		t.Errorf("%+v", got[0])
	}
}

func TestRunFails(t *testing.T) {
	b := modeltest.New().Floats("table", []int64{2, 1}, []float32{10, 20}).
		Input("a", model.Int64, "N").Input("b", model.String, "N").Output("y", model.Float32, "N", 1).Output("z", model.String, "N").
		Node("Gather", []string{"table", "a"}, []string{"y"}).Node("Identity", []string{"b"}, []string{"z"}).Bytes()
	s := session(t, b, []string{"a", "b"}, Output{Name: "y"}, Output{Name: "z"})
	a, ok := NewTensor(model.Int64, []int64{1}), NewTensor(model.String, []int64{1})
	bad := Tensor{Type: model.Int64, Shape: []int64{1}, Data: Aligned(8)}
	bad.Data[0] = 9
	for range 50 { // an error in any place frees what was made before it
		for _, in := range [][]Tensor{
			{bad, ok},
			{a, {Type: model.String, Shape: []int64{1}, Strings: []string{"\x00"}}},
			{a, {Type: model.String, Shape: []int64{1, 1}, Strings: []string{""}}},
			{a, NewTensor(model.Float32, []int64{1})},
			{{Type: model.Int64, Shape: []int64{2}, Data: Aligned(8)}, ok},
			{a, {Type: model.String, Shape: []int64{2}, Strings: []string{""}}},
			{{Type: model.Int64, Shape: []int64{-1}, Data: Aligned(8)}, ok},
		} {
			if _, err := s.Run(in); err == nil || strings.Contains(err.Error(), "\n") {
				t.Fatalf("%v: %v", in, err)
			}
		}
		if got, err := s.Run([]Tensor{a, ok}); err != nil || len(got) != 2 {
			t.Fatal(err)
		}
	}
}

// One session serves many goroutines while the collector runs all the time: a
// tensor whose memory was let go of too early would answer something else.
func TestManyGoroutines(t *testing.T) {
	b := modeltest.New().Floats("w", []int64{1, 1}, []float32{2}).
		Input("x", model.Float32, "N", 1).Input("s", model.String, "N").Output("y", model.Float32, "N", 1).Output("z", model.String, "N").
		Node("MatMul", []string{"x", "w"}, []string{"y"}).Node("Identity", []string{"s"}, []string{"z"}).Bytes()
	s := session(t, b, []string{"x", "s"}, Output{Name: "y"}, Output{Name: "z"})
	done := make(chan struct{})
	var collector, workers sync.WaitGroup
	collector.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				runtime.GC()
			}
		}
	})
	for g := range 8 {
		workers.Go(func() {
			for i := range 60 {
				v := float32(g*1000 + i)
				x, text := NewTensor(model.Float32, []int64{64, 1}), NewTensor(model.String, []int64{64})
				for k := range 64 {
					bits := math.Float32bits(v)
					copy(x.Data[k*4:], []byte{byte(bits), byte(bits >> 8), byte(bits >> 16), byte(bits >> 24)})
					text.Strings[k] = fmt.Sprint(g, ":", i, ":", k)
				}
				got, err := s.Run([]Tensor{x, text})
				if err != nil {
					t.Error(err)
					return
				}
				bits := math.Float32bits(2 * v)
				for k := range 64 {
					if d := got[0].Tensor.Data[k*4:]; uint32(d[0])|uint32(d[1])<<8|uint32(d[2])<<16|uint32(d[3])<<24 != bits || got[1].Tensor.Strings[k] != text.Strings[k] {
						t.Errorf("goroutine %d, run %d, row %d: wrong answer", g, i, k)
						return
					}
				}
			}
		})
	}
	workers.Wait()
	close(done)
	collector.Wait()
}
