package vertex

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	aiplatform "cloud.google.com/go/aiplatform/apiv1"
	pb "cloud.google.com/go/aiplatform/apiv1/aiplatformpb"
	logging "cloud.google.com/go/logging/apiv2"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/crossbatch/crossbatch/core/provider"
)

// clients are the SDK's clients of one block. Neither of them sends anything again,
// nor waits less than for ever, by itself.
type clients struct {
	jobs *aiplatform.JobClient
	logs *logging.Client
}

func (c *clients) close() error { return errors.Join(c.jobs.Close(), c.logs.Close()) }

// answerTimeout is how long the service may take to answer.
const answerTimeout = time.Minute

// connect begins a call: it gives the clients, which the first call makes.
func (b *Backend) connect(ctx context.Context) (*clients, error) {
	if err := b.usable(ctx); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.clients != nil {
		return b.clients, nil
	}
	jobs, err := aiplatform.NewJobClient(ctx, b.options(b.config.Location+"-aiplatform.googleapis.com:443")...)
	if err != nil {
		return nil, noCredentials(ctx, err)
	}
	logs, err := logging.NewClient(ctx, b.options("logging.googleapis.com:443")...)
	if err != nil {
		_ = jobs.Close()
		return nil, noCredentials(ctx, err)
	}
	b.clients = &clients{jobs: jobs, logs: logs}
	return b.clients, nil
}

// noCredentials does not tell what the chain said, which may hold what it found.
// The chain is https://cloud.google.com/docs/authentication/application-default-credentials.
func noCredentials(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if !strings.Contains(err.Error(), "credentials") {
		return provider.Errorf(provider.Invalid, "the client of Vertex AI cannot be made: %w", err)
	}
	return &provider.Error{
		Code: provider.Unauthenticated, Message: "no Google Cloud credentials were found, or they cannot be read",
		Hint: "looked at GOOGLE_APPLICATION_CREDENTIALS, the file that `gcloud auth application-default login` writes, and the metadata server",
	}
}

// options lead a client to its service, or to the block's endpoint. An endpoint of
// http:// takes anybody's word for who he is.
func (b *Backend) options(service string) []option.ClientOption {
	out := []option.ClientOption{option.WithEndpoint(service), option.WithGRPCConnectionPool(1)}
	if u, err := url.Parse(b.config.Endpoint); err == nil && u.Host != "" {
		host := u.Host
		if u.Port() == "" {
			host += map[string]string{"http": ":80", "https": ":443"}[u.Scheme]
		}
		out = append(out, option.WithEndpoint(host))
		if u.Scheme == "http" {
			out = append(out, option.WithoutAuthentication(), option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
		}
	}
	return append(out, b.deps.Options...)
}

// jobKind is the kind of what is made, as resource names call it.
const jobKind = "batchPredictionJobs"

// read refuses what no Translate made, or made for another place.
func (b *Backend) read(r provider.Request) (*pb.CreateBatchPredictionJobRequest, error) {
	if r.Target != b.config.parent() {
		return nil, provider.Errorf(provider.Invalid, "the request is for %q, this is %s", r.Target, b.config.parent())
	}
	if r.Op != createJob {
		return nil, provider.Errorf(provider.Invalid, "unknown operation %q", r.Op)
	}
	q := &pb.CreateBatchPredictionJobRequest{}
	if err := decode(r.Body, q); err != nil {
		return nil, err
	}
	if j := q.GetBatchPredictionJob(); q.GetParent() != r.Target || j.GetDisplayName() != r.Name || j.GetLabels()[attemptLabel] != r.Name {
		return nil, provider.Errorf(provider.Invalid, "the request of %s is named %q in its body", r.Name, j.GetDisplayName())
	}
	return q, nil
}

// Send makes a batch prediction job. The service makes another one each time: who
// sends does so once.
func (b *Backend) Send(ctx context.Context, r provider.Request) (provider.Native, error) {
	c, err := b.connect(ctx)
	if err != nil {
		return provider.Native{}, err
	}
	q, err := b.read(r)
	if err != nil {
		return provider.Native{}, err
	}
	within, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	j, err := c.jobs.CreateBatchPredictionJob(within, q)
	if err != nil {
		return provider.Native{}, b.failedIn(ctx, "creating the batch prediction job "+r.Name, err)
	}
	return b.native(j), nil
}

// Find looks for the job of an attempt by its label. Of several, which no one of
// ours can have made, it is the oldest.
func (b *Backend) Find(ctx context.Context, r provider.Request) (provider.Native, error) {
	c, err := b.connect(ctx)
	if err != nil {
		return provider.Native{}, err
	}
	q, err := b.read(r)
	if err != nil {
		return provider.Native{}, err
	}
	var found *pb.BatchPredictionJob
	list := &pb.ListBatchPredictionJobsRequest{Parent: b.config.parent(), Filter: fmt.Sprintf("labels.%s=%q", attemptLabel, r.Name), PageSize: page}
	for {
		jobs, next, err := c.page(ctx, list)
		if err != nil {
			return provider.Native{}, b.failedIn(ctx, "looking for the batch prediction job "+r.Name, err)
		}
		for _, j := range jobs {
			if j.GetLabels()[attemptLabel] != r.Name {
				continue // a filter that was not understood
			}
			if found == nil || j.GetCreateTime().AsTime().Before(found.GetCreateTime().AsTime()) {
				found = j
			}
		}
		if next == "" {
			break
		}
		list.PageToken = next
	}
	if found == nil {
		return provider.Native{}, provider.Errorf(provider.NotFound, "no batch prediction job has the label %s=%s", attemptLabel, r.Name)
	}
	if !same(found, q.GetBatchPredictionJob()) {
		return provider.Native{}, provider.Errorf(provider.Conflict, "%s is there already, and is not what %s asks for", r.Name, r.Op)
	}
	return b.native(found), nil
}

// same says whether a job reads and writes what was asked for. A container's
// definition is not told by the service.
func same(there, asked *pb.BatchPredictionJob) bool {
	return there.GetDisplayName() == asked.GetDisplayName() &&
		proto.Equal(there.GetInputConfig(), asked.GetInputConfig()) &&
		strings.TrimSuffix(there.GetOutputConfig().GetGcsDestination().GetOutputUriPrefix(), "/") == strings.TrimSuffix(asked.GetOutputConfig().GetGcsDestination().GetOutputUriPrefix(), "/") &&
		there.GetLabels()[runLabel] == asked.GetLabels()[runLabel]
}

// native names a job. Its own name holds the project's number where the block has
// its id, so that the two are never compared.
func (b *Backend) native(j *pb.BatchPredictionJob) provider.Native {
	id := j.GetName()[strings.LastIndexByte(j.GetName(), '/')+1:]
	return provider.Native{
		Request: jobID, Kind: jobKind, Name: j.GetDisplayName(), ID: j.GetName(), Part: 0, Parts: 1, Console: b.console("/" + id),
	}
}

// console is a page of the service's console; empty where the block names another
// endpoint.
func (b *Backend) console(page string) string {
	if b.config.Endpoint != "" {
		return ""
	}
	if page == "" {
		return "https://console.cloud.google.com/vertex-ai/batch-predictions?project=" + url.QueryEscape(b.config.Project)
	}
	return "https://console.cloud.google.com/vertex-ai/locations/" + b.config.Location + "/batch-predictions" + page + "?project=" + url.QueryEscape(b.config.Project)
}

// known refuses what is no native of this block: nobody can have made it.
func (b *Backend) known(n provider.Native) error {
	_, rest, ok := strings.Cut(n.ID, "/locations/")
	if n.Kind != jobKind || !ok || !strings.HasPrefix(rest, b.config.Location+"/"+jobKind+"/") {
		return provider.Errorf(provider.NotFound, "there is no batch prediction job %q", n.Name)
	}
	return nil
}

// Cancel asks a job to end. What the service answers about one that is over is not
// documented.
func (b *Backend) Cancel(ctx context.Context, n provider.Native) error {
	c, err := b.connect(ctx)
	if err != nil {
		return err
	}
	if err := b.known(n); err != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	err = c.jobs.CancelBatchPredictionJob(within, &pb.CancelBatchPredictionJobRequest{Name: n.ID})
	if err == nil {
		return nil
	}
	err = b.failedIn(ctx, "cancelling "+n.Name, err)
	if code := provider.CodeOf(err); code != provider.Invalid && code != provider.Conflict {
		return err
	}
	j, derr := b.get(ctx, c, n)
	switch {
	case derr != nil:
		return derr
	case observation(n, j).State.Terminal(), observation(n, j).State == provider.Cancelling:
		return nil
	}
	return err
}

// deletePoll is the pause between two looks at a deletion.
const deletePoll = 2 * time.Second

// Delete removes a job that is over. It counts as one of the 60 a minute that make
// or remove jobs.
func (b *Backend) Delete(ctx context.Context, n provider.Native) error {
	c, err := b.connect(ctx)
	if err != nil {
		return err
	}
	if b.known(n) != nil {
		return nil
	}
	within, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	op, err := c.jobs.DeleteBatchPredictionJob(within, &pb.DeleteBatchPredictionJobRequest{Name: n.ID})
	for err == nil && !op.Done() {
		if err = op.Poll(within); err != nil || op.Done() {
			break
		}
		select {
		case <-within.Done():
			err = within.Err()
		case <-b.deps.Clock.After(deletePoll):
		}
	}
	if err = b.failedIn(ctx, "deleting "+n.Name, err); errors.Is(err, provider.NotFound) {
		return nil
	}
	return err
}

// page asks for one page of a list.
func (c *clients) page(ctx context.Context, q *pb.ListBatchPredictionJobsRequest) (jobs []*pb.BatchPredictionJob, next string, err error) {
	within, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	next, err = iterator.NewPager(c.jobs.ListBatchPredictionJobs(within, q), int(q.GetPageSize()), q.GetPageToken()).NextPage(&jobs)
	return jobs, next, err
}

// listed are the members of a job that a list has to tell.
func listed() *fieldmaskpb.FieldMask {
	return &fieldmaskpb.FieldMask{Paths: []string{"name", "display_name", "state", "error", "partial_failures", "completion_stats", "create_time", "start_time", "end_time", "labels", "output_info"}}
}
