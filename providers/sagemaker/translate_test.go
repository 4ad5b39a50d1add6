package sagemaker

import (
	"bytes"
	"encoding/json"
	"reflect"
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
	"in-place": func(*testing.T, *Config, *provider.Spec) {},
	"staged":   func(_ *testing.T, _ *Config, s *provider.Spec) { providertest.Stage(s) },
	"staged-not-yet": func(_ *testing.T, _ *Config, s *provider.Spec) {
		providertest.Stage(s)
		s.Staged.Entries = nil
	},
	"staged-second-attempt": func(_ *testing.T, _ *Config, s *provider.Spec) {
		providertest.Stage(s)
		s.Attempt, s.Input.Take, s.Staged.Entries = 2, []int{1}, s.Staged.Entries[2:]
	},
	"in-place-second-attempt": func(t *testing.T, _ *Config, s *provider.Spec) {
		s.Attempt, s.Input.Take = 2, []int{1}
		place(t, s)
	},
	"csv": func(t *testing.T, _ *Config, s *provider.Spec) {
		s.Input.Format, s.Job.Input.CSV.Header = job.CSV, false
		s.Input.Shards = job.Shards{{URI: "s3://lake/in/a.csv", Size: 10}, {URI: "s3://lake/in/b.csv", Size: 20}}
		place(t, s)
	},
	"gzip": func(t *testing.T, _ *Config, s *provider.Spec) {
		s.Input.Shards = job.Shards{{URI: "s3://lake/in/a.jsonl.gz", Size: 10}, {URI: "s3://lake/in/b.jsonl.gz", Size: 20}}
		place(t, s)
	},
	"awkward-keys": func(t *testing.T, _ *Config, s *provider.Spec) {
		s.Input.Shards = job.Shards{{URI: "s3://lake/in/a%20b%3F%23+%25.jsonl"}, {URI: "s3://lake//%C3%BC%22/%5B1%5D.jsonl"}}
		place(t, s)
	},
	"queries-are-left-out": func(t *testing.T, _ *Config, s *provider.Spec) {
		const q = "?region=us-east-1&endpoint=http://127.0.0.1:9000"
		s.Output += q
		s.Input.Shards[0].URI += q
		s.Input.Shards[1].URI += q
		place(t, s)
		s.Staged.Model += q
		s.Staged.MappingURI += q
	},
	"concurrency": func(_ *testing.T, _ *Config, s *provider.Spec) { s.Job.Batching.Concurrency = 16 },
	"payload":     func(_ *testing.T, _ *Config, s *provider.Spec) { s.Job.Batching.Payload = 100 * job.MiB },
	"payload-rounded-down": func(_ *testing.T, _ *Config, s *provider.Spec) {
		s.Job.Batching.Payload, s.Job.Batching.Concurrency = 7_000_000, 16
	},
	"instances": func(_ *testing.T, _ *Config, s *provider.Spec) { s.Job.Compute.Instances = 4 },
	"cpus":      func(_ *testing.T, _ *Config, s *provider.Spec) { s.Job.Compute.CPUs = 6 },
	"memory":    func(_ *testing.T, _ *Config, s *provider.Spec) { s.Job.Compute.Memory = 100 * job.GiB },
	"gpu": func(_ *testing.T, _ *Config, s *provider.Spec) {
		s.Job.Compute.GPU = &job.GPU{Type: "nvidia-t4", Count: 1}
	},
	"many-gpus": func(_ *testing.T, _ *Config, s *provider.Spec) {
		s.Job.Compute.GPU = &job.GPU{Type: "nvidia-a10g", Count: 5}
	},
	"machine": func(_ *testing.T, _ *Config, s *provider.Spec) { s.Job.Compute.Machine = "ml.g6e.2xlarge" },
	"spot":    func(_ *testing.T, _ *Config, s *provider.Spec) { s.Job.Compute.Spot = true },
	"env": func(_ *testing.T, _ *Config, s *provider.Spec) {
		s.Job.Env = map[string]string{"LOG": "debug", "EMPTY": ""}
	},
	"budget": func(_ *testing.T, _ *Config, s *provider.Spec) { s.Budget = 2*hour + hour/2 },
	"labels": func(_ *testing.T, _ *Config, s *provider.Spec) {
		s.Job.Labels = map[string]string{"team": "growth", "cost centre": "ü/7"}
	},
	"tags": func(_ *testing.T, c *Config, s *provider.Spec) {
		c.Tags, s.Job.Labels = map[string]string{"team": "all", "owner": "a@b.c"}, map[string]string{"team": "growth"}
	},
	"kms": func(_ *testing.T, c *Config, _ *provider.Spec) { c.KMSKey = "alias/batch" },
	"kms-on-local-disks": func(_ *testing.T, c *Config, s *provider.Spec) {
		c.KMSKey, s.Job.Compute.Machine = "arn:aws:kms:us-east-1:123456789012:key/1", "ml.g5.xlarge"
	},
	"network": func(_ *testing.T, c *Config, _ *provider.Spec) {
		c.Subnets, c.SecurityGroups = []string{"subnet-1", "subnet-2"}, []string{"sg-1"}
	},
	"isolated": func(_ *testing.T, c *Config, _ *provider.Spec) { c.Isolated = true },
	"large-mapping": func(t *testing.T, _ *Config, s *provider.Spec) {
		s.Job.Input.Tensors[0].Fields = longNames(400)
		place(t, s)
	},
	"huge-mapping": func(t *testing.T, _ *Config, s *provider.Spec) {
		s.Job.Input.Tensors[0].Fields = longNames(2000)
		place(t, s)
	},
	"container": func(_ *testing.T, _ *Config, s *provider.Spec) {
		s.Job.Model = job.Model{Name: "theirs", Container: &job.Container{Image: "r.example/x@sha256:01", ContentType: job.ContentJSONL}}
		s.Staged.Model = ""
	},
	"container-with-folder": func(_ *testing.T, _ *Config, s *provider.Spec) {
		s.Job.Model = job.Model{Name: "theirs", Container: &job.Container{Image: "r.example/x@sha256:01", Artifact: "s3://lake/models/x/", ContentType: job.ContentJSONL}}
	},
	"container-with-archive": func(t *testing.T, _ *Config, s *provider.Spec) {
		s.Input.Format, s.Job.Input.CSV.Header = job.CSV, false
		s.Input.Shards = job.Shards{{URI: "s3://lake/in/a.csv", Size: 10}, {URI: "s3://lake/in/b.csv", Size: 20}}
		place(t, s)
		s.Job.Model = job.Model{Name: "theirs", Container: &job.Container{Image: "r.example/x@sha256:01", Artifact: "s3://lake/models/x.tar.gz", ContentType: job.ContentCSV}}
	},
	"registered": func(_ *testing.T, _ *Config, s *provider.Spec) {
		s.Job.Model = job.Model{Name: "theirs", Registered: map[string]string{Kind: "churn-v3", "vertex": "x"}}
		s.Job.Env = map[string]string{"LOG": "debug"}
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
			c, s := plainConfig(), inPlace(t)
			alter(t, &c, &s)
			return backendOf(t, c).Translate(s)
		}
	}
	providertest.Goldens(t, *update, translations)
}

func TestTranslateRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		code  provider.Code
		words string
		alter func(c *Config, s *provider.Spec)
	}{
		"nothing staged":       {provider.Invalid, "nothing says", func(_ *Config, s *provider.Spec) { s.Staged = nil }},
		"no image":             {provider.Invalid, "names no image", func(c *Config, _ *provider.Spec) { c.Image = "" }},
		"parquet":              {provider.Unsupported, "parquet", func(_ *Config, s *provider.Spec) { s.Staged.Format = job.Parquet }},
		"two buckets":          {provider.Unsupported, "buckets lake and sea", func(_ *Config, s *provider.Spec) { s.Staged.Entries[1].URI = "s3://sea/b.jsonl" }},
		"the same twice":       {provider.Unsupported, "twice", func(_ *Config, s *provider.Spec) { s.Staged.Entries[1].URI = s.Staged.Entries[0].URI }},
		"another store":        {provider.Unsupported, "gs://", func(_ *Config, s *provider.Spec) { s.Staged.Entries[1].URI = "gs://lake/b.jsonl" }},
		"no URI":               {provider.Invalid, "scheme", func(_ *Config, s *provider.Spec) { s.Staged.Entries[1].URI = "b.jsonl" }},
		"mixed compression":    {provider.Unsupported, "compressed", func(_ *Config, s *provider.Spec) { s.Staged.Entries[1].URI += ".gz" }},
		"zstd":                 {provider.Unsupported, "zstd", func(_ *Config, s *provider.Spec) { s.Staged.Entries[1].URI += ".zst" }},
		"a key with a newline": {provider.Invalid, "must match", func(_ *Config, s *provider.Spec) { s.Staged.Entries[1].URI = "s3://lake/a%0Ab" }},
		"a long key":           {provider.Invalid, "1024", func(_ *Config, s *provider.Spec) { s.Staged.Entries[1].URI += strings.Repeat("x", 1024) }},
		"output elsewhere":     {provider.Unsupported, "gs://", func(_ *Config, s *provider.Spec) { s.Output = "gs://lake/" }},
		"no such machine":      {provider.Unsupported, "compute.machine", func(_ *Config, s *provider.Spec) { s.Job.Compute.Machine = "ml.p5.48xlarge" }},
		"no such GPU":          {provider.Unsupported, "compute.gpu", func(_ *Config, s *provider.Spec) { s.Job.Compute.GPU = &job.GPU{Type: "nvidia-h100", Count: 1} }},
		"too many GPUs":        {provider.Unsupported, "compute.gpu", func(_ *Config, s *provider.Spec) { s.Job.Compute.GPU = &job.GPU{Type: "nvidia-t4", Count: 5} }},
		"too many processors":  {provider.Unsupported, "compute.cpus", func(_ *Config, s *provider.Spec) { s.Job.Compute.CPUs = 193 }},
		"too much memory":      {provider.Unsupported, "compute.memory", func(_ *Config, s *provider.Spec) { s.Job.Compute.Memory = 2 * job.TiB }},
		"too many instances":   {provider.Invalid, "compute.instances", func(_ *Config, s *provider.Spec) { s.Job.Compute.Instances = 101 }},
		"a small payload":      {provider.Unsupported, "batching.payload", func(_ *Config, s *provider.Spec) { s.Job.Batching.Payload = job.MiB - 1 }},
		"a large payload":      {provider.Invalid, "batching.payload", func(_ *Config, s *provider.Spec) { s.Job.Batching.Payload = 101 * job.MiB }},
		"the product":          {provider.Invalid, "batching.payload", func(_ *Config, s *provider.Spec) { s.Job.Batching.Payload, s.Job.Batching.Concurrency = 10*job.MiB, 11 }},
		"the product, unset":   {provider.Invalid, "batching.concurrency", func(_ *Config, s *provider.Spec) { s.Job.Batching.Concurrency = 17 }},
		"env of ours":          {provider.Invalid, "CROSSBATCH_BUDGET", func(_ *Config, s *provider.Spec) { s.Job.Env = map[string]string{"CROSSBATCH_BUDGET": "1h"} }},
		"env of the service":   {provider.Invalid, "SAGEMAKER_BATCH", func(_ *Config, s *provider.Spec) { s.Job.Env = map[string]string{"SAGEMAKER_BATCH": "1"} }},
		"env that has no name": {provider.Invalid, "a-b", func(_ *Config, s *provider.Spec) { s.Job.Env = map[string]string{"a-b": "1"} }},
		"env too long":         {provider.Invalid, "10240", func(_ *Config, s *provider.Spec) { s.Job.Env = map[string]string{"A": strings.Repeat("ü", 10241)} }},
		"env too large": {provider.Invalid, "at most 16", func(_ *Config, s *provider.Spec) {
			s.Job.Env = map[string]string{}
			for c := 'A'; c < 'A'+16; c++ {
				s.Job.Env[string(c)] = ""
			}
		}},
		"a label's key":   {provider.Invalid, "labels", func(_ *Config, s *provider.Spec) { s.Job.Labels = map[string]string{"a*b": "c"} }},
		"a label's value": {provider.Invalid, "labels", func(_ *Config, s *provider.Spec) { s.Job.Labels = map[string]string{"a": "b*c"} }},
		"a label of AWS":  {provider.Invalid, "keeps for itself", func(_ *Config, s *provider.Spec) { s.Job.Labels = map[string]string{"AWS:x": "c"} }},
		"a label of ours": {provider.Invalid, "keeps for itself", func(_ *Config, s *provider.Spec) { s.Job.Labels = map[string]string{"crossbatch:run": "c"} }},
		"registered elsewhere": {provider.Unsupported, "registered", func(_ *Config, s *provider.Spec) {
			s.Job.Model = job.Model{Registered: map[string]string{"vertex": "x"}}
		}},
		"registered under what": {provider.Invalid, "model.registered", func(_ *Config, s *provider.Spec) { s.Job.Model = job.Model{Registered: map[string]string{Kind: "a_b"}} }},
		"a mapping to fetch without a network": {provider.Unsupported, "network_isolation", func(c *Config, s *provider.Spec) {
			c.Isolated, s.Job.Input.Tensors[0].Fields = true, longNames(2000)
			place(t, s)
		}},
		"container of instances": {provider.Unsupported, "instances", func(_ *Config, s *provider.Spec) {
			s.Job.Model = job.Model{Container: &job.Container{Image: "x", ContentType: job.ContentInstances}}
		}},
		"container of csv": {provider.Unsupported, "content_type", func(_ *Config, s *provider.Spec) {
			s.Job.Model = job.Model{Container: &job.Container{Image: "x", ContentType: job.ContentCSV}}
		}},
		"container's file": {provider.Unsupported, "this machine", func(_ *Config, s *provider.Spec) {
			s.Job.Model = job.Model{Container: &job.Container{Image: "x", ContentType: job.ContentJSONL, Artifact: "/a"}}
		}},
		"container's image": {provider.Invalid, "255", func(_ *Config, s *provider.Spec) {
			s.Job.Model = job.Model{Container: &job.Container{Image: strings.Repeat("x", 256), ContentType: job.ContentJSONL}}
		}},
		"too many tags": {provider.Invalid, "at most 50", func(c *Config, s *provider.Spec) {
			c.Tags = map[string]string{}
			for i := range 47 {
				c.Tags[strings.Repeat("k", i+1)] = ""
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, s := plainConfig(), inPlace(t)
			c.alter(&cfg, &s)
			b := backendOf(t, cfg)
			got, err := b.Translate(s)
			if b.Code(err) != c.code || !strings.Contains(err.Error(), c.words) {
				t.Errorf("%+v, %v (%s), want %s with %q", got, err, b.Code(err), c.code, c.words)
			}
		})
	}
}

// A rule of two fields names both.
func TestTheProductNamesBothFields(t *testing.T) {
	s := inPlace(t)
	s.Job.Batching.Payload, s.Job.Batching.Concurrency = 10*job.MiB, 11
	_, err := backendOf(t, plainConfig()).Translate(s)
	if err == nil || !strings.Contains(err.Error(), "batching.payload") || !strings.Contains(err.Error(), "batching.concurrency") {
		t.Errorf("%v", err)
	}
}

// What the scorer reads of its environment is the mapping that was staged.
func TestTheMappingArrives(t *testing.T) {
	for _, fields := range []int{1, 200, 400, 800} {
		s := inPlace(t)
		s.Job.Input.Tensors[0].Fields = longNames(fields)
		place(t, &s)
		env, err := backendOf(t, plainConfig()).environment(s)
		if err != nil {
			t.Fatal(err)
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

func TestModelNames(t *testing.T) {
	name := func(alter func(*Config, *provider.Spec)) string {
		c, s := plainConfig(), inPlace(t)
		alter(&c, &s)
		got, err := backendOf(t, c).Translate(s)
		if err != nil {
			t.Fatal(err)
		}
		return got.Requests[0].Name
	}
	base := name(func(*Config, *provider.Spec) {})
	if !strings.HasPrefix(base, "cb-00112233-") || len(base) != len("cb-00112233-")+12 {
		t.Errorf("%s", base)
	}
	for what, alter := range map[string]func(*Config, *provider.Spec){
		"another run":     func(_ *Config, s *provider.Spec) { s.Run = "ffffffffffffffffffff" },
		"another attempt": func(_ *Config, s *provider.Spec) { s.Attempt = 2 },
		"another label":   func(_ *Config, s *provider.Spec) { s.Job.Labels = map[string]string{"a": "b"} },
	} {
		if got := name(alter); got != base {
			t.Errorf("%s has a model of its own: %s", what, got)
		}
	}
	for what, alter := range map[string]func(*Config, *provider.Spec){
		"another ledger":  func(_ *Config, s *provider.Spec) { s.Ledger = "ff" + s.Ledger[2:] },
		"another package": func(_ *Config, s *provider.Spec) { s.Staged.Model = "s3://lake/staging/models/other/" },
		"another image":   func(c *Config, _ *provider.Spec) { c.Image += "x" },
		"another role":    func(c *Config, _ *provider.Spec) { c.RoleARN += "x" },
		"another tag":     func(c *Config, _ *provider.Spec) { c.Tags = map[string]string{"a": "b"} },
		"another network": func(c *Config, _ *provider.Spec) { c.Subnets, c.SecurityGroups = []string{"s"}, []string{"g"} },
	} {
		if got := name(alter); got == base {
			t.Errorf("%s has the same model", what)
		}
	}
}

// Whatever a spec holds, it is translated alike each time, and neither the spec nor
// an earlier translation is touched.
func TestTranslateIsPure(t *testing.T) {
	texts := rapid.MapOfN(rapid.StringMatching(`[A-Z]{1,8}`), rapid.StringMatching(`[a-z ]{0,8}`), 0, 6)
	rapid.Check(t, func(rt *rapid.T) {
		c, s := plainConfig(), inPlace(t)
		c.Tags, s.Job.Env, s.Job.Labels = texts.Draw(rt, "tags"), texts.Draw(rt, "env"), texts.Draw(rt, "labels")
		if rapid.Bool().Draw(rt, "network") {
			c.Subnets, c.SecurityGroups = []string{"a", "b"}, []string{"c"}
		}
		if rapid.Bool().Draw(rt, "staged") {
			providertest.Stage(&s)
		}
		s.Attempt = rapid.IntRange(1, 3).Draw(rt, "attempt")
		s.Job.Batching.Concurrency = rapid.IntRange(0, 16).Draw(rt, "concurrency")
		s.Job.Compute.CPUs = rapid.IntRange(0, 128).Draw(rt, "cpus")
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
		for i := range first.Requests {
			if q := first.Requests[i]; q.ID == jobID {
				d, err := b.read(q)
				if err != nil || *d.job.TransformJobName != q.Name {
					rt.Fatalf("%+v, %v", d, err)
				}
			}
			for k := range first.Requests[i].Body {
				first.Requests[i].Body[k] = 'x'
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
	tr, err := b.Translate(inPlace(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range tr.Requests {
		if _, err := b.read(q); err != nil {
			t.Errorf("%s: %v", q.ID, err)
		}
	}
	good := tr.Requests[1]
	for name, alter := range map[string]func(q *provider.Request){
		"another region":   func(q *provider.Request) { q.Target = "eu-west-1" },
		"another name":     func(q *provider.Request) { q.Name = "cb-x" },
		"an operation":     func(q *provider.Request) { q.Op = "DeleteModel" },
		"no JSON":          func(q *provider.Request) { q.Body = []byte("{") },
		"more text":        func(q *provider.Request) { q.Body = append(bytes.Clone(q.Body), "{}"...) },
		"unknown member":   func(q *provider.Request) { q.Body = append([]byte(`{"A":1,`), q.Body[1:]...) },
		"not canonical":    func(q *provider.Request) { q.Body = append([]byte(` `), q.Body...) },
		"of another shape": func(q *provider.Request) { q.Op = createModel },
	} {
		q := good
		alter(&q)
		if _, err := b.read(q); provider.CodeOf(err) != provider.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if reflect.DeepEqual(good, tr.Requests[0]) {
		t.Error("both are one")
	}
}
