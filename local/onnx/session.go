package onnx

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/crossbatch/crossbatch/core/model"
)

// Model is the file to load, or its bytes. Folder is where external data of a
// model in Bytes lies.
type Model struct {
	Path   string
	Bytes  []byte
	Folder string
}

// Output is one output to fetch. Scalar must be set for outputs of rank 0, with
// their Type: the binding cannot allocate those by itself.
type Output struct {
	Name   string
	Scalar bool
	Type   model.ElemType
}

// Options of a session.
type Options struct {
	Device  Device
	Threads int // intra-op threads; results may differ in the last bits with any number but 1
}

// Session is a loaded model. Run may be called from many goroutines; Close may
// not be called while any of them runs.
type Session struct {
	s       *ort.DynamicAdvancedSession
	inputs  []string
	lowered map[string]bool // inputs that are scalars to the caller, [1] to the library
	outputs []Output
}

// NewSession loads a model. Names that the model does not have appear as errors
// at the first Run.
func (r *Runtime) NewSession(m Model, inputs []string, outputs []Output, o Options) (*Session, error) {
	if len(inputs) == 0 {
		return nil, errNoInputs
	}
	opts, err := ort.NewSessionOptions()
	if err != nil {
		return nil, fmt.Errorf("setting up a session: %w", err)
	}
	defer func() { _ = opts.Destroy() }()
	if err := opts.SetIntraOpNumThreads(max(o.Threads, 1)); err != nil {
		return nil, fmt.Errorf("setting up a session: %w", err)
	}
	if err := opts.SetInterOpNumThreads(1); err != nil {
		return nil, fmt.Errorf("setting up a session: %w", err)
	}
	if m.Folder != "" {
		if err := opts.AddSessionConfigEntry("session.model_external_initializers_file_folder_path", m.Folder); err != nil {
			return nil, fmt.Errorf("setting up a session: %w", err)
		}
	}
	if err := o.Device.use(opts); err != nil {
		return nil, err
	}
	names := make([]string, len(outputs))
	for i, out := range outputs {
		names[i] = out.Name
	}
	var s *ort.DynamicAdvancedSession
	lowered := map[string]bool{}
	if m.Bytes != nil {
		declared, _ := model.Inputs(m.Bytes) // bytes that are no model: the library says so
		for _, v := range declared {
			lowered[v.Name] = v.Ranked && len(v.Shape) == 1 && v.Shape[0].Size == 1
		}
		s, err = ort.NewDynamicAdvancedSessionWithONNXData(m.Bytes, inputs, names, opts)
	} else {
		s, err = ort.NewDynamicAdvancedSession(m.Path, inputs, names, opts)
	}
	if err != nil {
		return nil, fmt.Errorf("ONNX Runtime does not load the model on %s: %s", o.Device, oneLine(err))
	}
	return &Session{s: s, inputs: inputs, lowered: lowered, outputs: outputs}, nil
}

// Run runs the model once. inputs stand in the order that NewSession got, and
// so do the values that come back; these are the caller's.
func (s *Session) Run(inputs []Tensor) ([]Value, error) {
	in := make([]ort.Value, 0, len(inputs))
	defer func() {
		for _, v := range in {
			_ = v.Destroy()
		}
		runtime.KeepAlive(inputs)
	}()
	for i, t := range inputs {
		if len(t.Shape) == 0 && s.lowered[s.inputs[i]] {
			t.Shape = []int64{1}
		}
		v, err := t.toOrt()
		if err != nil {
			return nil, fmt.Errorf("model input %q: %w", s.inputs[i], err)
		}
		in = append(in, v)
	}
	out := make([]ort.Value, len(s.outputs))
	for i, o := range s.outputs {
		if o.Scalar && !model.Lifted(o.Name) {
			v, err := emptyScalar(o.Type)
			if err != nil {
				destroy(out)
				return nil, fmt.Errorf("model output %q: %w", o.Name, err)
			}
			out[i] = v
		}
	}
	if err := s.s.Run(in, out); err != nil {
		destroy(out)
		return nil, errors.New(oneLine(err))
	}
	values := make([]Value, len(out))
	for i := range out {
		v, err := fromOrt(out[i])
		if err != nil {
			destroy(out[i+1:])
			return nil, fmt.Errorf("model output %q: %w", s.outputs[i].Name, err)
		}
		if model.Lifted(s.outputs[i].Name) && v.Tensor != nil {
			v.Tensor.Shape = v.Tensor.Shape[1:]
		}
		values[i] = v
	}
	return values, nil
}

// oneLine is an error of the library, whose text may have many lines.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// Close frees the session.
func (s *Session) Close() error { return s.s.Destroy() }

// destroy frees what there is. After a failed conversion the binding leaves
// typed nil pointers behind, whose Destroy would panic.
func destroy(values []ort.Value) {
	for _, v := range values {
		if v != nil && !reflect.ValueOf(v).IsNil() {
			_ = v.Destroy()
		}
	}
}
