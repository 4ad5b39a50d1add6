package job

import (
	"reflect"
	"slices"
	"testing"
)

func TestOn(t *testing.T) {
	no := false
	j := sample()
	j.Batching = Batching{Records: 8, Payload: MiB}
	j.Compute = Compute{Instances: 2, CPUs: 4, Spot: true, GPU: &GPU{Type: "t4", Count: 2}}
	j.Overrides = []Override{
		{Provider: "vertex", Batching: Batching{Records: 16}, Compute: ComputeChange{Machine: "n1", GPU: &GPU{Type: "l4"}}, Env: map[string]string{"B": "3", "C": "4"}},
		{Provider: "vertex.eu", Batching: Batching{Concurrency: 2}, Compute: ComputeChange{Spot: &no, Machine: "n2"}, Labels: map[string]string{"region": "eu"}},
	}
	before := j
	got := j.On(ProviderRef{"vertex", "eu"})
	want := sample()
	want.Batching = Batching{Records: 16, Payload: MiB, Concurrency: 2}
	want.Compute = Compute{Instances: 2, CPUs: 4, Machine: "n2", GPU: &GPU{Type: "l4", Count: 2}}
	want.Env = map[string]string{"A": "1", "B": "3", "C": "4"}
	want.Labels = map[string]string{"team": "growth", "region": "eu"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
	if !reflect.DeepEqual(j, before) || j.Compute.GPU.Type != "t4" || j.Env["B"] != "2" || len(j.Labels) != 1 {
		t.Error("On changed the job that it was called on")
	}
	if got := j.On(ProviderRef{"vertex", "us"}).Compute; got.Machine != "n1" || !got.Spot {
		t.Errorf("of the kind alone: %+v", got)
	}
	elsewhere := j.On(ProviderRef{"local", "here"})
	if j.Overrides = nil; !reflect.DeepEqual(elsewhere, j) {
		t.Errorf("elsewhere: %+v", elsewhere)
	}
}

func TestSources(t *testing.T) {
	in := Input{Source: []string{"a", "b"}, From: []JobRead{{Job: "job.x"}, {Job: "job.y", After: 1}, {Job: "job.z", After: 2}}}
	want := []SourceItem{{Read: in.From[0]}, {URI: "a"}, {Read: in.From[1]}, {URI: "b"}, {Read: in.From[2]}}
	if got := in.Sources(); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	last := JobRead{Job: "job.x", After: 7}
	if got := (Input{From: []JobRead{last}}).Sources(); !slices.Equal(got, []SourceItem{{Read: last}}) {
		t.Errorf("past the end: %v", got)
	}
	read := in.Reading(map[string]string{"job.y": "r", "job.other": "s"})
	if read.From[0].Run != "" || read.From[1].Run != "r" || in.From[1].Run != "" {
		t.Errorf("Reading makes %+v of %+v", read.From, in.From)
	}
	j := Job{Input: in, DependsOn: []string{"job.w", "job.y"}}
	if got := j.Needs(); !slices.Equal(got, []string{"job.x", "job.y", "job.z", "job.w"}) {
		t.Errorf("Needs is %q", got)
	}
}

func TestModelDigest(t *testing.T) {
	if got := (Model{Artifact: "m.onnx"}).Digest(); got != "" {
		t.Errorf("an artifact has the digest %q before it is read", got)
	}
	if got := (Model{Container: &Container{Image: "r/x:1@sha256:01"}}).Digest(); got != "sha256:01" {
		t.Errorf("a container: %q", got)
	}
	seen := map[string]bool{}
	for _, names := range []map[string]string{{"vertex": "a"}, {"vertex": "b"}, {"oci": "a"}, {"vertex": "a", "oci": "a"}} {
		d := Model{Registered: names}.Digest()
		if seen[d] {
			t.Errorf("%v has another one's digest", names)
		}
		seen[d] = true
	}
}
