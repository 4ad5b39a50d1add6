package ociobjectstorage

import (
	"crypto/md5" // the service's digest of parts
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/crossbatch/crossbatch/local/emulator/objects"
)

const (
	maxName       = 1024
	maxSinglePut  = 50 << 30 // bytes of a PutObject, and of a part
	metaPrefix    = "opc-meta-"
	octetStream   = "application/octet-stream"
	tierKey       = "storage-tier" // of an object's properties, and header
	standardTier  = "Standard"
	algorithmName = "opc-checksum-algorithm"
)

// validName is for names of new objects: 1 to 1,024 bytes of UTF-8 without line
// feed, carriage return and NUL
// (https://docs.oracle.com/iaas/Content/Object/Tasks/managingobjects_topic-To_upload_objects_to_a_bucket.htm).
func validName(name string) error {
	if name == "" || len(name) > maxName || !utf8.ValidString(name) || strings.ContainsAny(name, "\n\r\x00") {
		return &failure{
			http.StatusBadRequest, "InvalidObjectName",
			fmt.Sprintf("An object has a name of 1 to %d bytes of UTF-8 without line feed, carriage return and NUL.", maxName),
		}
	}
	return nil
}

// conditions reads If-Match and If-None-Match of a write.
func conditions(r *request) (objects.Check, error) {
	return writeCheck(r.header("if-match"), r.header("if-none-match"))
}

func writeCheck(match, none string) (objects.Check, error) {
	if none != "" && none != "*" {
		return nil, invalid("if-none-match can only be '*' here")
	}
	return func(o *objects.Object) error {
		if match != "" && objects.IfMatch(match)(o) != nil {
			return errIfMatch
		}
		if none != "" && objects.IfNoneMatch(none)(o) != nil {
			return errIfNoneMatch
		}
		return nil
	}, nil
}

// readCheck is that of GetObject and HeadObject.
func readCheck(r *request) objects.Check {
	match, none := r.header("if-match"), r.header("if-none-match")
	return func(o *objects.Object) error {
		if match != "" && objects.IfMatch(match)(o) != nil {
			return errIfMatch
		}
		if none != "" && objects.IfNoneMatch(none)(o) != nil {
			return errNotModified
		}
		return nil
	}
}

func (s *Server) putObject(w http.ResponseWriter, r *request) error {
	check, err := conditions(r)
	if err != nil {
		return err
	}
	if err := validName(r.object); err != nil {
		return err
	}
	if r.header("opc-sse-customer-key") != "" {
		return notEmulated("encryption with customers' keys")
	}
	tier, err := storageTier(r.header(tierKey))
	if err != nil {
		return err
	}
	a := objects.Attributes{
		ContentType: r.header("content-type"), ContentLanguage: r.header("content-language"), ContentEncoding: r.header("content-encoding"),
		ContentDisposition: r.header("content-disposition"), CacheControl: r.header("cache-control"),
		Metadata: map[string]string{}, Properties: map[string]string{tierKey: tier},
	}
	for name, values := range r.Header {
		if key, ok := strings.CutPrefix(strings.ToLower(name), metaPrefix); ok && key != "" {
			a.Metadata[key] = values[0]
		}
	}
	body, sums, err := s.takeIn(r)
	if err != nil {
		return err
	}
	for name, sum := range sums {
		a.Properties[name] = sum
	}
	o, err := s.o.Objects.Put(r.bucket, r.object, body, a, check)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("etag", o.ETag)
	h.Set("opc-content-md5", base64.StdEncoding.EncodeToString(o.MD5))
	h.Set("last-modified", o.Modified.Format(http.TimeFormat))
	for name, sum := range sums {
		h.Set(name, sum)
	}
	return nil
}

func storageTier(tier string) (string, error) {
	switch {
	case tier == "" || strings.EqualFold(tier, standardTier):
		return standardTier, nil
	case strings.EqualFold(tier, "InfrequentAccess"):
		return "InfrequentAccess", nil
	case strings.EqualFold(tier, "Archive"):
		return "", notEmulated("Archive tier")
	}
	return "", invalid("storage-tier %q is none", tier)
}

func (s *Server) getObject(w http.ResponseWriter, r *request) error {
	if r.query.Has("versionId") {
		return notEmulated("versions")
	}
	c, err := s.o.Objects.Get(r.bucket, r.object, readCheck(r))
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	from, length, err := rangeOf(r.header("range"), c.Object.Size)
	if err != nil {
		w.Header().Set("content-range", fmt.Sprintf("bytes */%d", c.Object.Size))
		return err
	}
	if _, err := c.Seek(from, io.SeekStart); err != nil {
		return err
	}
	s.describe(w.Header(), c.Object, r)
	w.Header().Set("content-length", strconv.FormatInt(length, 10))
	if r.header("range") != "" {
		w.Header().Set("content-range", fmt.Sprintf("bytes %d-%d/%d", from, from+length-1, c.Object.Size))
		w.WriteHeader(http.StatusPartialContent)
	}
	_, _ = io.CopyN(w, c, length) // the status is out: what is short is seen by its length
	return nil
}

func (s *Server) headObject(w http.ResponseWriter, r *request) error {
	if r.query.Has("versionId") {
		return notEmulated("versions")
	}
	o, err := s.o.Objects.Stat(r.bucket, r.object, readCheck(r))
	if err != nil {
		return err
	}
	s.describe(w.Header(), o, r)
	w.Header().Set("content-length", strconv.FormatInt(o.Size, 10))
	return nil
}

// describe sets what GetObject and HeadObject tell of an object.
func (s *Server) describe(h http.Header, o objects.Object, r *request) {
	contentType := o.ContentType
	if contentType == "" {
		contentType = octetStream
	}
	for name, value := range map[string]string{
		"etag": o.ETag, "last-modified": o.Modified.Format(http.TimeFormat), "accept-ranges": "bytes",
		"content-type": contentType, "content-language": o.ContentLanguage, "content-encoding": o.ContentEncoding,
		"content-disposition": o.ContentDisposition, "cache-control": o.CacheControl,
	} {
		if value != "" {
			h.Set(name, value)
		}
	}
	if o.MD5 != nil {
		h.Set("content-md5", digest(o))
	} else {
		h.Set("opc-multipart-md5", digest(o))
	}
	for name, value := range o.Properties {
		h.Set(name, value)
	}
	for key, value := range o.Metadata {
		h.Set(metaPrefix+key, value)
	}
	for query, name := range map[string]string{
		"httpResponseContentType": "content-type", "httpResponseContentLanguage": "content-language", "httpResponseContentEncoding": "content-encoding",
		"httpResponseContentDisposition": "content-disposition", "httpResponseCacheControl": "cache-control", "httpResponseExpires": "expires",
	} {
		if value := r.query.Get(query); value != "" {
			h.Set(name, value)
		}
	}
}

// digest is an object's MD5 in base64; of one made of parts, that of the parts'
// MD5s, and their number.
func digest(o objects.Object) string {
	if o.MD5 != nil {
		return base64.StdEncoding.EncodeToString(o.MD5)
	}
	sum := md5.New()
	for _, p := range o.Parts {
		sum.Write(p.MD5)
	}
	return base64.StdEncoding.EncodeToString(sum.Sum(nil)) + "-" + strconv.Itoa(len(o.Parts))
}

// rangeOf reads a Range header: one range, as
// https://datatracker.ietf.org/doc/html/rfc9110#section-14.1.2 has it.
func rangeOf(text string, size int64) (from, length int64, err error) {
	if text == "" {
		return 0, size, nil
	}
	bad := &failure{http.StatusRequestedRangeNotSatisfiable, "InvalidRange", "The range " + text + " is not one of this object."}
	spec, ok := strings.CutPrefix(text, "bytes=")
	first, last, dash := strings.Cut(spec, "-")
	if !ok || !dash {
		return 0, 0, bad
	}
	if first == "" {
		n, err := strconv.ParseUint(last, 10, 63)
		if err != nil || n == 0 || size == 0 {
			return 0, 0, bad
		}
		length = min(int64(n), size)
		return size - length, length, nil
	}
	start, err := strconv.ParseUint(first, 10, 63)
	if err != nil || int64(start) >= size {
		return 0, 0, bad
	}
	end := size - 1
	if last != "" {
		n, err := strconv.ParseUint(last, 10, 63)
		if err != nil || n < start {
			return 0, 0, bad
		}
		end = min(end, int64(n))
	}
	return int64(start), end - int64(start) + 1, nil
}

func (s *Server) deleteObject(w http.ResponseWriter, r *request) error {
	if r.query.Has("versionId") {
		return notEmulated("versions")
	}
	check, err := conditions(r)
	if err != nil {
		return err
	}
	if err := s.o.Objects.Delete(r.bucket, r.object, check); err != nil {
		return err
	}
	w.Header().Set("last-modified", s.o.Clock.Now().UTC().Format(http.TimeFormat))
	w.WriteHeader(http.StatusNoContent)
	return nil
}
