package vertex

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	pb "cloud.google.com/go/aiplatform/apiv1/aiplatformpb"

	"github.com/crossbatch/crossbatch/core/mapping"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/reorder"
	"github.com/crossbatch/crossbatch/core/storage"
)

// The files that a job writes, in a folder whose name it makes up: answers, and what
// it says of records that have none.
const (
	resultsPrefix = "prediction.results-"
	errorsPrefix  = "prediction.errors_stats-"
)

// Results yields the answers of each shard in the order of its records, whatever
// became of the job. They come in any order and are sorted on this machine, once:
// read again, they are sorted anew only if the job has written more.
func (b *Backend) Results(ctx context.Context, s provider.Spec, natives []provider.Native) iter.Seq2[provider.Piece, error] {
	return provider.Pieces(func() ([]provider.Piece, error) {
		if err := b.usable(ctx); err != nil || s.Staged == nil || len(natives) == 0 {
			return nil, err
		}
		pieces, err := b.pieces(ctx, s)
		return pieces, b.failed("reading the results of "+natives[0].Name, err)
	})
}

func (b *Backend) pieces(ctx context.Context, s provider.Spec) (out []provider.Piece, err error) {
	folder, prefix, err := b.deps.Open(ctx, storage.Join(s.Output, outFolder))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, folder.Close()) }()
	var files []storage.Object
	for o, err := range folder.Objects(ctx, prefix) {
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(path.Base(o.Key), resultsPrefix) && o.Size > 0 {
			files = append(files, o)
		}
	}
	if len(files) == 0 {
		return nil, nil
	}
	sorted, err := b.sort(ctx, s, folder, files)
	if err != nil {
		return nil, err
	}
	made := s.Made
	if kind, none := choose(s.Job.Compute); none == nil {
		made.Machine = kind.Name
	}
	var from []string
	for _, o := range files {
		from = append(from, folder.URI(o.Key))
	}
	for _, shard := range sorted {
		out = append(out, provider.Piece{Shard: shard.Shard, Lines: &provider.Lines{
			URI: storage.FileURI(shard.Path), Records: shard.Lines, Last: true, Made: made,
			Sparse: &provider.Sparse{Rows: shard.Rows, From: from},
		}})
	}
	return out, nil
}

// sorting is the sorted answers of one attempt.
type sorting struct {
	dir    string // of this machine
	mu     sync.Mutex
	of     string // the files that were read
	shards []reorder.Sorted
}

// sort gives an attempt's answers in order.
func (b *Backend) sort(ctx context.Context, s provider.Spec, folder *storage.Bucket, files []storage.Object) ([]reorder.Sorted, error) {
	at, err := b.place(s.Output)
	if err != nil {
		return nil, err
	}
	at.mu.Lock()
	defer at.mu.Unlock()
	of := ""
	for _, o := range files {
		of += fmt.Sprintf("%q %d %s\n", o.Key, o.Size, o.Version)
	}
	if at.of == of && allThere(at.shards) {
		return at.shards, nil
	}
	at.of, at.shards = "", nil
	if err := errors.Join(os.RemoveAll(at.dir), os.MkdirAll(at.dir, 0o700)); err != nil {
		return nil, fmt.Errorf("sorting results: %w", err)
	}
	rows := map[int]int64{}
	for _, e := range s.Staged.Entries {
		rows[e.Shard] = max(rows[e.Shard], e.End())
	}
	var extents []reorder.Extent
	for shard, n := range rows {
		extents = append(extents, reorder.Extent{Shard: shard, Rows: n})
	}
	sorter := reorder.New(at.dir, extents, 0)
	for _, o := range files {
		if err = spread(ctx, folder, o, sorter); err != nil {
			break
		}
	}
	shards, ferr := sorter.Finish(ctx)
	if err = errors.Join(err, ferr); err != nil {
		return nil, errors.Join(err, os.RemoveAll(at.dir))
	}
	at.of, at.shards = of, shards
	return shards, nil
}

// place is where an attempt's answers are sorted.
func (b *Backend) place(output string) (*sorting, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed.Load() {
		return nil, provider.ErrClosed
	}
	if b.dir == "" {
		dir, err := os.MkdirTemp(b.deps.Dir, "crossbatch-vertex-")
		if err != nil {
			return nil, fmt.Errorf("sorting results: %w", err)
		}
		b.dir = dir
	}
	at := b.sorted[output]
	if at == nil {
		at = &sorting{dir: filepath.Join(b.dir, strconv.Itoa(len(b.sorted)))}
		b.sorted[output] = at
	}
	return at, nil
}

// allThere says that nobody has removed sorted answers: who has published them does.
func allThere(shards []reorder.Sorted) bool {
	for _, s := range shards {
		if _, err := os.Stat(s.Path); err != nil {
			return false
		}
	}
	return true
}

// spread hands the lines of a file to the sorter.
func spread(ctx context.Context, folder *storage.Bucket, o storage.Object, to *reorder.Sorter) error {
	r, err := folder.Stream(ctx, o)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	in := bufio.NewReaderSize(r, 256<<10)
	for n := 1; ; n++ {
		line, err := readLine(in)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading %s: %w", folder.URI(o.Key), err)
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		a, err := parse(line)
		if err == nil {
			err = to.Add(a.shard, a.row, a.line)
		}
		if errors.Is(err, reorder.ErrUnknown) || errors.Is(err, errAnswer) {
			return provider.Errorf(provider.Conflict, "%s, line %d: %w: something else writes there", folder.URI(o.Key), n, err)
		}
		if err != nil {
			return err
		}
	}
}

// readLine reads a line, which may be long; io.EOF behind the last one.
func readLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadBytes('\n')
	if errors.Is(err, io.EOF) && len(line) > 0 {
		return line, nil
	}
	return line, err
}

// errAnswer says that a line is no answer of a job of ours.
var errAnswer = errors.New("it is no answer to a record of ours")

// answer is what a record was answered with.
type answer struct {
	shard int
	row   int64
	line  []byte // of the scorer
}

// parse reads a line of results. The record's key stands beside the prediction; or,
// as where the key field was not heeded, in the instance. The scorer's line is text.
func parse(line []byte) (a answer, err error) {
	var in struct {
		Key      json.RawMessage
		Instance struct {
			Key string `json:"_cb"`
		}
		Prediction json.RawMessage
	}
	if err := json.Unmarshal(line, &in); err != nil {
		return a, fmt.Errorf("%w: %w", errAnswer, err)
	}
	key := in.Instance.Key
	if in.Key != nil {
		if json.Unmarshal(in.Key, &key) != nil {
			return a, fmt.Errorf("%w: its key is %s", errAnswer, in.Key)
		}
	}
	ok := false
	if a.shard, a.row, ok = mapping.ParseIdentity(key); !ok {
		return a, fmt.Errorf("%w: its key is %q", errAnswer, key)
	}
	var text string
	if err := json.Unmarshal(in.Prediction, &text); err != nil {
		return a, fmt.Errorf("%w: its prediction is no text: %w", errAnswer, err)
	}
	a.line = []byte(text)
	return a, nil
}

// Bounds of what is read and told of a cause.
const (
	causeBytes = 64 << 10
	causeText  = 600
)

// cause is what a job wrote about records that it could not answer: lines such as
// ('message', count), which are no JSON and name no record.
func (b *Backend) cause(ctx context.Context, j *pb.BatchPredictionJob) (text string, err error) {
	prefix := j.GetOutputInfo().GetGcsOutputDirectory()
	if prefix == "" {
		prefix = j.GetOutputConfig().GetGcsDestination().GetOutputUriPrefix()
	}
	if prefix == "" {
		return "", nil
	}
	_, query := storage.CutQuery(b.config.Staging) // says where the store is
	bucket, key, _ := strings.Cut(strings.TrimPrefix(prefix, scheme+"://"), "/")
	at := storage.URI{Scheme: scheme, Bucket: bucket, Key: strings.TrimSuffix(key, "/") + "/", Query: query}
	folder, key, err := b.deps.Open(ctx, at.String())
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, folder.Close()) }()
	seen := map[string]bool{}
	for o, err := range folder.Objects(ctx, key) {
		if err != nil {
			return text, err
		}
		if !strings.HasPrefix(path.Base(o.Key), errorsPrefix) || o.Size == 0 {
			continue
		}
		body, err := head(ctx, folder, o)
		if err != nil {
			return text, err
		}
		for line := range strings.Lines(body) {
			line = strings.TrimSpace(line)
			if line == "" || seen[line] {
				continue
			}
			if seen[line] = true; text != "" {
				text += "; "
			}
			if text += line; len(text) > causeText {
				return strings.ToValidUTF8(text[:causeText], "") + "…", nil
			}
		}
	}
	return text, nil
}

func head(ctx context.Context, folder *storage.Bucket, o storage.Object) (string, error) {
	r, err := folder.Stream(ctx, o)
	if err != nil {
		return "", err
	}
	defer func() { _ = r.Close() }()
	body, err := io.ReadAll(io.LimitReader(r, causeBytes))
	return string(body), err
}
