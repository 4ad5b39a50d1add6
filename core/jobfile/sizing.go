package jobfile

import (
	"fmt"
	"time"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/zclconf/go-cty/cty"
)

func batching(b *body) job.Batching {
	var out job.Batching
	out.Records, _, _ = b.integer("records", 1)
	out.Payload = b.size("payload")
	out.Concurrency, _, _ = b.integer("concurrency", 1)
	return out
}

func compute(b *body) job.Compute {
	var c job.Compute
	c.Instances, _, _ = b.integer("instances", 1)
	c.CPUs, _, _ = b.integer("cpus", 1)
	c.Memory = b.size("memory")
	c.Spot, _, _ = b.boolean("spot")
	c.Machine = b.filled("machine")
	if b.has("gpu") {
		gpu := b.one("gpu")
		c.GPU = &job.GPU{Type: gpu.filled("type")}
		c.GPU.Count, _, _ = gpu.integer("count", 1)
	}
	return c
}

// filled reads a string that means nothing when it is empty.
func (b *body) filled(name string) string {
	text, s, p := b.text(name)
	if p == given && text == "" {
		s.fail(s.path+" is empty.", "")
	}
	return text
}

// size reads a number of bytes.
func (b *body) size(name string) int64 {
	text, s, p := b.text(name)
	if p != given {
		return 0
	}
	n, err := job.ParseSize(text)
	switch {
	case err != nil && s.secret:
		s.fail(s.path+" is not a size.", "")
	case err != nil:
		s.fail(upperFirst(err.Error())+".", "")
	case n == 0:
		s.fail(s.path+" is zero.", "")
	}
	return n
}

// duration reads a length of time.
func (b *body) duration(name string) time.Duration {
	text, s, p := b.text(name)
	if p != given {
		return 0
	}
	d, err := job.ParseDuration(text)
	switch {
	case err != nil && s.secret:
		s.fail(s.path+" is not a duration.", "")
	case err != nil:
		s.fail(upperFirst(err.Error())+".", "")
	case d == 0:
		s.fail(s.path+" is zero.", "Leave it out for no limit.")
	}
	return d
}

func limits(b *body) job.Limits {
	var out job.Limits
	out.Timeout = b.duration("timeout")
	out.Retries, _, _ = b.integer("retries", 0)
	out.FailedRecords = tolerance(b)
	out.Cost = cost(b)
	return out
}

// cost reads an amount of USD.
func cost(b *body) *float64 {
	v, s, p := b.typed("cost", cty.Number)
	if p != given {
		return nil
	}
	usd, _ := v.AsBigFloat().Float64()
	if !(usd > 0) || usd > maxCost {
		s.fail(fmt.Sprintf("%s takes an amount in USD above 0, not %s.", s.path, s.bare(numberText(v.AsBigFloat()))), "Leave it out for no limit.")
		return nil
	}
	return &usd
}

// maxCost keeps amounts in the range that prints without an exponent.
const maxCost = 1e12

// tolerance reads failed_records, a number or a string.
func tolerance(b *body) *job.Tolerance {
	v, s, p := b.raw("failed_records")
	if p != given {
		return nil
	}
	text := ""
	switch v.Type() {
	case cty.Number:
		text = numberText(v.AsBigFloat())
	case cty.String:
		text = v.AsString()
	default:
		s.fail(s.path+` takes a number of records or a percentage.`, `Write 100 or "1%".`)
		return nil
	}
	t, err := job.ParseTolerance(text)
	if err != nil {
		detail := upperFirst(err.Error()) + "."
		if s.secret {
			detail = s.path + " is neither a count of records nor a percentage."
		}
		s.fail(detail, "")
		return nil
	}
	return &t
}
