package ociobjectstorage

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/crossbatch/crossbatch/local/emulator/objects"
)

const maxPart = 10_000

type uploadDetails struct {
	Object             string            `json:"object"`
	ContentType        string            `json:"contentType"`
	ContentLanguage    string            `json:"contentLanguage"`
	ContentEncoding    string            `json:"contentEncoding"`
	ContentDisposition string            `json:"contentDisposition"`
	CacheControl       string            `json:"cacheControl"`
	StorageTier        string            `json:"storageTier"`
	Metadata           map[string]string `json:"metadata"`
}

type uploadAnswer struct {
	Namespace   string `json:"namespace"`
	Bucket      string `json:"bucket"`
	Object      string `json:"object"`
	UploadID    string `json:"uploadId"`
	TimeCreated string `json:"timeCreated"`
	StorageTier string `json:"storageTier"`
}

type partAnswer struct {
	PartNumber int    `json:"partNumber"`
	ETag       string `json:"etag"`
	MD5        string `json:"md5"`
	Size       int64  `json:"size"`
}

// partName keeps the order of numbers in the order of names.
func partName(number int) string { return fmt.Sprintf("%05d", number) }

// metadata takes the prefix off keys in JSON, which have it there as in headers.
func metadata(in map[string]string) (map[string]string, error) {
	out := map[string]string{}
	for k, v := range in {
		key, ok := strings.CutPrefix(strings.ToLower(k), metaPrefix)
		if !ok || key == "" {
			return nil, invalid("the metadata key %q does not begin with %s", k, metaPrefix)
		}
		out[key] = v
	}
	return out, nil
}

func (s *Server) createUpload(w http.ResponseWriter, r *request) error {
	check, err := conditions(r)
	if err != nil {
		return err
	}
	var d uploadDetails
	if err := decode(r, &d); err != nil {
		return err
	}
	if err := validName(d.Object); err != nil {
		return err
	}
	if r.header(algorithmName) != "" {
		return notEmulated("checksums of multipart uploads beside MD5")
	}
	tier, err := storageTier(d.StorageTier)
	if err != nil {
		return err
	}
	meta, err := metadata(d.Metadata)
	if err != nil {
		return err
	}
	u, err := s.o.Objects.CreateUpload(r.bucket, d.Object, "", objects.Attributes{
		ContentType: d.ContentType, ContentLanguage: d.ContentLanguage, ContentEncoding: d.ContentEncoding,
		ContentDisposition: d.ContentDisposition, CacheControl: d.CacheControl,
		Metadata: meta, Properties: map[string]string{tierKey: tier},
	}, check)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, s.uploadAnswer(r.bucket, u))
	return nil
}

func (s *Server) uploadAnswer(bucket string, u objects.Upload) uploadAnswer {
	return uploadAnswer{
		Namespace: s.o.Namespace, Bucket: bucket, Object: u.Key, UploadID: u.ID,
		TimeCreated: u.Created.Format(timeFormat), StorageTier: u.Properties[tierKey],
	}
}

// upload finds the upload of a request: it must be one of the object in the path.
func (s *Server) upload(r *request) (objects.Upload, error) {
	u, err := s.o.Objects.GetUpload(r.bucket, r.query.Get("uploadId"))
	if err == nil && u.Key != r.object {
		err = fmt.Errorf("%w: of %q", objects.ErrNoUpload, r.object)
	}
	return u, err
}

func (s *Server) putPart(w http.ResponseWriter, r *request) error {
	number, err := strconv.Atoi(r.query.Get("uploadPartNum"))
	if err != nil || number < 1 || number > maxPart {
		return invalid("uploadPartNum must be from 1 to %d", maxPart)
	}
	if r.header("if-match") != "" || r.header("if-none-match") != "" {
		return notEmulated("conditions on parts")
	}
	if r.header(algorithmName) != "" {
		return notEmulated("checksums of multipart uploads beside MD5")
	}
	u, err := s.upload(r)
	if err != nil {
		return err
	}
	body, _, err := s.takeIn(r)
	if err != nil {
		return err
	}
	p, err := s.o.Objects.PutPart(r.bucket, u.ID, partName(number), body)
	if err != nil {
		return err
	}
	w.Header().Set("etag", p.ETag)
	w.Header().Set("opc-content-md5", base64.StdEncoding.EncodeToString(p.MD5))
	return nil
}

// commitUpload joins the parts by their numbers, whatever their order in the
// request. A part that was uploaded must be committed or excluded.
func (s *Server) commitUpload(w http.ResponseWriter, r *request) error {
	check, err := conditions(r)
	if err != nil {
		return err
	}
	var d struct {
		PartsToCommit []struct {
			PartNum int    `json:"partNum"`
			ETag    string `json:"etag"`
		} `json:"partsToCommit"`
		PartsToExclude []int `json:"partsToExclude"`
	}
	if err := decode(r, &d); err != nil {
		return err
	}
	u, err := s.upload(r)
	if err != nil {
		return err
	}
	if len(d.PartsToCommit) == 0 {
		return invalid("partsToCommit is empty")
	}
	var refs []objects.PartRef
	named := map[string]bool{}
	for _, p := range d.PartsToCommit {
		name := partName(p.PartNum)
		if p.ETag == "" || named[name] {
			return invalid("part %d has no etag, or is there twice", p.PartNum)
		}
		named[name] = true
		refs = append(refs, objects.PartRef{Name: name, ETag: p.ETag})
	}
	for _, number := range d.PartsToExclude {
		if named[partName(number)] {
			return invalid("part %d is both committed and excluded", number)
		}
		named[partName(number)] = true
	}
	parts, err := s.o.Objects.Parts(r.bucket, u.ID)
	if err != nil {
		return err
	}
	for _, p := range parts {
		if !named[p.Name] {
			return invalid("part %s is neither committed nor excluded", p.Name)
		}
	}
	slices.SortFunc(refs, func(a, b objects.PartRef) int { return strings.Compare(a.Name, b.Name) })
	o, err := s.o.Objects.Commit(r.bucket, u.ID, refs, nil, check)
	if err != nil {
		return err
	}
	w.Header().Set("etag", o.ETag)
	w.Header().Set("opc-multipart-md5", digest(o))
	w.Header().Set("last-modified", o.Modified.Format(http.TimeFormat))
	return nil
}

func (s *Server) abortUpload(w http.ResponseWriter, r *request) error {
	u, err := s.upload(r)
	if err != nil {
		return err
	}
	if err := s.o.Objects.Abort(r.bucket, u.ID); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) listUploads(w http.ResponseWriter, r *request) error {
	uploads, err := s.o.Objects.Uploads(r.bucket)
	if err != nil {
		return err
	}
	answers := []uploadAnswer{}
	for _, u := range uploads {
		answers = append(answers, s.uploadAnswer(r.bucket, u))
	}
	// The token of a page goes through a header: no key may stand in it as it is.
	return writePage(w, r, answers, func(a uploadAnswer) string { return fmt.Sprintf("%x.%s", a.Object, a.UploadID) })
}

func (s *Server) listParts(w http.ResponseWriter, r *request) error {
	u, err := s.upload(r)
	if err != nil {
		return err
	}
	parts, err := s.o.Objects.Parts(r.bucket, u.ID)
	if err != nil {
		return err
	}
	answers := []partAnswer{}
	for _, p := range parts {
		number, err := strconv.Atoi(p.Name)
		if err != nil {
			return err
		}
		answers = append(answers, partAnswer{PartNumber: number, ETag: p.ETag, MD5: base64.StdEncoding.EncodeToString(p.MD5), Size: p.Size})
	}
	return writePage(w, r, answers, func(a partAnswer) string { return partName(a.PartNumber) })
}
