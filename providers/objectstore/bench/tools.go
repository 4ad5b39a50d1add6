package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const bucket = "bench"

// server is crossbatch emulate.
type server struct {
	endpoint string
	env      []string // of clients
	stop     func() error
	self     string // this program
}

// empty is the command that removes all below a prefix.
func (s *server) empty(prefix string) []string { return []string{s.self, removeVerb, s.uri(prefix)} }

// serve starts it, and waits for what it prints when it is ready.
func serve(ctx context.Context, program, scratch string) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := exec.CommandContext(ctx, program, "emulate", "--addr", "127.0.0.1:0", "--bucket", "s3:"+bucket, "--json")
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	var said bytes.Buffer
	c.Stderr = &said
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("starting the emulator: %w; make build makes it", err)
	}
	s := &server{self: self, stop: func() error {
		if err := c.Process.Signal(os.Interrupt); err != nil {
			return err
		}
		return c.Wait()
	}}
	var ready struct {
		Services []struct {
			Name        string            `json:"name"`
			Endpoint    string            `json:"endpoint"`
			Environment map[string]string `json:"environment"`
		} `json:"services"`
	}
	if err := json.NewDecoder(out).Decode(&ready); err != nil {
		return nil, errors.Join(fmt.Errorf("the emulator said %q: %w", said.String(), err), c.Wait())
	}
	for _, svc := range ready.Services {
		if svc.Name != "s3" {
			continue
		}
		s.endpoint = svc.Endpoint
		// rclone fails on a bundle of certificates, which nobody needs here.
		s.env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "AWS_") })
		s.env = append(s.env, "RCLONE_CONFIG="+filepath.Join(scratch, "rclone.conf"))
		for k, v := range svc.Environment {
			s.env = append(s.env, k+"="+v)
		}
	}
	if s.endpoint == "" {
		return nil, errors.Join(errors.New("the emulator has no S3"), s.stop())
	}
	return s, nil
}

// uri is a prefix as crossbatch writes it.
func (s *server) uri(prefix string) string {
	return fmt.Sprintf("s3://%s/%s/?use_path_style=true&region=us-east-1&endpoint=%s", bucket, prefix, url.QueryEscape(s.endpoint))
}

// tool is a program that copies folders to and from S3.
type tool struct {
	name     string
	version  []string // the command that prints it
	up, down func(folder, prefix string) []string
}

func tools(o options, s *server) []tool {
	s5 := func(args ...string) []string {
		return append([]string{o.s5cmd, "--endpoint-url", s.endpoint, "--log", "error"}, args...)
	}
	rclone := func(from, to string) []string {
		return []string{
			o.rclone, "copy", from, to, "--transfers", strconv.Itoa(atOnce), "--checkers", strconv.Itoa(atOnce), "--ignore-times", "--s3-no-check-bucket",
			"--s3-provider", "Other", "--s3-endpoint", s.endpoint, "--s3-env-auth", "--s3-region", "us-east-1", "--s3-force-path-style",
		}
	}
	remote := func(prefix string) string { return "s3://" + bucket + "/" + prefix + "/" }
	return []tool{
		{
			name: "crossbatch",
			up:   func(folder, prefix string) []string { return []string{s.self, transferVerb, folder, s.uri(prefix)} },
			down: func(folder, prefix string) []string { return []string{s.self, transferVerb, s.uri(prefix), folder} },
		},
		{
			name: "s5cmd", version: []string{o.s5cmd, "version"},
			up:   func(folder, prefix string) []string { return s5("cp", folder+"/", remote(prefix)) },
			down: func(folder, prefix string) []string { return s5("cp", remote(prefix)+"*", folder+"/") },
		},
		{
			name: "rclone", version: []string{o.rclone, "version"},
			up:   func(folder, prefix string) []string { return rclone(folder, ":s3:"+bucket+"/"+prefix) },
			down: func(folder, prefix string) []string { return rclone(":s3:"+bucket+"/"+prefix, folder) },
		},
	}
}

// command runs a program to its end. What it prints is told when it fails.
func command(ctx context.Context, env, args []string) (string, error) {
	c := exec.CommandContext(ctx, args[0], args[1:]...)
	c.Env = env
	out, err := c.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(args[:min(2, len(args))], " "), err, bytes.TrimSpace(out[:min(len(out), 2000)]))
	}
	first, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return first, nil
}
