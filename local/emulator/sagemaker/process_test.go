package sagemaker

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"

	"github.com/crossbatch/crossbatch/local/emulator/sagemaker/transform"
)

func processing(input, output string, join types.JoinSource) tweak {
	return func(in *sdk.CreateTransformJobInput) {
		in.DataProcessing = &types.DataProcessing{JoinSource: join}
		if input != "" {
			in.DataProcessing.InputFilter = aws.String(input)
		}
		if output != "" {
			in.DataProcessing.OutputFilter = aws.String(output)
		}
	}
}

func undivided(in *sdk.CreateTransformJobInput) {
	in.TransformInput.SplitType, in.TransformOutput.AssembleWith = types.SplitTypeNone, types.AssemblyTypeNone
}

func TestProcessing(t *testing.T) {
	const lines, csv, doc = "application/jsonlines", "text/csv", "application/json"
	fixed := func(answer string) func(*http.Request, string) (int, string) {
		return func(*http.Request, string) (int, string) { return http.StatusOK, answer }
	}
	for _, c := range []struct {
		name, media, input string
		answer             string
		tweak              []tweak
		sent, out          string
	}{
		{"csv join", csv, "a,1\nb,2\n", "0.5\n0.25\n", []tweak{processing("", "", "Input")}, "a,1\nb,2\n", "a,1,0.5\nb,2,0.25\n"},
		{"csv id left out", csv, "a,1\n\"b,c\",2\n", "0.5\n0.25", []tweak{processing("$[1:]", "$[0,-1]", "Input")}, "1\n2\n", "a,0.5\n\"b,c\",0.25\n"},
		{"csv last line open", csv, "a,1\nb,2", "0.5\n0.25\n", []tweak{processing("$[1]", "$[-1]", "Input")}, "1\n2", "0.5\n0.25\n"},
		{"csv, several values", csv, "a,1\n", "0.5,x\n", []tweak{processing("", "$[0,2:]", "Input")}, "a,1\n", "a,0.5,x\n"},
		{"csv, CRLF", csv, "a,1\r\n", "0.5\r\n", []tweak{processing("$[1:]", "", "Input")}, "1\n", "a,1,0.5\n"},
		{"csv, quotes", csv, "\"a \"\"b\"\", c\",1\n", "0\n", []tweak{processing("$[0]", "$[1,0]", "Input")}, "\"a \"\"b\"\", c\"\n", "1,\"a \"\"b\"\", c\"\n"},
		{"csv, output only", csv, "a,1\n", "0.5,x,y\n", []tweak{processing("", "$[1]", "None")}, "a,1\n", "x\n"},
		{"csv, input only", csv, "a,1\n", "0.5\n", []tweak{processing("$[1:]", "", "")}, "1\n", "0.5\n"},
		{
			"lines join", lines, `{"id": 1.50, "f": [1, 2]}` + "\n" + `{"f":[3],"id":"<b>"}` + "\n", "{\"s\": 0.5}\n[1]\n", []tweak{processing("$.f", "", "Input")},
			"[1, 2]\n[3]\n", `{"id":1.50,"f":[1, 2],"SageMakerOutput":{"s": 0.5}}` + "\n" + `{"f":[3],"id":"<b>","SageMakerOutput":[1]}` + "\n",
		},
		{
			"lines, no objects", lines, "[1,2]\n3\n", "4\n5\n", []tweak{processing("", "", "Input")},
			"[1,2]\n3\n", `{"SageMakerInput":[1,2],"SageMakerOutput":4}` + "\n" + `{"SageMakerInput":3,"SageMakerOutput":5}` + "\n",
		},
		{"lines, chosen", lines, `{"id":7,"f":[1]}` + "\n", "{\"s\":1}", []tweak{processing("", "$['id','SageMakerOutput']", "Input")}, `{"id":7,"f":[1]}` + "\n", `{"id":7,"SageMakerOutput":{"s":1}}` + "\n"},
		{"lines, deep", lines, `{"id":7}` + "\n", "{\"s\":1}", []tweak{processing("", "$.SageMakerOutput.s", "Input")}, `{"id":7}` + "\n", "1\n"},
		{"lines, written over", lines, `{"SageMakerOutput":1,"a":2}` + "\n", "3", []tweak{processing("", "", "Input")}, `{"SageMakerOutput":1,"a":2}` + "\n", `{"SageMakerOutput":3,"a":2}` + "\n"},
		{"document", doc, "{\"id\":7,\n \"f\":[1]}\n", "{\"s\":1}\n", []tweak{undivided, processing("$.f", "", "Input")}, "[1]", `{"id":7,"f":[1],"SageMakerOutput":{"s":1}}`},
		{"documents by lines", doc, "{\"id\":7}\n{\"id\":8}\n", "1\n2\n", []tweak{processing("$.id", "$.id", "Input")}, "7\n8\n", "7\n8\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, Options{})
			w.createModel("m")
			w.model.answer = fixed(c.answer)
			w.put("in/a", c.input)
			w.completes(aJob("j", append(c.tweak, media(c.media, c.media))...))
			if got := w.model.bodies(); !slices.Equal(got, []string{c.sent}) {
				t.Errorf("sent %q, want %q", got, c.sent)
			}
			w.holds("a.out", c.out)
		})
	}
	for _, c := range []struct {
		name, media, input, answer string
		tweak                      tweak
		line                       string
	}{
		{"fewer", csv, "1\n2\n", "0.5\n", processing("", "", "Input"), "fewer records"},
		{"more", csv, "1\n", "0.5\n0.5\n", processing("", "", "Input"), "more records"},
		{"index behind the input", csv, "1,2\n", "0.5\n", processing("$[2]", "", ""), "InputFilter: index 2 is not in the data"},
		{"index behind the join", csv, "1\n", "0.5\n", processing("", "$[2]", "Input"), "OutputFilter: index 2 is not in the data"},
		{"open quote", csv, "\"1\n", "0.5\n", processing("$[0]", "", ""), "not closed"},
		{"behind a quote", csv, "\"1\"2,3\n", "0.5\n", processing("$[0]", "", ""), "behind a quoted field"},
		{"input no JSON", lines, "{\n", "1\n", processing("$.a", "", ""), "not JSON"},
		{"answer no JSON", lines, "1\n", "oops\n", processing("", "", "Input"), "not JSON"},
		{"no such name", lines, "{\"a\":1}\n", "1\n", processing("$.b", "", ""), `"b" is not in the data`},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, Options{})
			w.createModel("m")
			w.model.answer = fixed(c.answer)
			w.put("in/a", c.input)
			w.fails(aJob("j", media(c.media, c.media), c.tweak), "ClientError:", bucket+"/in/a: ")
			if text := strings.Join(w.lines("j"), "\n"); !strings.Contains(text, c.line) {
				t.Errorf("the log says %s, want %q", text, c.line)
			}
			w.holds()
		})
	}
}

func TestSliceEnds(t *testing.T) {
	for included, want := range map[bool]string{false: "b,c\n", true: "b,c,d\n"} {
		w := newWorld(t, Options{Transform: transform.Options{Uncertain: transform.Uncertain{SliceEndsIncluded: included}}})
		w.createModel("m")
		w.model.answer = echo
		w.put("in/a", "a,b,c,d\n")
		w.completes(aJob("j", processing("$[1:3]", "", "")))
		if got := w.model.bodies(); got[0] != want {
			t.Errorf("%t: sent %q, want %q", included, got, want)
		}
	}
}
