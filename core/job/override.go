package job

import "maps"

// Override changes a job where it is placed on a provider. Zero means that the
// job's own value stays.
type Override struct {
	Provider string            `json:"provider"` // KIND or KIND.ALIAS
	Batching Batching          `json:"batching,omitzero"`
	Compute  ComputeChange     `json:"compute,omitzero"`
	Env      map[string]string `json:"env,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"`
}

// ComputeChange is the compute block of an override. Spot can be taken back, so
// that false is not the same as unset.
type ComputeChange struct {
	Instances int    `json:"instances,omitempty"`
	CPUs      int    `json:"cpus,omitempty"`
	Memory    int64  `json:"memory,omitempty"` // bytes
	Spot      *bool  `json:"spot,omitempty"`
	Machine   string `json:"machine,omitempty"`
	GPU       *GPU   `json:"gpu,omitempty"` // an empty type or a count of 0 is unset
}

// On is the job as it runs on a provider: the overrides of its kind are merged
// over it, then those of its alias. Blocks merge field by field, maps key by
// key. The result has no overrides left, and shares nothing with j that On
// changed. A fingerprint is taken of j, never of the result.
func (j Job) On(ref ProviderRef) Job {
	out := j
	out.Overrides = nil
	for _, name := range []string{ref.Kind, ref.String()} {
		for _, o := range j.Overrides {
			if o.Provider == name {
				out = out.with(o)
			}
		}
	}
	return out
}

func (j Job) with(o Override) Job {
	set(&j.Batching.Records, o.Batching.Records)
	set(&j.Batching.Payload, o.Batching.Payload)
	set(&j.Batching.Concurrency, o.Batching.Concurrency)
	j.Compute = j.Compute.with(o.Compute)
	j.Env = merged(j.Env, o.Env)
	j.Labels = merged(j.Labels, o.Labels)
	return j
}

func (c Compute) with(o ComputeChange) Compute {
	set(&c.Instances, o.Instances)
	set(&c.CPUs, o.CPUs)
	set(&c.Memory, o.Memory)
	set(&c.Machine, o.Machine)
	if o.Spot != nil {
		c.Spot = *o.Spot
	}
	if o.GPU != nil {
		gpu := GPU{Count: 1}
		if c.GPU != nil {
			gpu = *c.GPU
		}
		set(&gpu.Type, o.GPU.Type)
		set(&gpu.Count, o.GPU.Count)
		c.GPU = &gpu
	}
	return c
}

// set takes a value that is not zero.
func set[T comparable](to *T, value T) {
	var zero T
	if value != zero {
		*to = value
	}
}

func merged(base, over map[string]string) map[string]string {
	if len(over) == 0 {
		return base
	}
	out := maps.Clone(base)
	if out == nil {
		out = map[string]string{}
	}
	maps.Copy(out, over)
	return out
}
