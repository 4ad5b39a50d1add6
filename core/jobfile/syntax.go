package jobfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
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

// parsed is a job file and what is wrong with it.
type parsed struct {
	file  *hcl.File // at least its bytes, unless it could not be read
	body  hcl.Body  // nil after an error
	diags hcl.Diagnostics
}

// parse reads job files, several at a time, and adds their syntax trees. A file
// with a fault adds only that. path is where a name is read.
func (l *loader) parse(names []string, path func(name string) string) {
	all := make([]parsed, len(names))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(names)) {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(names)); i = next.Add(1) - 1 {
				all[i] = readJobFile(l.src, names[i], path(names[i]))
			}
		})
	}
	workers.Wait()
	for i, p := range all {
		l.add(p.diags...)
		if p.file != nil {
			l.files[names[i]] = p.file
		}
		if p.body != nil {
			l.bodies = append(l.bodies, named{names[i], p.body})
		}
	}
}

func readJobFile(from source, name, path string) parsed {
	src, err := from.read(path)
	if err != nil {
		return parsed{diags: hcl.Diagnostics{unreadable(name, err)}}
	}
	if d := invalidText(name, src); d != nil {
		return parsed{diags: hcl.Diagnostics{d}}
	}
	file, diags := parseFile(name, src)
	if file == nil || diags.HasErrors() {
		return parsed{file: &hcl.File{Bytes: src}, diags: diags}
	}
	return parsed{file: file, body: file.Body, diags: diags}
}

// parseFile parses HCL, or its JSON syntax when the name says so.
func parseFile(name string, src []byte) (*hcl.File, hcl.Diagnostics) {
	if strings.HasSuffix(name, ".json") {
		if d := tooDeepJSON(name, src); d != nil {
			return nil, hcl.Diagnostics{d}
		}
		return hcljson.Parse(src, name)
	}
	return parseNative(name, src)
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
	if i < 0 {
		return false
	}
	exponent := bytes.TrimLeft(text[i+1:], "+-0")
	return len(exponent)-len(bytes.TrimLeft(exponent, "0123456789")) > 3
}
