package view

import (
	"fmt"
	"time"

	"github.com/crossbatch/crossbatch/local/emulator"
	"github.com/crossbatch/crossbatch/local/emulator/fault"
)

// Emulation is a running emulator.
type Emulation struct {
	Services     []emulator.Service
	Faults       []fault.Spec
	Dir, EnvFile string // empty: none
	Took         time.Duration
}

type emulatedService struct {
	Name        string            `json:"name"`
	Title       string            `json:"title"`
	Endpoint    string            `json:"endpoint"`
	Environment map[string]string `json:"environment"`
	Lines       []emulatedLine    `json:"lines"`
}

type emulatedLine struct {
	For  string `json:"for"`
	Text string `json:"text"`
}

// ShowEmulation prints how clients are led to each service.
func ShowEmulation(t Terminal, asJSON bool, e Emulation) error {
	if asJSON {
		out := struct {
			FormatVersion int               `json:"format_version"`
			Services      []emulatedService `json:"services"`
			Faults        []string          `json:"faults,omitempty"`
			Dir           string            `json:"dir,omitempty"`
			EnvFile       string            `json:"env_file,omitempty"`
			ReadyMS       float64           `json:"ready_ms"`
		}{FormatVersion: FormatVersion, Dir: e.Dir, EnvFile: e.EnvFile, ReadyMS: float64(e.Took.Microseconds()) / 1000}
		for _, s := range e.Faults {
			out.Faults = append(out.Faults, s.String())
		}
		for _, s := range e.Services {
			one := emulatedService{Name: s.Name, Title: s.Title, Endpoint: s.Endpoint, Environment: map[string]string{}, Lines: []emulatedLine{}}
			for _, v := range e.variables(s) {
				one.Environment[v.Name] = v.Value
			}
			for _, l := range s.Lines {
				one.Lines = append(one.Lines, emulatedLine(l))
			}
			out.Services = append(out.Services, one)
		}
		return printJSON(t.Out, out)
	}
	v := human{t}
	for _, s := range e.Services {
		fmt.Fprintf(t.Out, "%s  %s  %s\n", v.bold(fmt.Sprintf("%-20s", s.Title)), s.Endpoint, v.dim(s.Name))
		for _, x := range e.variables(s) {
			fmt.Fprintf(t.Out, "  %s=%s\n", x.Name, x.Value)
		}
		for _, l := range s.Lines {
			fmt.Fprintf(t.Out, "  %s  %s\n", v.dim(fmt.Sprintf("%-10s", l.For)), l.Text)
		}
		fmt.Fprintln(t.Out)
	}
	for _, s := range e.Faults {
		fmt.Fprintf(t.Out, "goes wrong  %s\n", s)
	}
	if e.EnvFile != "" {
		fmt.Fprintf(t.Out, "variables   . %s\n", near(e.EnvFile))
	}
	if e.Dir != "" {
		fmt.Fprintf(t.Out, "kept in     %s (Cloud Storage: when this is interrupted)\n", e.Dir)
	} else {
		fmt.Fprintln(t.Out, "kept in     memory, and forgotten at the end; --dir keeps it")
	}
	_, err := fmt.Fprintf(t.Out, "ready       after %d ms; Ctrl-C stops it\n", e.Took.Milliseconds())
	return err
}

// variables are those with a value: one that names a file has it when the files
// were written.
func (e Emulation) variables(s emulator.Service) []emulator.Variable {
	var out []emulator.Variable
	for _, x := range s.Variables {
		if x.File != "" && e.EnvFile == "" {
			continue
		}
		if x.File != "" {
			x.Value = e.EnvFile + "." + x.File
		}
		out = append(out, x)
	}
	return out
}
