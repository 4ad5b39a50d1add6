package jobfile

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// HCL parses and evaluates by recursion, and a Go stack that overflows can not
// be caught: what nests deeper than any person writes is refused before.
const (
	maxDepth  = 100
	maxTokens = 10_000 // of one expression
)

// parse adds a job file's syntax tree. A file with a fault adds only that.
func (l *loader) parse(name string, src []byte) {
	if d := invalidText(name, src); d != nil {
		l.add(d)
		return
	}
	l.files[name] = &hcl.File{Bytes: src}
	if d := tooDeep(name, src); d != nil {
		l.add(d)
		return
	}
	file, diags := hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	l.add(diags...)
	if file == nil || diags.HasErrors() {
		return
	}
	l.files[name] = file
	l.bodies = append(l.bodies, named{name, file.Body})
}

// named is a body and the file it is from.
type named struct {
	file string
	body hcl.Body
}

// invalidText reports bytes that are not UTF-8.
func invalidText(name string, src []byte) *hcl.Diagnostic {
	if utf8.Valid(src) {
		return nil
	}
	at := 0
	for at < len(src) {
		r, n := utf8.DecodeRune(src[at:])
		if r == utf8.RuneError && n <= 1 {
			break
		}
		at += n
	}
	line := 1 + bytes.Count(src[:at], []byte{'\n'})
	column := 1 + utf8.RuneCount(src[bytes.LastIndexByte(src[:at], '\n')+1:at])
	pos := hcl.Pos{Line: line, Column: column, Byte: at}
	return problem(hcl.Range{Filename: name, Start: pos, End: pos}, "Invalid UTF-8",
		fmt.Sprintf("%s is not UTF-8 text: byte %d is invalid.", name, at), "Save the file as UTF-8.")
}

// bracket is one open bracket and how many parts stand in it since the last
// separator.
type bracket struct {
	brace bool // newlines separate
	parts int
}

// tooDeep reports the first place that nests too deep or goes on for too long.
func tooDeep(name string, src []byte) *hcl.Diagnostic {
	tokens, _ := hclsyntax.LexConfig(src, name, hcl.InitialPos) // the parser reports the same faults
	open := []bracket{{brace: true}}
	for _, t := range tokens {
		top := &open[len(open)-1]
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenTemplateInterp,
			hclsyntax.TokenTemplateControl, hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc:
			top.parts++
			open = append(open, bracket{brace: t.Type == hclsyntax.TokenOBrace})
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenTemplateSeqEnd,
			hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc:
			if len(open) > 1 {
				open = open[:len(open)-1]
			}
		case hclsyntax.TokenComma, hclsyntax.TokenEqual:
			top.parts = 0
		case hclsyntax.TokenNewline:
			if top.brace {
				top.parts = 0
			}
		case hclsyntax.TokenComment, hclsyntax.TokenQuotedLit, hclsyntax.TokenStringLit:
		case hclsyntax.TokenNumberLit:
			if longNumber(t.Bytes) {
				return problem(t.Range, "Number out of range", "The exponent of a number may have 3 digits.", "")
			}
			top.parts++
		default:
			top.parts++
		}
		if len(open) > maxDepth {
			return problem(t.Range, "Nested too deep", fmt.Sprintf("Blocks, brackets and templates may nest %d deep.", maxDepth), "")
		}
		if open[len(open)-1].parts > maxTokens {
			return problem(t.Range, "Expression too long", fmt.Sprintf("One expression may have %d parts.", maxTokens), "")
		}
	}
	return nil
}

// longNumber finds numbers like 1e999999999, whose text would be that long.
func longNumber(text []byte) bool {
	i := bytes.IndexAny(text, "eE")
	return i >= 0 && len(bytes.TrimLeft(text[i+1:], "+-0")) > 3
}
