//go:build unix

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/mapping"
	"github.com/crossbatch/crossbatch/core/model"
)

// image is what the last stage of the Dockerfile says of a container.
type image struct {
	entrypoint, cmd []string
	env             map[string]string
	user            string
}

func readImage(t *testing.T) image {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "local", "modelserver", "image", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	var im image
	for line := range strings.Lines(string(b)) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word {
		case "FROM":
			im = image{env: map[string]string{}}
		case "ENTRYPOINT", "CMD": // in exec form: a shell would swallow signals
			list := &im.cmd
			if word == "ENTRYPOINT" {
				list = &im.entrypoint
			}
			if err := json.Unmarshal([]byte(rest), list); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
		case "ENV":
			name, value, _ := strings.Cut(rest, "=")
			im.env[name] = value
		case "USER":
			im.user = rest
		}
		if strings.Contains(line, "/home/datascience") {
			t.Errorf("OCI mounts over /home/datascience: %s", line)
		}
	}
	if len(im.entrypoint) != 1 || filepath.Base(im.entrypoint[0]) != "crossbatch" || im.user == "" || im.user == "root" || im.user == "0" {
		t.Fatalf("%+v", im)
	}
	return im
}

// container is the image's program as a process of this machine.
type container struct {
	t   *testing.T
	cmd *exec.Cmd
	mu  sync.Mutex
	log bytes.Buffer
	url string
}

// run starts what a service would: the entry point with args, or its own command.
func (im image) run(t *testing.T, args []string, env map[string]string) *container {
	t.Helper()
	if args == nil {
		args = im.cmd
	}
	c := &container{t: t, cmd: exec.Command(filepath.Base(im.entrypoint[0]), args...)}
	all := map[string]string{"PATH": os.Getenv("PATH"), "GORACE": quickRace, "TMPDIR": t.TempDir()}
	for name, value := range im.env {
		all[name] = value
	}
	all["CROSSBATCH_ONNXRUNTIME"] = library(t) // for the one in the image
	for name, value := range env {
		all[name] = value
	}
	for name, value := range all {
		c.cmd.Env = append(c.cmd.Env, name+"="+value)
	}
	stderr, err := c.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.cmd.Process.Kill() })
	go func() {
		for s := bufio.NewScanner(stderr); s.Scan(); {
			c.mu.Lock()
			c.log.WriteString(s.Text() + "\n")
			c.mu.Unlock()
		}
	}()
	return c
}

func (c *container) said() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.log.String()
}

// until waits for a condition.
func (c *container) until(what string, ok func() bool) {
	c.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	over := time.After(30 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-over:
			c.t.Fatalf("it does not come to pass that %s\n%s", what, c.said())
		}
	}
}

// healthy waits as services do.
func (c *container) healthy(port, route string) {
	c.t.Helper()
	c.url = "http://127.0.0.1:" + port
	c.until("it is healthy", func() bool {
		resp, err := http.Get(c.url + route)
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == 200
	})
}

func (c *container) post(route, typ, body string) (int, string, error) {
	resp, err := http.Post(c.url+route, typ, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

// ends compares the exit code.
func (c *container) ends(code int) {
	c.t.Helper()
	_ = c.cmd.Wait()
	if got := c.cmd.ProcessState.ExitCode(); got != code {
		c.t.Errorf("exit code %d, want %d\n%s", got, code, c.said())
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	_, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func mappingText(t *testing.T, path string, change func(m *mapping.Mapping)) []byte {
	t.Helper()
	pkg, err := model.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	m := mapping.Of(job.Job{Input: job.Input{Key: []string{"id"}}, Output: job.Output{Format: job.JSONL}}, pkg.Digest, job.JSONL)
	if change != nil {
		change(&m)
	}
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestImageOnSageMaker(t *testing.T) {
	t.Parallel()
	dir, port := t.TempDir(), freePort(t)
	path := models["sum"]().Save(t, dir, "model.onnx")
	env, err := mapping.Split(mappingText(t, path, nil))
	if err != nil {
		t.Fatal(err)
	}
	env["CROSSBATCH_MODEL"] = dir // for /opt/ml/model
	env["SAGEMAKER_BATCH"], env["SAGEMAKER_MAX_PAYLOAD_IN_MB"], env["SAGEMAKER_MAX_CONCURRENT_TRANSFORMS"] = "true", "1", "2"
	c := readImage(t).run(t, []string{"serve", "--addr", "127.0.0.1:" + port}, env)
	c.healthy(port, "/ping")
	status, got, err := c.post("/invocations", "application/jsonlines", "{\"id\":7,\"x\":[1,2,3]}\n{\"id\":8}\n")
	want := `{"key":7,"prediction":{"y":[123]}}` + "\n" + `{"key":8,"error":{"code":"missing_field","message":"field \"x\" is missing"}}` + "\n"
	if err != nil || status != 200 || got != want {
		t.Errorf("%d %s %v", status, got, err)
	}
	if status, _, err := c.post("/invocations", "application/jsonlines", strings.Repeat("\n", 1<<20+1)); err != nil || status != 413 {
		t.Errorf("too large: %d %v", status, err)
	}
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	c.ends(exitOK)
}

func TestImageOnVertexAI(t *testing.T) {
	t.Parallel()
	dir, port := t.TempDir(), freePort(t)
	path := models["sum"]().Save(t, dir, "model.onnx")
	file := filepath.Join(t.TempDir(), "scorer.json")
	text := mappingText(t, path, func(m *mapping.Mapping) { m.Staged, m.Sealed, m.Key = true, true, nil })
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	c := readImage(t).run(t, nil, map[string]string{
		"AIP_HTTP_PORT": port, "AIP_HEALTH_ROUTE": "/health", "AIP_PREDICT_ROUTE": "/predict", "AIP_STORAGE_URI": "file://" + dir, "CROSSBATCH_MAPPING": file,
	})
	c.healthy(port, "/health")
	status, got, err := c.post("/predict", "application/json", `{"instances":[{"_cb_record":"{\"x\":[1,2,3]}"}]}`)
	if want := `{"predictions":["{\"key\":null,\"prediction\":{\"y\":[123]}}"]}`; err != nil || status != 200 || got != want {
		t.Errorf("%d %s %v", status, got, err)
	}
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	c.ends(exitOK)
}

func TestImageThatScoresFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	models["sum"]().Save(t, dir, "sum.onnx")
	if err := os.WriteFile(filepath.Join(dir, "in.jsonl"), rows(10), 0o644); err != nil {
		t.Fatal(err)
	}
	c := readImage(t).run(t, []string{
		"score", "--model", filepath.Join(dir, "sum.onnx"), "--input", filepath.Join(dir, "in.jsonl"), "--output", filepath.Join(dir, "out"),
	}, nil)
	c.ends(exitOK)
	if _, err := os.Stat(filepath.Join(dir, "out", "_manifest.json")); err != nil {
		t.Error(err)
	}
}

func TestASignalLetsARequestEnd(t *testing.T) {
	t.Parallel()
	dir, port := t.TempDir(), freePort(t)
	models["slow"]().Save(t, dir, "model.onnx")
	c := readImage(t).run(t, []string{"serve", "--model", dir, "--addr", "127.0.0.1:" + port, "--concurrency", "1"}, nil)
	c.healthy(port, "/ping")
	client := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Minute}}
	defer client.CloseIdleConnections()
	pr, pw := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.url+"/invocations", pr)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/jsonlines")
	req.Header.Set("Expect", "100-continue") // the body is sent once the server reads it
	type answer struct {
		status, lines int
		err           error
	}
	done := make(chan answer, 1)
	go func() {
		resp, err := client.Do(req)
		if err != nil {
			done <- answer{err: err}
			return
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		done <- answer{resp.StatusCode, bytes.Count(b, []byte(`"prediction"`)), err}
	}()
	records := bytes.Repeat([]byte("{\"x\":1}\n"), 1000)
	if _, err := pw.Write(records); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	c.until("it is stopping", func() bool { return strings.Contains(c.said(), "msg=stopping") })
	if _, err := pw.Write(records); err != nil {
		t.Fatal(err)
	}
	_ = pw.Close()
	if got := <-done; got != (answer{status: 200, lines: 2000}) {
		t.Errorf("%+v", got)
	}
	c.ends(exitOK)
}
