package predict

import (
	"maps"
	"strings"
)

// environment is what a container is told: the job's variables, in which $(NAME)
// stands for one of the service's or one further up, and the service's own.
func (t Task) environment(storage string) map[string]string {
	out := maps.Clone(t.Environment)
	if out == nil {
		out = map[string]string{}
	}
	out["AIP_STORAGE_URI"] = storage
	for _, v := range t.User {
		out[v.Name] = expand(v.Value, out)
	}
	return out
}

// expand puts values in place of $(NAME). A name that is unknown stays as it is, and
// $$ is a dollar sign, as
// https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
// has it.
func expand(text string, values map[string]string) string {
	var out strings.Builder
	for {
		at := strings.IndexByte(text, '$')
		if at < 0 || at+1 == len(text) {
			out.WriteString(text)
			return out.String()
		}
		out.WriteString(text[:at])
		text = text[at:]
		if text[1] == '$' {
			out.WriteByte('$')
			text = text[2:]
			continue
		}
		name, rest, ok := strings.Cut(strings.TrimPrefix(text, "$("), ")")
		value, known := values[name]
		if text[1] != '(' || !ok || !known {
			out.WriteByte('$')
			text = text[1:]
			continue
		}
		out.WriteString(value)
		text = rest
	}
}
