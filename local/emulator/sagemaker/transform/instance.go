package transform

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/crossbatch/crossbatch/local/emulator/container"
)

// mebi is the MB of MaxPayloadInMB.
const mebi = 1 << 20

// The service's defaults, for when neither the request nor the container says
// anything.
const (
	defaultConcurrent = 1
	defaultPayload    = 6
	maxPayload        = 100
)

// instance is one machine of a job: containers, and the objects that fall to it.
type instance struct {
	*run
	number  int
	http    *http.Client
	servers []container.Server

	concurrent int
	payload    int // MiB; 0 is no limit
	strategy   string
}

// stream is the log stream of an instance.
func (j *run) stream(number int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d", j.task.Job, number))
	return fmt.Sprintf("i-%.17s-%d", hex.EncodeToString(sum[:]), j.epoch)
}

// work does the objects. An error is one of the instance; what goes wrong with
// single objects is taken down as it happens.
func (i *instance) work(ctx context.Context, objects []object) error {
	transport := &http.Transport{MaxIdleConnsPerHost: maxPayload, DisableCompression: true}
	defer transport.CloseIdleConnections()
	i.http = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer i.stop()
	if err := i.start(ctx); err != nil {
		return err
	}
	if err := i.settle(ctx); err != nil {
		return err
	}
	strategy := map[string]string{MultiRecord: "MULTI_RECORD", SingleRecord: "SINGLE_RECORD"}[i.strategy]
	i.dataLog(i.number, fmt.Sprintf("MaxConcurrentTransforms=%d, MaxPayloadInMB=%d, BatchStrategy=%s", i.concurrent, i.payload, strategy))
	i.process(ctx, objects)
	return nil
}

// file is an object under way.
type file struct {
	object
	ctx    context.Context //nolint:containedctx // of the file; cancelled with its first fault
	cancel context.CancelFunc
	out    *upload
	err    error
}

// unit is a request, or the end of a file. Units go from the goroutine that reads
// to the one that writes, in the order of the input.
type unit struct {
	file   *file
	answer chan answer // nil at the end
	err    error       // that reading ended with
}

type answer struct {
	batch *batch
	body  *spool
	err   error
}

// process sends requests of one file after the other, as many at a time as may be,
// also of several files, and writes the answers in order. At most twice as many
// bodies as requests are held.
func (i *instance) process(ctx context.Context, objects []object) {
	units := make(chan unit, i.concurrent)
	slots := make(chan struct{}, i.concurrent)
	var sending sync.WaitGroup
	sending.Go(func() {
		defer close(units)
		for _, o := range objects {
			if ctx.Err() != nil {
				return
			}
			f := i.newFile(ctx, o)
			err := i.read(f, func(b *batch) error {
				select {
				case slots <- struct{}{}:
				case <-f.ctx.Done():
					b.close()
					return f.ctx.Err()
				}
				u := unit{file: f, answer: make(chan answer, 1)}
				units <- u
				sending.Go(func() {
					body, err := i.invoke(f.ctx, b)
					<-slots
					u.answer <- answer{b, body, err}
				})
				return nil
			})
			units <- unit{file: f, err: err}
		}
	})
	for u := range units {
		if u.answer == nil {
			i.finish(ctx, u.file, u.err)
			continue
		}
		a := <-u.answer
		if u.file.err == nil {
			if a.err == nil {
				a.err = i.write(u.file.out, a)
			}
			if u.file.err = a.err; a.err != nil {
				u.file.cancel()
			}
		}
		a.batch.close()
		a.body.close()
	}
	sending.Wait()
}

func (i *instance) newFile(ctx context.Context, o object) *file {
	bucket, prefix, _ := location(i.task.Output) // it was checked before the job began
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	f := &file{object: o, out: &upload{run: i.run, ctx: ctx, bucket: bucket, key: prefix + o.name + ".out"}}
	f.ctx, f.cancel = context.WithCancel(ctx)
	return f
}

// finish commits the output of a file, or drops it and says why. Err is what
// reading the file ended with.
func (i *instance) finish(ctx context.Context, f *file, err error) {
	defer f.cancel()
	if f.err == nil { // else reading was broken off for it
		f.err = err
	}
	if f.err == nil {
		f.err = f.out.commit()
	}
	if f.err == nil {
		i.wrote(object{bucket: f.out.bucket, key: f.out.key})
		return
	}
	f.out.abort()
	if ctx.Err() != nil {
		return
	}
	fault := asFault(f.err)
	i.blame(fault.blame)
	for _, line := range fault.lines {
		i.dataLog(i.number, f.String()+": "+line)
	}
}

// settle decides what the request leaves open: the container says, else the
// service's defaults hold.
func (i *instance) settle(ctx context.Context) error {
	t := i.task
	i.concurrent, i.strategy, i.payload = t.MaxConcurrent, t.Strategy, aws.ToInt(t.MaxPayload)
	var p parameters
	if t.MaxConcurrent == 0 || t.MaxPayload == nil || t.Strategy == "" {
		var err error
		if p, err = i.ask(ctx); err != nil {
			return err
		}
	}
	if i.concurrent == 0 {
		if i.concurrent = p.MaxConcurrentTransforms; i.concurrent == 0 {
			i.concurrent = defaultConcurrent
		}
	}
	if t.MaxPayload == nil {
		if i.payload = defaultPayload; p.MaxPayloadInMB != nil {
			i.payload = *p.MaxPayloadInMB
		}
	}
	if i.strategy == "" {
		if i.strategy = p.strategy(); i.strategy == "" {
			i.strategy = MultiRecord
		}
	}
	return nil
}
