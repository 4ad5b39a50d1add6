package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/crossbatch/crossbatch/cmd/crossbatch/view"
	"github.com/crossbatch/crossbatch/local/emulator"
	"github.com/crossbatch/crossbatch/local/emulator/fault"
)

type emulateOptions struct {
	emulator.Options
	envFile string
	buckets []string
	faults  []string
}

func (a *app) emulateCommand() *cobra.Command {
	var o emulateOptions
	c := &cobra.Command{
		Use:   "emulate",
		Short: "Serve object stores and batch services of clouds on this machine",
		Long: `Serve Amazon S3, Google Cloud Storage, Azure Blob Storage and OCI Object Storage
on this machine's loopback, and beside them Amazon SageMaker Batch Transform and
Google Vertex AI batch prediction, as their official SDKs and CLIs know them, until
it is interrupted. Each has a port of its own; how to lead clients there is printed.
Nothing leaves this machine, and no credentials are needed but made-up ones.

Jobs really run: their data lie in the emulated stores, and whatever image they
name, their container is crossbatch serve.

Without --dir everything is forgotten at the end. With it, S3, Azure Blob and OCI
keep what they have answered, also when killed; Cloud Storage is written when the
command is interrupted, and what came after the last such stop is lost when it is
killed.

--bucket makes a bucket (a container of Azure's) in every store, or with
SERVICE:NAME in one: s3, gcs, azblob, oci.

--fault lets calls of the services that run models go wrong, each by dice that fall
alike for equal seeds: throttle, error, lost and capacity are shares of the calls (of
the jobs, for capacity) that are refused as too many, end in an error of the service,
are carried out without an answer, or find no machines; delay slows answers down, and
after late what has happened is seen in lists.

--env-file writes the environment variables, and files that they name beside it:
  . ./emulator.env`,
		Example: `  crossbatch emulate --bucket data
  crossbatch emulate --dir .emulator --env-file emulator.env
  crossbatch emulate --addr 127.0.0.1:0 --bucket s3:data --json
  crossbatch emulate --fault throttle=0.1,error=0.05,lost=0.02,delay=200ms,late=5s,seed=7`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return a.emulate(c.Context(), o) },
	}
	f := c.Flags()
	f.StringVar(&o.Address, "addr", "127.0.0.1:9400", "address of the first service, the others follow; port 0: any that are free")
	f.StringVar(&o.Dir, "dir", "", "folder that keeps everything; made when absent")
	f.StringVar(&o.envFile, "env-file", "", "file to write the environment variables to")
	f.StringArrayVar(&o.faults, "fault", nil, "[SERVICE:]NAME=VALUE,...: what goes wrong with calls of the services that run models (repeatable)")
	f.StringArrayVar(&o.buckets, "bucket", nil, "bucket to make: NAME or SERVICE:NAME (repeatable)")
	return c
}

// emulate serves until ctx is over. That is its good end.
func (a *app) emulate(ctx context.Context, o emulateOptions) (err error) {
	began := a.now()
	if o.envFile != "" {
		if o.envFile, err = filepath.Abs(o.envFile); err != nil {
			return err
		}
		if err := checkEnvFile(o.envFile); err != nil {
			return err
		}
	}
	for _, text := range o.faults {
		s, err := fault.Parse(text)
		if err != nil {
			return fmt.Errorf("--fault %s: %w", text, err)
		}
		o.Faults = append(o.Faults, s)
	}
	if o.Container, err = ownContainer(); err != nil {
		return err
	}
	e, err := emulator.Start(ctx, o.Options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	services := e.Services()
	if err := makeBuckets(ctx, e, services, o.buckets); err != nil {
		return err
	}
	if o.envFile != "" {
		if err := writeEnvFile(o.envFile, services); err != nil {
			return err
		}
	}
	v := view.Emulation{Services: services, Faults: o.Faults, Dir: o.Dir, EnvFile: o.envFile, Took: a.now().Sub(began)}
	if err := view.ShowEmulation(a.terminal(), a.json, v); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

func makeBuckets(ctx context.Context, e *emulator.Emulator, services []emulator.Service, buckets []string) error {
	for _, b := range buckets {
		if service, name, ok := strings.Cut(b, ":"); ok {
			if err := e.CreateBucket(ctx, service, name); err != nil {
				return err
			}
			continue
		}
		for _, s := range services {
			if !s.Store {
				continue
			}
			if err := e.CreateBucket(ctx, s.Name, b); err != nil {
				return fmt.Errorf("%w; --bucket %s:%s leaves the other services out", err, s.Name, b)
			}
		}
	}
	return nil
}

// envMark begins every file that writeEnvFile wrote, and no other.
const envMark = "# Written by crossbatch emulate: "

// checkEnvFile refuses to replace a file that is somebody's own.
func checkEnvFile(path string) error {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("--env-file: %w", err)
	}
	if !bytes.HasPrefix(b, []byte(envMark)) {
		return fmt.Errorf("--env-file: %s is there, and not one that this command wrote; choose another name or remove it", path)
	}
	return nil
}

// writeEnvFile writes lines for a shell to read, and beside them the files that
// they name. It comes last: when it is there, everything is.
func writeEnvFile(path string, services []emulator.Service) error {
	beside := func(name string) string { return path + "." + name }
	text := []byte(envMark + "these credentials are made up.\n")
	for _, s := range services {
		for _, f := range s.Files {
			content, err := f.Content(beside)
			if err != nil {
				return err
			}
			if err := writePrivate(beside(f.Name), content); err != nil {
				return err
			}
		}
		text = fmt.Appendf(text, "\n# %s at %s\n", s.Title, s.Endpoint)
		for _, v := range s.Variables {
			value := v.Value
			if v.File != "" {
				value = beside(v.File)
			}
			text = fmt.Appendf(text, "export %s='%s'\n", v.Name, strings.ReplaceAll(value, "'", `'\''`))
		}
	}
	return writePrivate(path, text)
}

// writePrivate writes a file for its owner alone, at one stroke.
func writePrivate(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// ownContainer is this very program, which serves models where a service would run
// the image that a job names.
func ownContainer() (emulator.Container, error) {
	self, err := os.Executable()
	if err != nil {
		return emulator.Container{}, fmt.Errorf("finding crossbatch itself: %w", err)
	}
	return emulator.Container{Path: self, Args: []string{"serve"}, Env: os.Environ()}, nil
}
