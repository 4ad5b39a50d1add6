package sagemaker

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"

	"github.com/crossbatch/crossbatch/core/provider"
)

// encode writes an input of the SDK as the SDK sends it: members by their names in
// the service's model, which the SDK's fields have too, without those that are not
// set; as canonical JSON.
func encode(input any) (json.RawMessage, error) {
	return provider.Canonical(members(reflect.ValueOf(input)))
}

// members is the tree of what is set in a value.
func members(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer:
		return members(v.Elem())
	case reflect.Struct:
		out := map[string]any{}
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && !v.Field(i).IsZero() {
				out[f.Name] = members(v.Field(i))
			}
		}
		return out
	case reflect.Slice:
		out := make([]any, v.Len())
		for i := range out {
			out[i] = members(v.Index(i))
		}
		return out
	}
	return v.Interface() // maps of strings, and scalars
}

// decode reads a body into an input of the SDK. One that would not be sent as it
// stands is provider.Invalid: no Translate made it.
func decode(body json.RawMessage, input any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(input); err != nil {
		return provider.Errorf(provider.Invalid, "the request cannot be read: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return provider.Errorf(provider.Invalid, "the request has more text behind it")
	}
	if again, err := encode(input); err != nil || !bytes.Equal(again, body) {
		return provider.Errorf(provider.Invalid, "the request would not be sent as it stands")
	}
	return nil
}

// covers says whether what a service describes has all that a request asked for.
// Members that were not asked for are defaults. Maps are the user's, and equal.
func covers(described, asked reflect.Value) bool {
	if asked.IsZero() {
		return asked.Kind() != reflect.Map || described.Len() == 0
	}
	switch asked.Kind() {
	case reflect.Pointer:
		return !described.IsNil() && covers(described.Elem(), asked.Elem())
	case reflect.Struct:
		for i := range asked.NumField() {
			if asked.Type().Field(i).IsExported() && !covers(described.Field(i), asked.Field(i)) {
				return false
			}
		}
		return true
	case reflect.Slice:
		if described.Len() != asked.Len() {
			return false
		}
		for i := range asked.Len() {
			if !covers(described.Index(i), asked.Index(i)) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(described.Interface(), asked.Interface())
}
