package jobfile

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2"
	"github.com/mitchellh/go-wordwrap"
)

// maxSnippet bounds a shown source line, in characters.
const maxSnippet = 160

// Render writes diags for a human: severity and summary, file and line, the
// source line with its culprit underlined, the detail and the hint. Files are
// the sources (Set.Files); a width of 0 wraps nothing.
func Render(w io.Writer, files map[string]*hcl.File, diags Diagnostics, width uint, color bool) error {
	for i, d := range diags {
		var b strings.Builder
		if i > 0 {
			b.WriteByte('\n')
		}
		renderOne(&b, files, d, width, paint{color})
		if _, err := io.WriteString(w, b.String()); err != nil {
			return fmt.Errorf("write diagnostics: %w", err)
		}
	}
	return nil
}

// paint colours text when it is on.
type paint struct{ on bool }

func (p paint) with(code, text string) string {
	if !p.on {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func renderOne(b *strings.Builder, files map[string]*hcl.File, d *hcl.Diagnostic, width uint, p paint) {
	name, code := "Error", "1;31"
	if d.Severity == hcl.DiagWarning {
		name, code = "Warning", "1;33"
	}
	fmt.Fprintf(b, "%s: %s\n", p.with(code, name), p.with("1", printable(d.Summary)))
	if d.Subject != nil {
		renderSource(b, files[d.Subject.Filename], d, p)
	}
	for _, line := range scopeLines(d) {
		fmt.Fprintf(b, "  with %s\n", printable(line))
	}
	if d.Detail != "" {
		fmt.Fprintf(b, "\n%s\n", wrapped(d.Detail, width))
	}
	if hint := noteOf(d).hint; hint != "" {
		fmt.Fprintf(b, "\n%s\n", wrapped("Hint: "+hint, width))
	}
}

func wrapped(text string, width uint) string {
	text = printable(text)
	if width == 0 {
		return text
	}
	return wordwrap.WrapString(text, width)
}

func renderSource(b *strings.Builder, file *hcl.File, d *hcl.Diagnostic, p paint) {
	r := *d.Subject
	fmt.Fprintf(b, "  on %s line %d", printable(r.Filename), r.Start.Line)
	if file == nil || noteOf(d).secret || r.Start.Byte > len(file.Bytes) {
		b.WriteByte('\n')
		return
	}
	if block := blockAt(file, r.Start.Byte); block != "" {
		fmt.Fprintf(b, ", in %s", printable(block))
	}
	before, culprit, after := split(file.Bytes, r)
	fmt.Fprintf(b, ":\n%4d: %s%s%s\n", r.Start.Line, before, p.with("1", culprit), after)
	fmt.Fprintf(b, "      %s%s\n", strings.Repeat(" ", columns(before)), p.with(code(d), strings.Repeat("^", max(1, columns(culprit)))))
}

func code(d *hcl.Diagnostic) string {
	if d.Severity == hcl.DiagWarning {
		return "33"
	}
	return "31"
}

// split cuts the first line of r out of src, ready to print.
func split(src []byte, r hcl.Range) (before, culprit, after string) {
	start := r.Start.Byte
	head := src[bytes.LastIndexByte(src[:start], '\n')+1 : start]
	rest := src[start:]
	if i := bytes.IndexByte(rest, '\n'); i >= 0 {
		rest = rest[:i]
	}
	n := min(max(r.End.Byte-start, 0), len(rest))
	before, culprit, after = oneLine(head), oneLine(rest[:n]), oneLine(rest[n:])
	if len(before) > maxSnippet {
		before = "..." + strings.ToValidUTF8(before[len(before)-maxSnippet/2:], "")
	}
	if room := maxSnippet - min(len(before), maxSnippet/2); len(culprit) > room {
		culprit, after = strings.ToValidUTF8(culprit[:room], ""), "..."
	}
	if len(after) > maxSnippet {
		after = strings.ToValidUTF8(after[:maxSnippet], "") + "..."
	}
	return before, culprit, after
}

// oneLine makes source text safe to print under a caret: a tab is one column.
func oneLine(src []byte) string {
	return printable(strings.TrimRight(strings.ReplaceAll(string(src), "\t", " "), "\r"))
}

// columns counts the cells of s, near enough for a caret.
func columns(s string) int {
	n := 0
	for _, r := range s {
		if !unicode.Is(unicode.Mn, r) {
			n++
		}
	}
	return n
}

// printable keeps escape sequences in names and sources off the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// blockAt names the top-level block around a byte of file.
func blockAt(file *hcl.File, offset int) string {
	type describer interface{ ContextString(offset int) string }
	if n, ok := file.Nav.(describer); ok {
		return n.ContextString(offset)
	}
	return ""
}
