package provider_test

import (
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
)

func TestFindingsAreTotal(t *testing.T) {
	lost := provider.Lost.Because("there is none")
	got := provider.Findings(map[string]provider.Finding{"compute.spot": lost, "no such field": lost})
	fields := provider.Fields()
	if len(got) != len(fields) {
		t.Fatalf("%d findings for %d fields", len(got), len(fields))
	}
	for i, f := range got {
		want := provider.Finding{Field: fields[i], Level: provider.Exact}
		if fields[i] == "compute.spot" {
			want = provider.Finding{Field: "compute.spot", Level: provider.Lost, Message: "there is none"}
		}
		if f != want {
			t.Errorf("%+v, want %+v", f, want)
		}
	}
}

func TestSharedFindings(t *testing.T) {
	set := job.Job{
		Input:  job.Input{Key: []string{"id"}, Tensors: []job.Tensor{{Input: "x"}}},
		Output: job.Output{Keep: []job.Rename{{Name: "a"}}, Select: []job.Selection{{Name: "y"}}},
	}
	scored := []string{"input.key", "input.tensor", "output.keep", "output.select"}
	for name, c := range map[string]struct {
		model job.Model
		job   job.Job
		want  provider.Level // of what our scorer does
	}{
		"ours":                 {job.Model{Artifact: "m.onnx"}, set, provider.Emulated},
		"ours, nothing set":    {job.Model{Artifact: "m.onnx"}, job.Job{}, provider.Emulated},
		"a container":          {job.Model{Container: &job.Container{}}, set, provider.Lost},
		"a registered model":   {job.Model{Registered: map[string]string{"x": "y"}}, set, provider.Lost},
		"a container, nothing": {job.Model{Container: &job.Container{}}, job.Job{}, provider.Exact},
	} {
		c.job.Model = c.model
		got := provider.SharedFindings(c.job)
		for _, field := range scored {
			if got[field].Level != c.want {
				t.Errorf("%s: %s is %s, want %s", name, field, got[field].Level, c.want)
			}
		}
		for _, f := range provider.Findings(got) {
			if f.Level != provider.Exact && f.Message == "" {
				t.Errorf("%s: %s is %s without a word why", name, f.Field, f.Level)
			}
			delete(got, f.Field)
		}
		if len(got) != 0 {
			t.Errorf("%s: %v are no fields", name, got)
		}
	}
}

func TestCheckImage(t *testing.T) {
	ours := job.Model{Artifact: "m.onnx"}
	for name, c := range map[string]struct {
		model job.Model
		image string
		level provider.Level
		words string // none where empty
	}{
		"by its digest":         {ours, "r.example/x@sha256:01", provider.Exact, ""},
		"by a tag":              {ours, "r.example/x:1", provider.Exact, "r.example/x:1 is named by a tag, which can move"},
		"none":                  {ours, "", provider.Lost, "names no image"},
		"none that is needed":   {job.Model{Container: &job.Container{}}, "", provider.Exact, ""},
		"a tag that is not run": {job.Model{Container: &job.Container{}}, "r.example/x:1", provider.Exact, ""},
	} {
		f := provider.CheckImage(c.model, c.image)
		if f.Level != c.level || !strings.Contains(f.Message, c.words) || (f.Message == "") != (c.words == "") {
			t.Errorf("%s: %+v", name, f)
		}
	}
}
