package provider

import (
	"strings"

	"github.com/crossbatch/crossbatch/core/job"
)

// Findings are those of a Check: one for each of Fields, in their order. A field
// that special does not name is Exact.
func Findings(special map[string]Finding) []Finding {
	var out []Finding
	for _, field := range Fields() {
		f, ok := special[field]
		if !ok {
			f.Level = Exact
		}
		f.Field = field
		out = append(out, f)
	}
	return out
}

// SharedFindings are those of the fields that no service has a part in where the
// broker stages the input and publishes the results, and our scorer runs the model
// in the service's container. A backend whose service differs, or whose staging has
// more to say, puts its own in their place; the map is the caller's.
func SharedFindings(j job.Job) map[string]Finding {
	return map[string]Finding{
		"input.partitions":      Emulated.Because("what the parts of paths tell is staged with the records"),
		"input.key":             Scored(j.Model, len(j.Input.Key) > 0, "the scorer carries the key"),
		"input.empty":           Emulated.Because("judged when the input is listed"),
		"input.tensor":          Scored(j.Model, len(j.Input.Tensors) > 0, "the scorer feeds the model"),
		"input.limit":           Emulated.Because("only the first records are staged"),
		"output.destination":    Watched.Because("results are published once a watcher finds the job done"),
		"output.format":         Watched.Because("written when results are published"),
		"output.compression":    Watched.Because("written when results are published"),
		"output.keep":           Scored(j.Model, len(j.Output.Keep) > 0, "the scorer carries fields along"),
		"output.select":         Scored(j.Model, len(j.Output.Select) > 0, "the scorer picks outputs"),
		"output.existing":       Emulated.Because("judged at submission and again before publishing"),
		"limits.timeout":        Watched.Because("a watcher stops the job; the scorer also ends by itself after the time that is left"),
		"limits.failed_records": Watched.Because("judged when results are published"),
		"limits.retries":        Watched.Because("an attempt follows once a watcher finds the last one failed"),
		"limits.cost":           Emulated.Because("judged before a run begins"),
		"placement.failover":    Watched.Because("another provider is tried once a watcher finds this one failed"),
	}
}

// Scored is the finding of a field that our scorer sees to, as how says. It runs the
// models that are given by their artifact; with any other, a field that is set is
// Lost, and of one that is not there is nothing to lose.
func Scored(m job.Model, set bool, how string) Finding {
	switch {
	case m.Artifact != "":
		return Emulated.Because(how)
	case set:
		return Lost.Because("the user's own model gets records as they are and answers what it likes")
	}
	return Finding{Level: Exact}
}

// CheckImage is the finding of model.artifact where image, of the provider block,
// holds our scorer. It says so of one that is named by a tag: a run that is repeated
// may find another image there.
func CheckImage(m job.Model, image string) Finding {
	switch {
	case m.Artifact == "":
	case image == "":
		return Lost.Because("the provider block names no image, which is what scores a model given by its artifact")
	case !strings.Contains(image, "@sha256:"):
		return Exact.Because("the image " + image + " is named by a tag, which can move: @sha256:DIGEST behind its name pins it")
	}
	return Finding{Level: Exact}
}
