package provider

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Canonical encodes a value as canonical JSON: members sorted by name, no
// spaces, numbers as they stand, no HTML escapes. Equal values give equal bytes.
func Canonical(v any) (json.RawMessage, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encoding: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber() // 64-bit integers keep all digits
	var tree any  // encoding/json writes maps sorted by key
	if err := d.Decode(&tree); err != nil {
		return nil, fmt.Errorf("encoding: %w", err)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(tree); err != nil {
		return nil, fmt.Errorf("encoding: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Same says whether two values are equal as canonical JSON.
func Same[T any](a, b T) (bool, error) {
	x, err := Canonical(a)
	if err != nil {
		return false, err
	}
	y, err := Canonical(b)
	return bytes.Equal(x, y), err
}
