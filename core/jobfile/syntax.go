package jobfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	hcljson "github.com/hashicorp/hcl/v2/json"
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
	file, diags := parseFile(name, src)
	l.add(diags...)
	if file == nil || diags.HasErrors() {
		return
	}
	l.files[name] = file
	l.bodies = append(l.bodies, named{name, file.Body})
}

// parseFile parses HCL, or its JSON syntax when the name says so.
func parseFile(name string, src []byte) (*hcl.File, hcl.Diagnostics) {
	if strings.HasSuffix(name, ".json") {
		if d := tooDeepJSON(name, src); d != nil {
			return nil, hcl.Diagnostics{d}
		}
		return hcljson.Parse(src, name)
	}
	if d := tooDeep(name, src); d != nil {
		return nil, hcl.Diagnostics{d}
	}
	return hclsyntax.ParseConfig(src, name, hcl.InitialPos)
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
	return problem(rangeAt(name, src, at), "Invalid UTF-8",
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
	return tooDeepTokens(tokens)
}

func tooDeepTokens(tokens hclsyntax.Tokens) *hcl.Diagnostic {
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

// tooDeepJSON is tooDeep for HCL's JSON syntax, whose strings are templates.
func tooDeepJSON(name string, src []byte) *hcl.Diagnostic {
	dec := json.NewDecoder(bytes.NewReader(src))
	dec.UseNumber()
	for depth := 0; ; {
		at := dec.InputOffset()
		t, err := dec.Token()
		if err != nil {
			return nil // the parser reports the same faults
		}
		switch t := t.(type) {
		case json.Delim:
			if depth++; t == ']' || t == '}' {
				depth -= 2
			}
			if depth > maxDepth {
				return problem(rangeAt(name, src, int(at)), "Nested too deep", fmt.Sprintf("Objects and lists may nest %d deep.", maxDepth), "")
			}
		case json.Number:
			if longNumber([]byte(t)) {
				return problem(rangeAt(name, src, int(at)), "Number out of range", "The exponent of a number may have 3 digits.", "")
			}
		case string:
			tokens, _ := hclsyntax.LexTemplate([]byte(t), name, hcl.InitialPos)
			if d := tooDeepTokens(tokens); d != nil {
				rng := rangeAt(name, src, int(at))
				d.Subject = &rng
				return d
			}
		}
	}
}

// rangeAt is the place of a byte.
func rangeAt(name string, src []byte, at int) hcl.Range {
	line := 1 + bytes.Count(src[:at], []byte{'\n'})
	column := 1 + utf8.RuneCount(src[bytes.LastIndexByte(src[:at], '\n')+1:at])
	pos := hcl.Pos{Line: line, Column: column, Byte: at}
	return hcl.Range{Filename: name, Start: pos, End: pos}
}

// longNumber finds numbers like 1e999999999, whose text would be that long.
func longNumber(text []byte) bool {
	i := bytes.IndexAny(text, "eE")
	return i >= 0 && len(bytes.TrimLeft(text[i+1:], "+-0")) > 3
}
