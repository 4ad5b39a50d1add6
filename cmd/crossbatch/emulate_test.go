//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"cloud.google.com/go/storage"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// emulation is a running `crossbatch emulate --json`.
type emulation struct {
	*testing.T
	cmd            *exec.Cmd
	stderr         bytes.Buffer
	env, endpoints map[string]string
}

func emulate(t *testing.T, args ...string) *emulation {
	t.Helper()
	e := &emulation{T: t, env: map[string]string{}, endpoints: map[string]string{}}
	e.cmd = exec.Command("crossbatch", append([]string{"emulate", "--addr", "127.0.0.1:0", "--json"}, args...)...)
	e.cmd.Env = append(os.Environ(), "GORACE="+quickRace)
	e.cmd.Stderr = &e.stderr
	out, err := e.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := e.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.cmd.Process.Kill() })
	var told struct {
		Services []struct {
			Name, Endpoint string
			Environment    map[string]string
		}
	}
	if err := json.NewDecoder(out).Decode(&told); err != nil { // it is ready when it has told
		_ = e.cmd.Wait()
		t.Fatalf("%v\n%s", err, &e.stderr)
	}
	for _, s := range told.Services {
		e.endpoints[s.Name] = s.Endpoint
		for name, value := range s.Environment {
			e.env[name] = value
		}
	}
	return e
}

// stop ends it with a signal and compares its exit code.
func (e *emulation) stop(signal syscall.Signal, want int) {
	e.Helper()
	if err := e.cmd.Process.Signal(signal); err != nil {
		e.Fatal(err)
	}
	_ = e.cmd.Wait()
	if got := e.cmd.ProcessState.ExitCode(); got != want {
		e.Fatalf("exit code %d, want %d\n%s", got, want, &e.stderr)
	}
}

func (e *emulation) s3() *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: aws.String(e.env["AWS_ENDPOINT_URL_S3"]), Region: e.env["AWS_REGION"],
		Credentials: credentials.NewStaticCredentialsProvider(e.env["AWS_ACCESS_KEY_ID"], e.env["AWS_SECRET_ACCESS_KEY"], ""),
	})
}

func (e *emulation) gcs() *storage.Client {
	e.Setenv("STORAGE_EMULATOR_HOST", e.env["STORAGE_EMULATOR_HOST"])
	c, err := storage.NewClient(context.Background())
	if err != nil {
		e.Fatal(err)
	}
	e.Cleanup(func() { _ = c.Close() })
	return c
}

// TestEmulatorKeepsObjects writes with real clients, ends the process, and reads
// in the next one. What a kill loses is what docs/emulators.md says.
func TestEmulatorKeepsObjects(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	write := func(e *emulation, key string) {
		e.Helper()
		if _, err := e.s3().PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("data"), Key: aws.String(key), Body: strings.NewReader(key)}); err != nil {
			e.Fatal(err)
		}
		w := e.gcs().Bucket("data").Object(key).NewWriter(t.Context())
		if _, err := io.WriteString(w, key); err != nil {
			e.Fatal(err)
		}
		if err := w.Close(); err != nil {
			e.Fatal(err)
		}
	}
	s3Has := func(e *emulation, key string) bool {
		out, err := e.s3().GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("data"), Key: aws.String(key)})
		if err != nil {
			return false
		}
		defer func() { _ = out.Body.Close() }()
		b, err := io.ReadAll(out.Body)
		return err == nil && string(b) == key
	}
	gcsHas := func(e *emulation, key string) bool {
		r, err := e.gcs().Bucket("data").Object(key).NewReader(t.Context())
		if err != nil {
			return false
		}
		defer func() { _ = r.Close() }()
		b, err := io.ReadAll(r)
		return err == nil && string(b) == key
	}

	e := emulate(t, "--dir", dir, "--bucket", "data")
	write(e, "a//stopped ?")
	e.stop(syscall.SIGINT, exitOK)

	e = emulate(t, "--dir", dir)
	if !s3Has(e, "a//stopped ?") || !gcsHas(e, "a//stopped ?") {
		t.Error("an interrupt lost an object")
	}
	write(e, "killed")
	e.stop(syscall.SIGKILL, -1)

	e = emulate(t, "--dir", dir)
	if !s3Has(e, "killed") {
		t.Error("a kill lost an object of S3's")
	}
	if !gcsHas(e, "a//stopped ?") {
		t.Error("a kill lost what GCS had written at a clean stop")
	}
	e.stop(syscall.SIGTERM, exitOK)
	if d, ok := http.DefaultTransport.(*http.Transport); ok {
		d.CloseIdleConnections()
	}
}
