package ociobjectstorage

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/crossbatch/crossbatch/local/emulator/objects"
)

const (
	timeFormat = "2006-01-02T15:04:05.000Z" // of times in JSON; they are UTC
	maxPage    = 1000                       // entries of any list
)

// bucketDetails are what CreateBucket takes, and GetBucket gives back.
type bucketDetails struct {
	Name             string            `json:"name"`
	CompartmentID    string            `json:"compartmentId"`
	Metadata         map[string]string `json:"metadata"`
	PublicAccessType string            `json:"publicAccessType,omitempty"`
	StorageTier      string            `json:"storageTier,omitempty"`
	Versioning       string            `json:"versioning,omitempty"`
	FreeformTags     map[string]string `json:"freeformTags"`
}

type bucketAnswer struct {
	bucketDetails
	Namespace   string `json:"namespace"`
	CreatedBy   string `json:"createdBy"`
	TimeCreated string `json:"timeCreated"`
	ETag        string `json:"etag"`
}

// detailsKey is where a bucket's properties hold its bucketDetails, as JSON.
const detailsKey = "details"

func (s *Server) getNamespace(w http.ResponseWriter, _ *request) error {
	writeJSON(w, http.StatusOK, s.o.Namespace)
	return nil
}

func (s *Server) getNamespaceMetadata(w http.ResponseWriter, _ *request) error {
	writeJSON(w, http.StatusOK, map[string]string{"namespace": s.o.Namespace, "defaultS3CompartmentId": "", "defaultSwiftCompartmentId": ""})
	return nil
}

func (s *Server) createBucket(w http.ResponseWriter, r *request) error {
	d := bucketDetails{PublicAccessType: "NoPublicAccess", StorageTier: "Standard", Versioning: "Disabled"}
	if err := decode(r, &d); err != nil {
		return err
	}
	switch {
	case !validBucket(d.Name):
		return &failure{http.StatusBadRequest, "InvalidBucketName", "A bucket has a name of 1 to 256 letters, digits, '-', '_' and '.'."}
	case d.CompartmentID == "":
		return &failure{http.StatusBadRequest, "MissingParameter", "compartmentId is missing."}
	case d.Versioning != "Disabled":
		return notEmulated("versioning")
	}
	body, err := json.Marshal(d)
	if err != nil {
		return err
	}
	b, err := s.o.Objects.CreateBucket(d.Name, map[string]string{detailsKey: string(body)})
	if err != nil {
		return err
	}
	w.Header().Set("etag", b.ETag)
	w.Header().Set("location", "/n/"+s.o.Namespace+"/b/"+d.Name)
	writeJSON(w, http.StatusOK, s.bucketAnswer(b))
	return nil
}

func validBucket(name string) bool {
	ok := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.'
	}
	return name != "" && len(name) <= 256 && strings.IndexFunc(name, func(c rune) bool { return !ok(c) }) < 0
}

func (s *Server) bucketAnswer(b objects.Bucket) bucketAnswer {
	// A bucket that was made beside the service has no details.
	d := bucketDetails{PublicAccessType: "NoPublicAccess", StorageTier: "Standard", Versioning: "Disabled"}
	_ = json.Unmarshal([]byte(b.Properties[detailsKey]), &d)
	d.Name = b.Name
	if d.Metadata == nil {
		d.Metadata = map[string]string{}
	}
	if d.FreeformTags == nil {
		d.FreeformTags = map[string]string{}
	}
	return bucketAnswer{bucketDetails: d, Namespace: s.o.Namespace, CreatedBy: "ocid1.user.oc1..emulator", TimeCreated: b.Created.Format(timeFormat), ETag: b.ETag}
}

func (s *Server) getBucket(w http.ResponseWriter, r *request) error {
	b, err := s.findBucket(w, r)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, s.bucketAnswer(b))
	return nil
}

func (s *Server) headBucket(w http.ResponseWriter, r *request) error {
	_, err := s.findBucket(w, r)
	return err
}

func (s *Server) findBucket(w http.ResponseWriter, r *request) (objects.Bucket, error) {
	b, err := s.o.Objects.GetBucket(r.bucket)
	if err != nil {
		return b, err
	}
	if err := matchBucket(b, r); err != nil {
		return b, err
	}
	if r.header("if-none-match") == b.ETag {
		return b, errNotModified
	}
	w.Header().Set("etag", b.ETag)
	return b, nil
}

func matchBucket(b objects.Bucket, r *request) error {
	if etag := r.header("if-match"); etag != "" && etag != "*" && etag != b.ETag {
		return errIfMatch
	}
	return nil
}

// deleteBucket checks If-Match apart from the deletion: a bucket's etag never
// changes here.
func (s *Server) deleteBucket(w http.ResponseWriter, r *request) error {
	b, err := s.o.Objects.GetBucket(r.bucket)
	if err != nil {
		return err
	}
	if err := matchBucket(b, r); err != nil {
		return err
	}
	if err := s.o.Objects.DeleteBucket(r.bucket); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) listBuckets(w http.ResponseWriter, r *request) error {
	compartment := r.query.Get("compartmentId")
	if compartment == "" {
		return &failure{http.StatusBadRequest, "MissingParameter", "compartmentId is missing."}
	}
	buckets, err := s.o.Objects.Buckets()
	if err != nil {
		return err
	}
	answers := []bucketAnswer{}
	for _, b := range buckets {
		if a := s.bucketAnswer(b); a.CompartmentID == compartment || a.CompartmentID == "" {
			answers = append(answers, a)
		}
	}
	return writePage(w, r, answers, func(a bucketAnswer) string { return a.Name })
}

// writePage answers with the part of a list that limit and page ask for. key is
// what the list is sorted by; the token of a page is the last key of the one before.
func writePage[T any](w http.ResponseWriter, r *request, list []T, key func(T) string) error {
	limit, err := limitOf(r)
	if err != nil {
		return err
	}
	if after := r.query.Get("page"); after != "" {
		for len(list) > 0 && key(list[0]) <= after {
			list = list[1:]
		}
	}
	if len(list) > limit {
		list = list[:limit]
		w.Header().Set("opc-next-page", key(list[limit-1]))
	}
	writeJSON(w, http.StatusOK, list)
	return nil
}

func limitOf(r *request) (int, error) {
	text := r.query.Get("limit")
	if text == "" {
		return maxPage, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxPage {
		return 0, invalid("limit must be from 1 to %d", maxPage)
	}
	return n, nil
}

func notEmulated(what string) error {
	return &failure{http.StatusNotImplemented, "MethodNotImplemented", "The emulator has no " + what + "."}
}
