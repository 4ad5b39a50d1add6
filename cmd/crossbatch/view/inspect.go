package view

import (
	"fmt"
	"io"
	"strings"

	"github.com/crossbatch/crossbatch/core/model"
)

// ShowModel prints a model's interface.
func ShowModel(w io.Writer, asJSON bool, p *model.Package) error {
	if asJSON {
		return printJSON(w, struct {
			FormatVersion int `json:"format_version"`
			*model.Package
		}{FormatVersion, p})
	}
	g := p.Graph
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", p.Path)
	fmt.Fprintf(&b, "  digest    sha256:%s\n", p.Digest)
	producer := strings.TrimSpace(g.Producer + " " + g.ProducerVersion)
	if producer == "" {
		producer = "unknown"
	}
	fmt.Fprintf(&b, "  size      %s in %s, %s\n", bytesText(p.Size), count(int64(len(p.Files)), "file"), count(int64(g.Nodes), "node"))
	fmt.Fprintf(&b, "  made by   %s, IR version %d\n", producer, g.IR)
	values(&b, "inputs", g.Inputs)
	values(&b, "outputs", g.Outputs)
	if len(p.Files) > 1 {
		fmt.Fprintf(&b, "\nexternal data\n")
		for _, f := range p.Files[1:] {
			fmt.Fprintf(&b, "  %s  %s\n", f.Name, bytesText(f.Size))
		}
	}
	if len(g.Coupled) > 0 {
		fmt.Fprintf(&b, "\nrecords of a batch may change each other, so they run one at a time\n")
		for _, c := range g.Coupled {
			fmt.Fprintf(&b, "  %s %s: %s\n", c.Op, c.Node, c.Reason)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func values(b *strings.Builder, title string, list []model.Value) {
	fmt.Fprintf(b, "\n%s\n", title)
	width := 0
	for _, v := range list {
		width = max(width, len(v.Name))
	}
	for _, v := range list {
		fmt.Fprintf(b, "  %-*s  %s\n", width, v.Name, v.Type())
	}
}
