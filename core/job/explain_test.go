package job

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func basis() Basis { return Basis{Job: sample(), Model: "model", Shards: shards()} }

func TestExplain(t *testing.T) {
	container := func(image, artifact string) func(*Basis) {
		return func(b *Basis) {
			b.Job.Model.Artifact, b.Model = "", ""
			b.Job.Model.Container = &Container{Image: image, Artifact: artifact, ContentType: ContentCSV}
		}
	}
	registered := func(names map[string]string) func(*Basis) {
		return func(b *Basis) { b.Job.Model.Artifact, b.Model, b.Job.Model.Registered = "", "", names }
	}
	for name, c := range map[string]struct {
		was, now func(*Basis)
		want     []string
	}{
		"nothing": {want: nil},
		"what changes no result": {now: func(b *Basis) {
			b.Job.Labels, b.Job.Compute.CPUs, b.Job.Input.Source = nil, 8, []string{"/data/*.csv"}
		}},
		"the model":                    {now: func(b *Basis) { b.Model = "other" }, want: []string{"model digest changed"}},
		"an image":                     {was: container("r/x@sha256:01", "a"), now: container("r/x@sha256:02", "a"), want: []string{"container image changed"}},
		"a registry of the same image": {was: container("r/x@sha256:01", "a"), now: container("q/y@sha256:01", "a")},
		"what a container is given": {
			was: container("r/x@sha256:01", "a"), now: container("r/x@sha256:01", "b"), want: []string{"container.artifact changed"},
		},
		"a container for a file": {now: container("r/x@sha256:01", ""), want: []string{"the model was an ONNX file, and is a container"}},
		"a registered model": {
			was: registered(map[string]string{"vertex": "1", "oci": "o"}), now: registered(map[string]string{"vertex": "2", "azureml": "e/d"}),
			want: []string{"registered.azureml added", "registered.oci removed", "registered.vertex changed"},
		},
		"two shards of sixteen": {
			was: func(b *Basis) { b.Shards = many(16, 0) }, now: func(b *Basis) { b.Shards = many(16, 2) },
			want: []string{"input: 2 shards changed, 14 same"},
		},
		"one more, one less": {
			was: func(b *Basis) { b.Shards = many(3, 0)[:2] }, now: func(b *Basis) { b.Shards = many(3, 0)[1:] },
			want: []string{"input: 1 shard added, 1 removed, 1 same"},
		},
		"another order": {
			now: func(b *Basis) { slices.Reverse(b.Shards) }, want: []string{"input: the same 2 shards in another order"},
		},
		"how the one meets the other": {
			now: func(b *Basis) {
				b.Job.Input.Key, b.Job.Input.Limit, b.Job.Input.Partitions = []string{"name"}, 5, PartitionsHive
				b.Job.Input.Tensors = []Tensor{{Input: "y", Field: "a"}}
				b.Job.Output.Keep = []Rename{{"a", "a"}}
				b.Job.Env = map[string]string{"A": "secret?", "C": "3"}
			},
			want: []string{
				"input.partitions changed", "input.key changed", "the number of records of the preview changed",
				`input.tensor["x"] removed`, `input.tensor["y"] added`, "output.keep changed",
				"env.A changed", "env.B removed", "env.C added",
			},
		},
		"inside a tensor": {
			now: func(b *Basis) {
				b.Job.Input.Tensors = []Tensor{{Input: "x", Fields: []string{"b", "a"}, Null: Null{Policy: NullFail, Fields: map[string]Null{"a": {Policy: NullNaN}}}, Max: 3}}
			},
			want: []string{`input.tensor["x"].fields changed`, `input.tensor["x"].null changed`, `input.tensor["x"].max changed`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			was, now := basis(), basis()
			for b, change := range map[*Basis]func(*Basis){&was: c.was, &now: c.now} {
				if change != nil {
					change(b)
				}
			}
			if got := Explain(was, now); !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// many are n shards, the first of which have changed.
func many(n, changed int) Shards {
	out := make(Shards, n)
	for i := range out {
		out[i] = Shard{URI: "file:///data/" + string(rune('a'+i)), Size: 1, Digest: "1"}
		if i < changed {
			out[i].Digest = "2"
		}
	}
	return out
}

// Whatever makes two fingerprints differ is told, and nothing else is.
func TestExplainFollowsTheFingerprint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) Basis {
			b := basis()
			word := func(field string) string { return rapid.SampledFrom([]string{"a", "b"}).Draw(t, name+field) }
			few := func(field string) []string {
				return rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b"}), 0, 2).Draw(t, name+field)
			}
			j := &b.Job
			switch rapid.IntRange(0, 2).Draw(t, name+"kind") {
			case 0:
				b.Model = word("model")
			case 1:
				b.Model = ""
				j.Model = Model{Name: "m", Container: &Container{Image: "r@sha256:" + word("image"), Artifact: word("artifact"), ContentType: word("content")}}
			case 2:
				b.Model = ""
				j.Model = Model{Name: "m", Registered: map[string]string{word("kind"): word("id")}}
			}
			for i := range b.Shards {
				b.Shards[i].Digest = word("digest")
			}
			j.Input.Format, j.Input.Partitions, j.Input.CSV.Delimiter = Format(word("format")), word("partitions"), word("delimiter")
			j.Input.CSV.Header = rapid.Bool().Draw(t, name+"header")
			if j.Input.Key = nil; rapid.Bool().Draw(t, name+"keyed") {
				j.Input.Key = append([]string{"k"}, few("key")...)
			}
			j.Input.Tensors = []Tensor{{Input: word("input"), Field: word("field"), Null: Null{Policy: NullPolicy(word("null"))}, Max: len(few("max"))}}
			j.Input.Limit = int64(len(few("limit")))
			j.Output.Format, j.Output.Compression, j.Output.Destination = Format(word("out")), word("compression"), word("destination")
			for _, f := range few("keep") {
				j.Output.Keep = append(j.Output.Keep, Rename{f, "x"})
			}
			for _, f := range few("select") {
				j.Output.Select = append(j.Output.Select, Selection{"x", f})
			}
			j.Env = map[string]string{}
			for _, f := range few("env") {
				j.Env[f] = word("value")
			}
			j.Batching.Records, j.Output.Existing = len(few("records")), word("existing") // no part of it
			return b
		}
		was, now := draw("was "), draw("now ")
		if rapid.Bool().Draw(t, "alike") {
			now = was
		}
		a, errA := Fingerprint(was.Job, was.Model, was.Shards)
		b, errB := Fingerprint(now.Job, now.Model, now.Shards)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if told := Explain(was, now); (a == b) != (len(told) == 0) {
			t.Fatalf("fingerprints equal: %t, and told: %q", a == b, told)
		}
	})
}
