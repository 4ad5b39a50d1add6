package broker

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/crossbatch/crossbatch/core/provider"
)

// substitute puts the values that are known late, those that the service chose
// for what earlier requests made, in place of {"$ref":"REQUEST.OUTPUT"} in a
// request's body, and of ${REQUEST.OUTPUT} as a whole target. Nothing else of a
// request changes between plan and call.
func substitute(q provider.Request, a *attempt) (provider.Request, error) {
	known := func(ref string) (string, error) {
		request, output, _ := strings.Cut(ref, ".")
		if a != nil {
			for _, made := range []map[string]provider.Native{a.bound, a.started} {
				if v, ok := made[request].Outputs[output]; ok {
					return v, nil
				}
			}
		}
		return "", fmt.Errorf("request %q refers to %q, which no earlier request answered", q.ID, ref)
	}
	if ref, ok := strings.CutPrefix(q.Target, "${"); ok && strings.HasSuffix(ref, "}") {
		v, err := known(strings.TrimSuffix(ref, "}"))
		if err != nil {
			return q, err
		}
		q.Target = v
	}
	if !bytes.Contains(q.Body, []byte(`"$ref"`)) {
		return q, nil
	}
	d := json.NewDecoder(bytes.NewReader(q.Body))
	d.UseNumber()
	var tree any
	if err := d.Decode(&tree); err != nil {
		return q, fmt.Errorf("request %q: %w", q.ID, err)
	}
	tree, err := replaceRefs(tree, known)
	if err != nil {
		return q, err
	}
	q.Body, err = provider.Canonical(tree)
	return q, err
}

func replaceRefs(v any, known func(string) (string, error)) (any, error) {
	var err error
	switch v := v.(type) {
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok && len(v) == 1 {
			return known(ref)
		}
		for k := range v {
			if v[k], err = replaceRefs(v[k], known); err != nil {
				return nil, err
			}
		}
	case []any:
		for i := range v {
			if v[i], err = replaceRefs(v[i], known); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}
