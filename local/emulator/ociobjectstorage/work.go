package ociobjectstorage

import (
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/crossbatch/crossbatch/local/emulator/objects"
)

// maxWork is how many work requests are remembered.
const maxWork = 10_000

// workRequest is a copy: nothing else makes work requests here.
type workRequest struct {
	id                          string
	details                     copyDetails
	bucket                      string // of the source
	status                      string
	accepted, started, finished time.Time
	failure                     *failure
}

type copyDetails struct {
	SourceObjectName             string            `json:"sourceObjectName"`
	SourceObjectIfMatchETag      string            `json:"sourceObjectIfMatchETag"`
	SourceVersionID              string            `json:"sourceVersionId"`
	DestinationRegion            string            `json:"destinationRegion"`
	DestinationNamespace         string            `json:"destinationNamespace"`
	DestinationBucket            string            `json:"destinationBucket"`
	DestinationObjectName        string            `json:"destinationObjectName"`
	DestinationObjectIfMatchETag string            `json:"destinationObjectIfMatchETag"`
	DestinationObjectIfNoneMatch string            `json:"destinationObjectIfNoneMatchETag"`
	DestinationObjectMetadata    map[string]string `json:"destinationObjectMetadata"`
	DestinationObjectStorageTier string            `json:"destinationObjectStorageTier"`
}

// copyObject accepts a copy. That the source is not there, or is another one, is
// said at once; what is wrong with the destination shows in the work request.
func (s *Server) copyObject(w http.ResponseWriter, r *request) error {
	var d copyDetails
	if err := decode(r, &d); err != nil {
		return err
	}
	if err := validName(d.DestinationObjectName); err != nil {
		return err
	}
	switch {
	case d.SourceVersionID != "":
		return notEmulated("versions")
	case d.DestinationRegion != s.o.Region:
		return invalid("the destination region %q is not one of this emulator, which has %q", d.DestinationRegion, s.o.Region)
	case d.DestinationNamespace != s.o.Namespace:
		return &failure{http.StatusNotFound, "NamespaceNotFound", "There is no namespace " + d.DestinationNamespace + "."}
	}
	if _, err := metadata(d.DestinationObjectMetadata); err != nil {
		return err
	}
	if _, err := storageTier(d.DestinationObjectStorageTier); err != nil {
		return err
	}
	if _, err := writeCheck("", d.DestinationObjectIfNoneMatch); err != nil {
		return err
	}
	source, err := writeCheck(d.SourceObjectIfMatchETag, "")
	if err != nil {
		return err
	}
	if _, err := s.o.Objects.Stat(r.bucket, d.SourceObjectName, source); err != nil {
		return err
	}
	work := &workRequest{id: strings.ToLower(rand.Text()), details: d, bucket: r.bucket, status: "ACCEPTED", accepted: s.o.Clock.Now().UTC()}
	s.mu.Lock()
	s.work[work.id] = work
	s.pending = append(s.pending, work)
	s.ids = append(s.ids, work.id)
	if len(s.ids) > maxWork {
		delete(s.work, s.ids[0])
		s.ids = s.ids[1:]
	}
	s.mu.Unlock()
	w.Header().Set("opc-work-request-id", work.id)
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// settle does the copies that are due. Every request begins with it, so that
// nobody can tell that nothing happens between requests.
func (s *Server) settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.o.Clock.Now().UTC()
	for _, work := range s.pending {
		switch due := work.accepted.Add(s.o.CopyDelay); {
		case now.Before(due):
			if now.After(work.accepted) {
				work.status, work.started = "IN_PROGRESS", work.accepted
			}
		default:
			work.status, work.started, work.finished = "COMPLETED", work.accepted, due
			if err := s.copy(work); err != nil {
				work.status, work.failure = "FAILED", asFailure(err)
			}
		}
	}
	s.pending = slices.DeleteFunc(s.pending, (*workRequest).over)
}

func (w *workRequest) over() bool { return !w.finished.IsZero() }

func (s *Server) copy(work *workRequest) error {
	d := work.details
	from, err := writeCheck(d.SourceObjectIfMatchETag, "")
	if err != nil {
		return err
	}
	to, err := writeCheck(d.DestinationObjectIfMatchETag, d.DestinationObjectIfNoneMatch)
	if err != nil {
		return err
	}
	source, err := s.o.Objects.Stat(work.bucket, d.SourceObjectName, from)
	if err != nil {
		return err
	}
	a := source.Attributes
	if len(d.DestinationObjectMetadata) > 0 {
		if a.Metadata, err = metadata(d.DestinationObjectMetadata); err != nil {
			return err
		}
	}
	if d.DestinationObjectStorageTier != "" {
		tier, err := storageTier(d.DestinationObjectStorageTier)
		if err != nil {
			return err
		}
		a.Properties[tierKey] = tier
	}
	_, err = s.o.Objects.Copy(d.DestinationBucket, d.DestinationObjectName, work.bucket, d.SourceObjectName, &a, objects.IfMatch(source.ETag), to)
	return err
}

// findWork is called under the lock.
func (s *Server) findWork(id string) (*workRequest, error) {
	work := s.work[id]
	if work == nil {
		return nil, &failure{http.StatusNotFound, "NotAuthorizedOrNotFound", "There is no work request " + id + "."}
	}
	return work, nil
}

func (s *Server) getWork(w http.ResponseWriter, r *request) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	work, err := s.findWork(r.object)
	if err != nil {
		return err
	}
	d := work.details
	resource := func(action, bucket, object string) map[string]any {
		return map[string]any{
			"actionType": action, "entityType": "object", "identifier": "/n/" + s.o.Namespace + "/b/" + bucket + "/o/" + object,
			"metadata": map[string]string{"REGION": s.o.Region, "NAMESPACE": s.o.Namespace, "BUCKET": bucket, "OBJECT": object},
		}
	}
	out := map[string]any{
		"id": work.id, "operationType": "COPY_OBJECT", "status": work.status, "timeAccepted": work.accepted.Format(timeFormat),
		"resources":       []any{resource("READ", work.bucket, d.SourceObjectName), resource("WRITTEN", d.DestinationBucket, d.DestinationObjectName)},
		"percentComplete": 0,
	}
	if !work.started.IsZero() {
		out["timeStarted"] = work.started.Format(timeFormat)
	}
	if work.over() {
		out["timeFinished"] = work.finished.Format(timeFormat)
		out["percentComplete"] = 100
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}

func (s *Server) listWorkErrors(w http.ResponseWriter, r *request) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	work, err := s.findWork(r.object)
	if err != nil {
		return err
	}
	out := []map[string]string{}
	if f := work.failure; f != nil {
		out = append(out, map[string]string{"code": f.code, "message": f.message, "timestamp": work.finished.Format(timeFormat)})
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}

// cancelWork cancels a copy that has not been done yet.
func (s *Server) cancelWork(w http.ResponseWriter, r *request) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	work, err := s.findWork(r.object)
	if err != nil {
		return err
	}
	if work.over() {
		return &failure{http.StatusConflict, "IncorrectState", "The work request is over."}
	}
	work.status, work.finished = "CANCELED", s.o.Clock.Now().UTC()
	s.pending = slices.DeleteFunc(s.pending, (*workRequest).over)
	w.WriteHeader(http.StatusAccepted)
	return nil
}
