package modelserver

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/record"
)

// FuzzInstances holds the reader of instances against encoding/json: where that
// finds one list of instances, the same elements come out, as they are written.
func FuzzInstances(f *testing.F) {
	for _, s := range []string{
		`{"instances":[]}`, ` {"a":{"b":[1,"]"]},"instances":[{"x":1.0},[2], "s\"]\\" ,null,-1e5]}`, `{"instances":[1,]}`, `{"instances":[{]}]}`,
		`{"instances":["`, `{"instances":[1],"instances":[2]}`, `{"inst\u0061nces":[1]}`, `{"instances":[[[[`, "{\"instances\":[\xff,tru,{\"a\":}]}", `{`, ``,
	} {
		f.Add([]byte(s), 3)
	}
	f.Fuzz(func(t *testing.T, body []byte, each int) {
		before := bytes.Clone(body)
		list, err := parseInstances(body)
		var want struct {
			Instances []json.RawMessage `json:"instances"`
		}
		members := map[string]json.RawMessage{}
		sound := json.Unmarshal(body, &members) == nil && json.Unmarshal(body, &want) == nil && want.Instances != nil &&
			bytes.Count(body, []byte("nstances")) == 1 && members["instances"] != nil && !bytes.Contains(body, []byte(`\u`))
		if err != nil {
			if sound {
				t.Fatalf("%s: %v", body, err)
			}
			return
		}
		lim := record.Limits{Records: 1 + each&7, Bytes: 100, Record: 50}
		in, row := list.blocks(lim), int64(0)
		var b record.Block
		var got [][]byte
		for in.Next(&b) == nil {
			if b.First != row || len(b.Records) == 0 || len(b.Records) > lim.Records {
				t.Fatalf("%s: a block of %d records from %d, want %d", body, len(b.Records), b.First, row)
			}
			for _, s := range b.Records {
				if (s.Failure != nil) != (s.End-s.Start > lim.Record) || s.End <= s.Start {
					t.Fatalf("%s: %+v", body, s)
				}
				got = append(got, b.Data[s.Start:s.End])
			}
			row += int64(len(b.Records))
		}
		if !bytes.Equal(body, before) {
			t.Fatal("the body was changed")
		}
		if !sound {
			return
		}
		if len(got) != len(want.Instances) {
			t.Fatalf("%s: %d instances, want %d", body, len(got), len(want.Instances))
		}
		for i := range got {
			if !bytes.Equal(got[i], want.Instances[i]) {
				t.Fatalf("%s: %s, want %s", body, got[i], want.Instances[i])
			}
		}
	})
}

func TestInstancesInPiecesHoldAllRecords(t *testing.T) {
	body := []byte(`{"instances":[` + strings.Repeat(`{"x":[1,2,3]},`, 9999) + `{"x":[1,2,3]}]}`)
	list, err := parseInstances(body)
	if err != nil {
		t.Fatal(err)
	}
	in, blocks, n := list.blocks(record.Limits{Records: 256, Bytes: 1000, Record: 100}), 0, 0
	var b record.Block
	for ; in.Next(&b) == nil; blocks++ {
		n += len(b.Records)
	}
	if n != 10_000 || blocks < 100 {
		t.Errorf("%d records in %d blocks", n, blocks)
	}
}
