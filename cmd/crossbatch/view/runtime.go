package view

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/crossbatch/crossbatch/local/onnx"
)

// ShowRuntime prints which library is used.
func ShowRuntime(w io.Writer, asJSON bool, lib onnx.Library, version string, devices []onnx.Device) error {
	names := make([]string, len(devices))
	for i, d := range devices {
		names[i] = d.String()
	}
	if asJSON {
		return printJSON(w, struct {
			FormatVersion int `json:"format_version"`
			onnx.Library
			Version string   `json:"version"`
			Devices []string `json:"devices"`
		}{FormatVersion, lib, version, names})
	}
	_, err := fmt.Fprintf(w, "ONNX Runtime %s\n  library  %s\n  found    %s\n  devices  %s\n", version, lib.Path, foundBy(lib.Source), strings.Join(names, ", "))
	return err
}

func foundBy(s onnx.Source) string {
	switch s {
	case onnx.FromCache:
		return "in the cache of `crossbatch runtime install`"
	case onnx.FromSystem:
		return "in a library folder of the system"
	case onnx.FromPython:
		return "in the Python package onnxruntime"
	}
	return "by the environment variable " + string(s)
}

// Install shows how far an installation is.
type Install struct {
	t      Terminal
	asJSON bool
	step   string
	bars   *mpb.Progress
	bar    *mpb.Bar
}

// NewInstall makes the view.
func NewInstall(t Terminal, asJSON bool) *Install { return &Install{t: t, asJSON: asJSON} }

// Report shows one step.
func (v *Install) Report(p onnx.Progress) {
	if v.step != p.Step {
		v.Abort()
		v.step = p.Step
		title := map[string]string{
			"fetch":  "fetching ONNX Runtime " + onnx.Version + " with npm",
			"check":  "checking its digest",
			"unpack": "unpacking the library",
		}[p.Step]
		if !v.t.Bars || p.Total == 0 {
			fmt.Fprintf(v.t.Err, "%s%s\n", title, sizeText(p.Total))
			return
		}
		v.bars = mpb.New(mpb.WithOutput(v.t.Err), mpb.WithWidth(40), mpb.WithRefreshRate(100*time.Millisecond))
		v.bar = v.bars.AddBar(p.Total, mpb.BarRemoveOnComplete(),
			mpb.PrependDecorators(decor.Name(title, decor.WC{W: 42, C: decor.DindentRight})),
			mpb.AppendDecorators(decor.CountersKibiByte(" % .1f / % .1f")))
	}
	if v.bar != nil {
		v.bar.SetCurrent(min(p.Done, p.Total-1))
	}
}

func sizeText(n int64) string {
	if n == 0 {
		return ""
	}
	return " (" + bytesText(n) + ")"
}

// Abort takes the bar away.
func (v *Install) Abort() {
	if v.bar != nil {
		v.bar.Abort(true)
		v.bars.Wait()
		v.bar, v.bars = nil, nil
	}
}

// Done says where the library is.
func (v *Install) Done(lib onnx.Library, fetched bool) error {
	v.Abort()
	if v.asJSON {
		return printJSON(v.t.Out, struct {
			FormatVersion int `json:"format_version"`
			onnx.Library
			Version string `json:"version"`
			Fetched bool   `json:"fetched"`
		}{FormatVersion, lib, onnx.Version, fetched})
	}
	word := "is installed already"
	if fetched {
		word = "is installed"
	}
	_, err := fmt.Fprintf(v.t.Out, "ONNX Runtime %s %s: %s\n", onnx.Version, word, lib.Path)
	return err
}
