package vertex

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/mapping"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/provider/providertest"
)

// matrix are specs that the golden files hold translations of.
var matrix = map[string]func(t *testing.T, c *Config, s *provider.Spec){
	"plain":          func(*testing.T, *Config, *provider.Spec) {},
	"staged-not-yet": func(_ *testing.T, _ *Config, s *provider.Spec) { s.Staged.Entries = nil },
	"second-attempt": func(_ *testing.T, _ *Config, s *provider.Spec) {
		s.Attempt, s.Input.Take, s.Staged.Entries = 2, []int{1}, s.Staged.Entries[2:]
		s.Output = "gs://lake/staging/runs/0123456789abcdef0123/a2/"
	},
	"awkward-names": func(t *testing.T, _ *Config, s *provider.Spec) {
		s.Job.Project, s.Job.Address = "Größe/7", `job.Ärger["x.y/Z"]`
		place(t, s)
		s.Staged.Model = "gs://lake//%C3%BC%22/a%20b%23+%25/"
	},
	"queries-are-left-out": func(t *testing.T, _ *Config, s *provider.Spec) {
		const q = "?endpoint=http://127.0.0.1:9000"
		s.Output += q
		s.Staged.Input += q
		s.Staged.Model += q
		s.Staged.MappingURI += q
	},
	"records":     func(_ *testing.T, _ *Config, s *provider.Spec) { s.Job.Batching.Records = 512 },
	"concurrency": func(t *testing.T, _ *Config, s *provider.Spec) { s.Job.Batching.Concurrency = 4; place(t, s) },
	"instances":   func(_ *testing.T, _ *Config, s *provider.Spec) { s.Job.Compute.Instances = 12 },
	"cpus":        func(_ *testing.T, _ *Config, s *provider.Spec) { s.Job.Compute.CPUs = 6 },
	"memory":      func(_ *testing.T, _ *Config, s *provider.Spec) { s.Job.Compute.Memory = 100 * job.GiB },
	"gpu": func(_ *testing.T, _ *Config, s *provider.Spec) {
		s.Job.Compute.GPU = &job.GPU{Type: "nvidia-t4", Count: 1}
	},
	"gpus-of-the-machine": func(_ *testing.T, _ *Config, s *provider.Spec) { s.Job.Compute.Machine = "g2-standard-24" },
	"gpus-beside": func(_ *testing.T, _ *Config, s *provider.Spec) {
		s.Job.Compute.Machine, s.Job.Compute.GPU = "n1-highmem-8", &job.GPU{Type: "nvidia-v100", Count: 2}
	},
	"machine": func(_ *testing.T, _ *Config, s *provider.Spec) { s.Job.Compute.Machine = "n2-highmem-8" },
	"env": func(_ *testing.T, _ *Config, s *provider.Spec) {
		s.Job.Env = map[string]string{"LOG": "debug", "EMPTY": "", "REF": "$(HOME)/$x", "MONEY": "$5", "TWO": "$$"}
	},
	"budget": func(_ *testing.T, _ *Config, s *provider.Spec) { s.Budget = 2*hour + hour/2 },
	"labels": func(_ *testing.T, _ *Config, s *provider.Spec) {
		s.Job.Labels = map[string]string{"team": "growth", "größe": "ü-7", "empty": ""}
	},
	"labels-of-the-block": func(_ *testing.T, c *Config, s *provider.Spec) {
		c.Labels, s.Job.Labels = map[string]string{"team": "all", "owner": "a_b"}, map[string]string{"team": "growth"}
	},
	"kms": func(_ *testing.T, c *Config, _ *provider.Spec) { c.KMSKey = testKMS },
	"service-account": func(_ *testing.T, c *Config, _ *provider.Spec) {
		c.ServiceAccount = "batch@acme-ml.iam.gserviceaccount.com"
	},
	"csv": func(t *testing.T, _ *Config, s *provider.Spec) {
		s.Input.Format = job.CSV
		place(t, s)
	},
	"large-mapping": func(t *testing.T, _ *Config, s *provider.Spec) {
		s.Job.Input.Tensors[0].Fields = longNames(400)
		place(t, s)
	},
	"huge-mapping": func(t *testing.T, _ *Config, s *provider.Spec) {
		s.Job.Input.Tensors[0].Fields = longNames(2000)
		place(t, s)
	},
	"container": func(_ *testing.T, _ *Config, s *provider.Spec) {
		s.Job.Model = job.Model{Name: "theirs", Container: &job.Container{Image: "r.example/x@sha256:01", ContentType: job.ContentInstances}}
		s.Staged.Model = ""
	},
	"container-with-folder": func(_ *testing.T, _ *Config, s *provider.Spec) {
		s.Job.Model = job.Model{Name: "theirs", Container: &job.Container{Image: "r.example/x@sha256:01", Artifact: "gs://lake/models/x/", ContentType: job.ContentInstances}}
		s.Job.Env = map[string]string{"LOG": "debug"}
	},
	"registered": func(_ *testing.T, _ *Config, s *provider.Spec) {
		s.Job.Model = job.Model{Name: "theirs", Registered: map[string]string{Kind: "projects/other/locations/europe-west4/models/12@prod", "sagemaker": "x"}}
	},
	"registered-with-env": func(_ *testing.T, _ *Config, s *provider.Spec) { // which is lost
		s.Job.Model = job.Model{Name: "theirs", Registered: map[string]string{Kind: "churn-v3"}}
		s.Job.Env = map[string]string{"LOG": "debug"}
	},
	"registered-by-id": func(_ *testing.T, _ *Config, s *provider.Spec) {
		s.Job.Model = job.Model{Name: "theirs", Registered: map[string]string{Kind: "churn-v3"}}
	},
}

func longNames(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = strings.Repeat("f", 40) + string(rune('a'+i%26)) + strings.Repeat("i", i/26)
	}
	return out
}

func TestTranslate(t *testing.T) {
	if len(matrix) < 25 {
		t.Errorf("%d specs", len(matrix))
	}
	translations := map[string]func(*testing.T) (provider.Translation, error){}
	for name, alter := range matrix {
		translations[name] = func(t *testing.T) (provider.Translation, error) {
			c, s := plainConfig(), plain(t)
			alter(t, &c, &s)
			return backendOf(t, c).Translate(s)
		}
	}
	providertest.Goldens(t, *update, translations)
}

func TestTranslateRefuses(t *testing.T) {
	container := func(c job.Container) func(*Config, *provider.Spec) {
		return func(_ *Config, s *provider.Spec) { s.Job.Model = job.Model{Container: &c} }
	}
	for name, c := range map[string]struct {
		code  provider.Code
		words string
		alter func(c *Config, s *provider.Spec)
	}{
		"nothing staged":       {provider.Invalid, "nothing says", func(_ *Config, s *provider.Spec) { s.Staged = nil }},
		"input in place":       {provider.Invalid, "not staged", func(_ *Config, s *provider.Spec) { s.Staged.Input = "" }},
		"no image":             {provider.Invalid, "names no image", func(c *Config, _ *provider.Spec) { c.Image = "" }},
		"another store":        {provider.Unsupported, "s3://", func(_ *Config, s *provider.Spec) { s.Staged.Input = "s3://lake/b/" }},
		"no URI":               {provider.Invalid, "scheme", func(_ *Config, s *provider.Spec) { s.Staged.Input = "b/" }},
		"a pattern":            {provider.Unsupported, "pattern", func(_ *Config, s *provider.Spec) { s.Staged.Input = "gs://lake/a%5B1%5D/" }},
		"output elsewhere":     {provider.Unsupported, "s3://", func(_ *Config, s *provider.Spec) { s.Output = "s3://lake/" }},
		"no such machine":      {provider.Unsupported, "compute.machine", func(_ *Config, s *provider.Spec) { s.Job.Compute.Machine = "ml.p5.48xlarge" }},
		"no such GPU":          {provider.Unsupported, "compute.gpu", func(_ *Config, s *provider.Spec) { s.Job.Compute.GPU = &job.GPU{Type: "nvidia-b200", Count: 1} }},
		"too many processors":  {provider.Unsupported, "compute.cpus", func(_ *Config, s *provider.Spec) { s.Job.Compute.CPUs = 500 }},
		"too many instances":   {provider.Invalid, "compute.instances", func(_ *Config, s *provider.Spec) { s.Job.Compute.Instances = 1001 }},
		"a payload":            {provider.Unsupported, "batching.payload", func(_ *Config, s *provider.Spec) { s.Job.Batching.Payload = 1 }},
		"env of ours":          {provider.Invalid, "CROSSBATCH_BUDGET", func(_ *Config, s *provider.Spec) { s.Job.Env = map[string]string{"CROSSBATCH_BUDGET": "1h"} }},
		"env of the service":   {provider.Invalid, "AIP_MODE", func(_ *Config, s *provider.Spec) { s.Job.Env = map[string]string{"AIP_MODE": "1"} }},
		"env that has no name": {provider.Invalid, "a-b", func(_ *Config, s *provider.Spec) { s.Job.Env = map[string]string{"a-b": "1"} }},
		"a label's key":        {provider.Invalid, "labels", func(_ *Config, s *provider.Spec) { s.Job.Labels = map[string]string{"Team": "c"} }},
		"a label's value":      {provider.Invalid, "labels", func(_ *Config, s *provider.Spec) { s.Job.Labels = map[string]string{"a": "b.c"} }},
		"a long label":         {provider.Invalid, "at most 63", func(_ *Config, s *provider.Spec) { s.Job.Labels = map[string]string{"a": strings.Repeat("x", 64)} }},
		"a label of Google":    {provider.Invalid, "keeps for itself", func(_ *Config, s *provider.Spec) { s.Job.Labels = map[string]string{"goog-x": "c"} }},
		"a label of ours":      {provider.Invalid, "keeps for itself", func(_ *Config, s *provider.Spec) { s.Job.Labels = map[string]string{"crossbatch_run": "c"} }},
		"too many labels": {provider.Invalid, "at most 64", func(_ *Config, s *provider.Spec) {
			s.Job.Labels = map[string]string{}
			for i := range 60 {
				s.Job.Labels[strings.Repeat("k", i+1)] = ""
			}
		}},
		"registered elsewhere": {provider.Unsupported, "registered", func(_ *Config, s *provider.Spec) {
			s.Job.Model = job.Model{Registered: map[string]string{"sagemaker": "x"}}
		}},
		"registered under what": {provider.Invalid, "model.registered", func(_ *Config, s *provider.Spec) { s.Job.Model = job.Model{Registered: map[string]string{Kind: "a b"}} }},
		"registered far away": {provider.Invalid, "location", func(_ *Config, s *provider.Spec) {
			s.Job.Model = job.Model{Registered: map[string]string{Kind: "projects/p/locations/us-central1/models/1"}}
		}},
		"container of lines": {provider.Unsupported, "content_type", container(job.Container{Image: "x", ContentType: job.ContentJSONL})},
		"container's file":   {provider.Unsupported, "this machine", container(job.Container{Image: "x", ContentType: job.ContentInstances, Artifact: "/a"})},
		"container's image":  {provider.Invalid, "1024", container(job.Container{Image: strings.Repeat("x", 1025), ContentType: job.ContentInstances})},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, s := plainConfig(), plain(t)
			c.alter(&cfg, &s)
			b := backendOf(t, cfg)
			got, err := b.Translate(s)
			if b.Code(err) != c.code || !strings.Contains(err.Error(), c.words) {
				t.Errorf("%+v, %v (%s), want %s with %q", got, err, b.Code(err), c.code, c.words)
			}
		})
	}
}

// What the scorer reads of its environment is the mapping that was staged.
func TestTheMappingArrives(t *testing.T) {
	for _, fields := range []int{1, 200, 400, 800} {
		s := plain(t)
		s.Job.Input.Tensors[0].Fields = longNames(fields)
		s.Job.Input.Tensors[0].Fields[0] = "$(HOME) $$"
		place(t, &s)
		vars, err := environment(s)
		if err != nil {
			t.Fatal(err)
		}
		env := map[string]string{}
		for _, v := range vars {
			env[v.Name] = strings.ReplaceAll(v.Value, "$$", "$") // as the service reads it
		}
		text, err := mapping.Join(func(name string) string { return env[name] })
		if uri, there := env[mappingVariable]; there {
			if text, err = s.Staged.Mapping, nil; uri != s.Staged.MappingURI || len(s.Staged.Mapping) <= 4*10240 {
				t.Errorf("%d bytes are named as %s", len(s.Staged.Mapping), uri)
			}
		}
		if err != nil || !bytes.Equal(text, s.Staged.Mapping) {
			t.Errorf("%d fields: %.200s, %v", fields, text, err)
		}
	}
}

// Whatever a spec holds, it is translated alike each time, and neither the spec nor
// an earlier translation is touched.
func TestTranslateIsPure(t *testing.T) {
	env := rapid.MapOfN(rapid.StringMatching(`[A-Z]{1,8}`), rapid.StringMatching(`[a-z$() ]{0,8}`), 0, 6)
	names := rapid.MapOfN(rapid.StringMatching(`[a-z]{1,8}`).Filter(func(s string) bool { return !strings.HasPrefix(s, "goog") }), rapid.StringMatching(`[a-z_-]{0,8}`), 0, 6)
	rapid.Check(t, func(rt *rapid.T) {
		c, s := plainConfig(), plain(t)
		c.Labels, s.Job.Env, s.Job.Labels = names.Draw(rt, "labels of the block"), env.Draw(rt, "env"), names.Draw(rt, "labels")
		s.Attempt = rapid.IntRange(1, 3).Draw(rt, "attempt")
		s.Job.Batching.Records = rapid.IntRange(0, 1000).Draw(rt, "records")
		s.Job.Compute.CPUs = rapid.IntRange(0, 80).Draw(rt, "cpus")
		before, err := json.Marshal(s)
		if err != nil {
			rt.Fatal(err)
		}
		b := backendOf(t, c)
		first, err := b.Translate(s)
		if err != nil {
			rt.Fatal(err)
		}
		kept, err := json.Marshal(first)
		if err != nil {
			rt.Fatal(err)
		}
		for _, q := range first.Requests {
			if d, err := b.read(q); err != nil || d.GetBatchPredictionJob().GetDisplayName() != q.Name {
				rt.Fatalf("%+v, %v", d, err)
			}
			for k := range q.Body {
				q.Body[k] = 'x'
			}
		}
		again, err := backendOf(t, c).Translate(s)
		if err != nil {
			rt.Fatal(err)
		}
		text, _ := json.Marshal(again)
		after, _ := json.Marshal(s)
		if !bytes.Equal(text, kept) || !bytes.Equal(before, after) {
			rt.Fatalf("%s\n%s", kept, text)
		}
	})
}

func TestBodies(t *testing.T) {
	b := backendOf(t, plainConfig())
	tr, err := b.Translate(plain(t))
	if err != nil {
		t.Fatal(err)
	}
	good := tr.Requests[0]
	if _, err := b.read(good); err != nil {
		t.Error(err)
	}
	for name, alter := range map[string]func(q *provider.Request){
		"another place":    func(q *provider.Request) { q.Target = "projects/p/locations/us-central1" },
		"another name":     func(q *provider.Request) { q.Name = "cb-x" },
		"an operation":     func(q *provider.Request) { q.Op = "DeleteBatchPredictionJob" },
		"no JSON":          func(q *provider.Request) { q.Body = []byte("{") },
		"more text":        func(q *provider.Request) { q.Body = append(bytes.Clone(q.Body), "{}"...) },
		"unknown member":   func(q *provider.Request) { q.Body = append([]byte(`{"a":1,`), q.Body[1:]...) },
		"not canonical":    func(q *provider.Request) { q.Body = append([]byte(` `), q.Body...) },
		"of another shape": func(q *provider.Request) { q.Body = []byte(`{"name":"x"}`) },
	} {
		q := good
		alter(&q)
		if _, err := b.read(q); provider.CodeOf(err) != provider.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
