package jobfile

import (
	"fmt"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// under is a path of a job file made absolute.
func (l *loader) under(p string) string {
	if filepath.IsAbs(p) {
		return filepath.Clean(p)
	}
	return filepath.Join(l.dir, p)
}

func (l *loader) fileFunction() function.Function {
	return function.New(&function.Spec{
		Description: "the text of a file",
		Params:      []function.Parameter{{Name: "path", Type: cty.String}},
		Type:        function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			name := args[0].AsString()
			src, err := l.src.read(l.under(name))
			switch {
			case err != nil:
				return cty.NilVal, function.NewArgErrorf(0, "can not read %q: %w", name, err)
			case !utf8.Valid(src):
				return cty.NilVal, function.NewArgErrorf(0, "%q is not UTF-8 text", name)
			}
			return cty.StringVal(string(src)), nil
		},
	})
}

func (l *loader) filesetFunction() function.Function {
	return function.New(&function.Spec{
		Description: "the files below a folder that match a pattern, relative to the folder",
		Params:      []function.Parameter{{Name: "folder", Type: cty.String}, {Name: "pattern", Type: cty.String}},
		Type:        function.StaticReturnType(cty.Set(cty.String)),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			folder, pattern := args[0].AsString(), args[1].AsString()
			if err := checkGlob(pattern); err != nil {
				return cty.NilVal, function.NewArgError(1, err)
			}
			all, err := l.src.files(l.under(folder))
			if err != nil {
				return cty.NilVal, function.NewArgErrorf(0, "can not list %q: %w", folder, err)
			}
			found := []cty.Value{}
			for _, name := range all {
				if doublestar.MatchUnvalidated(pattern, name) {
					found = append(found, cty.StringVal(name))
				}
			}
			if len(found) == 0 {
				return cty.SetValEmpty(cty.String), nil
			}
			return cty.SetVal(found), nil
		},
	})
}

func (l *loader) envFunction() function.Function {
	return function.New(&function.Spec{
		Description: "an environment variable; not for secrets",
		Params:      []function.Parameter{{Name: "name", Type: cty.String}},
		Type:        function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			name := args[0].AsString()
			text, ok := l.env[name]
			if !ok {
				return cty.NilVal, function.NewArgErrorf(0, "the environment variable %q is not set; try(env(%q), \"DEFAULT\") gives a default", name, name)
			}
			return cty.StringVal(strings.ToValidUTF8(text, "\uFFFD")), nil
		},
	})
}

// checkGlob says what is wrong with a pattern.
func checkGlob(pattern string) error {
	if !doublestar.ValidatePattern(pattern) {
		return fmt.Errorf("%q is not a pattern: a bracket or a brace is not closed", pattern)
	}
	return nil
}
