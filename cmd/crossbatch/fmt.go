package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/crossbatch/crossbatch/cmd/crossbatch/view"
	"github.com/crossbatch/crossbatch/core/jobfile"
	"github.com/crossbatch/crossbatch/core/storage"
)

func (a *app) fmtCommand() *cobra.Command {
	var check, diff bool
	c := &cobra.Command{
		Use:   "fmt PATH...",
		Short: "Write job files in their canonical layout",
		Long: `Rewrite job files and variable files in HCL's canonical layout and print the names
of those that changed. A folder means the job files and variable files in it, and -
standard input. A file with a syntax error is shown and left alone, and so is JSON.`,
		Example: `  crossbatch fmt jobs/
  crossbatch fmt --check --diff jobs/      (exit code 1 when something would change)`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("crossbatch fmt takes job files or folders, or - for standard input")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			return a.fmt(c.Context(), formatting{check: check, diff: diff, in: c.InOrStdin()}, args)
		},
	}
	c.Flags().BoolVar(&check, "check", false, "change nothing; exit code 1 when something would change")
	c.Flags().BoolVar(&diff, "diff", false, "print what changes")
	return c
}

// formatting is one run of fmt.
type formatting struct {
	check, diff bool
	in          io.Reader
	changed     []view.Formatted
	broken      bool
}

func (a *app) fmt(ctx context.Context, f formatting, paths []string) error {
	for _, path := range paths {
		if path == "-" {
			src, err := io.ReadAll(f.in)
			if err != nil {
				return fmt.Errorf("reading standard input: %w", err)
			}
			out, ok := a.formatted(&f, "<stdin>", src)
			if ok && !f.check && !f.diff {
				if _, err := a.stdout.Write(out); err != nil {
					return err
				}
			}
			continue
		}
		files, err := jobfile.Formattable(path)
		if err != nil {
			return err
		}
		for _, file := range files {
			if err := a.fmtFile(ctx, &f, file); err != nil {
				return err
			}
		}
	}
	if err := view.ShowFormatted(a.stdout, a.json, f.diff, f.changed); err != nil {
		return err
	}
	if f.broken || f.check && len(f.changed) > 0 {
		return &exit{code: exitError}
	}
	return nil
}

func (a *app) fmtFile(ctx context.Context, f *formatting, file string) error {
	src, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	out, ok := a.formatted(f, file, src)
	if !ok || f.check || bytes.Equal(src, out) {
		return nil
	}
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	b, err := storage.OpenFolder(filepath.Dir(file))
	if err != nil {
		return err
	}
	err = b.Replace(ctx, filepath.Base(file), out)
	if err == nil {
		err = os.Chmod(file, info.Mode().Perm())
	}
	return errors.Join(err, b.Close())
}

// formatted is a file's canonical text; false when it has none, which is shown.
func (a *app) formatted(f *formatting, name string, src []byte) ([]byte, bool) {
	out, parsed, diags := jobfile.Format(name, src)
	if diags.HasErrors() {
		f.broken = true
		_ = jobfile.Render(a.stderr, map[string]*hcl.File{name: parsed}, diags, 100, a.tty && a.colour)
		return nil, false
	}
	if !bytes.Equal(src, out) && name != "<stdin>" || f.check && !bytes.Equal(src, out) {
		f.changed = append(f.changed, view.Formatted{Name: name, Before: src, After: out})
	}
	return out, true
}
