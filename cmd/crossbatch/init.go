package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/crossbatch/crossbatch/cmd/crossbatch/draft"
	"github.com/crossbatch/crossbatch/cmd/crossbatch/view"
	"github.com/crossbatch/crossbatch/core/jobfile"
	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/local/engine"
)

func (a *app) initCommand() *cobra.Command {
	var modelPath, input string
	c := &cobra.Command{
		Use:   "init --model M.onnx --input F",
		Short: "Write a first job file for a model and its data",
		Long: `Look at a model and at the first records of its data, and write a job file into
the current folder, named after the model. An existing file is never touched.`,
		Example: "  crossbatch init --model models/churn.onnx --input data/customers.csv",
		Args:    noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.init(c.Context(), modelPath, input)
		},
	}
	c.Flags().StringVar(&modelPath, "model", "", "the ONNX model")
	c.Flags().StringVar(&input, "input", "", "a file, a folder or a glob of data")
	_ = c.MarkFlagRequired("model")
	_ = c.MarkFlagRequired("input")
	return c
}

func (a *app) init(ctx context.Context, modelPath, input string) error {
	pkg, err := model.Open(ctx, modelPath)
	if err != nil {
		return err
	}
	source, err := object(input)
	if err != nil {
		return err
	}
	peek, err := engine.PeekAt(ctx, a.open, draft.Input(source), 100)
	if err != nil {
		return err
	}
	name := draft.Name(strings.TrimSuffix(filepath.Base(modelPath), filepath.Ext(modelPath)))
	d := draft.New(draft.Params{Name: name, Model: filepath.ToSlash(modelPath), Input: filepath.ToSlash(input), Graph: pkg.Graph, Peek: peek})
	path := name + jobfile.Suffix
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already; remove it, or work in another folder", path)
	}
	if err != nil {
		return fmt.Errorf("writing the job file: %w", err)
	}
	_, err = f.Write(d.Text)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		_ = os.Remove(path)
		return fmt.Errorf("writing the job file: %w", err)
	}
	return view.ShowDraft(a.stdout, a.json, path, d)
}
