package broker

import (
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/provider"
)

func TestLateValues(t *testing.T) {
	a := &attempt{bound: map[string]provider.Native{"endpoint": {Outputs: map[string]string{"scoring_uri": "https://x/<score>"}}}}
	got, err := substitute(provider.Request{
		ID: "start", Target: "${endpoint.scoring_uri}",
		Body: []byte(`{"n":12345678901234567890,"to":[{"$ref":"endpoint.scoring_uri"}],"x":{"$ref":"a","y":1}}`),
	}, a)
	if err != nil {
		t.Fatal(err)
	}
	if got.Target != "https://x/<score>" || string(got.Body) != `{"n":12345678901234567890,"to":["https://x/<score>"],"x":{"$ref":"a","y":1}}` {
		t.Errorf("%s %s", got.Target, got.Body)
	}
	for _, q := range []provider.Request{
		{ID: "start", Body: []byte(`{"$ref":"endpoint.other"}`)},
		{ID: "start", Body: []byte(`{"a":{"$ref":"job.id"}}`)},
		{ID: "start", Target: "${job.id}", Body: []byte(`{}`)},
	} {
		if _, err := substitute(q, a); err == nil || !strings.Contains(err.Error(), "no earlier request answered") {
			t.Errorf("%s %s: %v", q.Target, q.Body, err)
		}
	}
	plain := provider.Request{Target: "/x", Body: []byte(`{ "b" : 1 }`)}
	if got, err := substitute(plain, nil); err != nil || string(got.Body) != string(plain.Body) {
		t.Errorf("a request without references changed: %s, %v", got.Body, err)
	}
}
