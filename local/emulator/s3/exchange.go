package s3

import (
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/johannesboyne/gofakes3"

	"github.com/crossbatch/crossbatch/local/emulator/objects"
)

const (
	maxSkew = 15 * time.Minute
	maxKey  = 1024 // bytes
)

// exchange is one request and its answer. gofakes3 writes to it, and what it
// writes is put right on its way.
type exchange struct {
	http.ResponseWriter
	server      *Server
	r           *http.Request
	query       url.Values
	bucket, key string
	region      string // that the request was signed for
	payload     *payload

	etag      string // of the object, where gofakes3 would make up another
	fault     *fault // that an error of gofakes3's stands for
	answered  bool
	refused   bool
	brokenOff bool // the answer had begun when it failed
}

func newExchange(s *Server, w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{ResponseWriter: w, server: s, r: r.Clone(r.Context())}
	x.bucket, x.key = split(r.URL.Path)
	id := fmt.Sprintf("%016X", s.requests.Add(1))
	w.Header().Set("X-Amz-Request-Id", id)
	w.Header().Set("X-Amz-Id-2", base64.StdEncoding.EncodeToString([]byte(id)))
	w.Header().Set("Server", "AmazonS3")
	return x
}

// serve answers the request, or says why not.
func (x *exchange) serve() error {
	if x.r.Method == http.MethodOptions { // a browser asks what it may do
		x.library()
		return nil
	}
	if err := x.admit(); err != nil {
		return err
	}
	if err := x.findRegion(); err != nil {
		return err
	}
	if x.multipart() {
		return x.serveUpload()
	}
	if x.askedForTags() {
		return x.tags()
	}
	if x.r.Method == http.MethodPut && x.r.Header.Get(copySource) != "" && x.key != "" {
		return x.copyObject()
	}
	var err error
	if x.payload, err = newPayload(x.r); err != nil {
		return err
	}
	switch {
	case x.r.Method == http.MethodPut && x.bucket != "" && x.key == "" && !x.query.Has("versioning"):
		return x.createBucket()
	case x.r.Method == http.MethodGet && x.bucket != "" && x.key == "" && x.query.Has("location"):
		return x.location()
	case x.r.Method == http.MethodGet && x.bucket != "" && x.key == "" && !x.query.Has("versioning"):
		return x.list()
	case x.r.Method == http.MethodPost && !x.query.Has("delete"):
		return newFault(http.StatusNotImplemented, "NotImplemented", "Uploads from a browser's form are not emulated.")
	case x.r.Method != http.MethodPut:
		// gofakes3 may stop reading XML ahead of its end: what is wrong with the
		// body must be known before it acts.
		body, err := x.payload.document()
		if err != nil {
			return err
		}
		x.r.Body = io.NopCloser(strings.NewReader(string(body)))
	case x.payload.length < 0:
		return newFault(http.StatusLengthRequired, "MissingContentLength", "You must provide the Content-Length HTTP header.")
	}
	x.library()
	return nil
}

// library lets gofakes3 answer, over a backend that knows the request.
func (x *exchange) library() {
	x.r.Header.Del("Content-Md5") // is verified here
	if !isRange(x.r.Header.Get("Range")) {
		x.r.Header.Del("Range") // gofakes3 would refuse it
	}
	gofakes3.New(backend{x},
		gofakes3.WithTimeSource(x.server.clock),
		gofakes3.WithTimeSkewLimit(0),
		gofakes3.WithMetadataSizeLimit(0),
		gofakes3.WithRequestID(x.server.requests.Load()),
	).Server().ServeHTTP(x, x.r)
	if !x.answered {
		x.WriteHeader(http.StatusOK)
	}
}

// admit refuses what is not signed, and what is asked of things that are not here.
func (x *exchange) admit() error {
	var err error
	if x.query, err = url.ParseQuery(x.r.URL.RawQuery); err != nil || !utf8.ValidString(x.r.URL.Path) {
		return newFault(http.StatusBadRequest, "InvalidURI", "Couldn't parse the specified URI.")
	}
	now := x.server.clock.Now()
	region, f := signedRegion(x.r, x.query, now)
	if f != nil {
		return f
	}
	x.region = region
	if at, err := time.Parse(amzTime, x.r.Header.Get("X-Amz-Date")); err == nil && now.Sub(at).Abs() > maxSkew {
		return newFault(http.StatusForbidden, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.")
	}
	for name := range x.query {
		if absent[name] && !x.askedForTags() {
			return newFault(http.StatusNotImplemented, "NotImplemented", "The subresource %q is not emulated.", name)
		}
		if hoisted := strings.ToLower(name); strings.HasPrefix(hoisted, "x-amz-") && !aboutSignature[hoisted] && x.r.Header.Get(name) == "" {
			x.r.Header.Set(name, x.query.Get(name)) // presigning puts headers into the query
		}
	}
	if x.query.Has("partNumber") && !x.query.Has("uploadId") {
		return newFault(http.StatusNotImplemented, "NotImplemented", "Reading by part number is not emulated.")
	}
	for name := range x.r.Header {
		name = strings.ToLower(name)
		for _, stem := range absentHeaders {
			if strings.HasPrefix(name, stem) {
				return notImplemented(name)
			}
		}
	}
	return nil
}

var aboutSignature = set("x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires", "x-amz-signedheaders", "x-amz-signature", "x-amz-security-token")

// absent are subresources of S3 that are not emulated. gofakes3 knows none of
// them: it would write PutObjectTagging's body over the object.
var absent = set("abac", "accelerate", "acl", "analytics", "annotation", "attributes", "cors", "encryption", "intelligent-tiering", "inventory",
	"legal-hold", "lifecycle", "logging", "metadataConfiguration", "metadataTable", "metrics", "notification", "object-lock", "ownershipControls", "policy",
	"policyStatus", "publicAccessBlock", "renameObject", "replication", "requestPayment", "restore", "retention", "select", "session", "tagging",
	"torrent", "versions", "website")

// askedForTags: the aws CLI asks before it copies a large object.
func (x *exchange) askedForTags() bool {
	return x.r.Method == http.MethodGet && x.key != "" && x.query.Has("tagging")
}

// tags answers that an object has none.
func (x *exchange) tags() error {
	if _, err := x.server.store.Stat(x.bucket, x.key, nil); err != nil {
		return err
	}
	return x.reply(struct {
		XMLName xml.Name `xml:"Tagging"`
		Xmlns   string   `xml:"xmlns,attr"`
		TagSet  string
	}{Xmlns: namespace})
}

// absentHeaders begin the names of headers that ask for what is not emulated.
var absentHeaders = []string{"x-amz-server-side-encryption-customer-", "x-amz-copy-source-server-side-encryption-customer-", "x-amz-object-lock-", "x-amz-tagging", "x-amz-write-offset-bytes"}

func set(names ...string) map[string]bool {
	out := map[string]bool{}
	for _, n := range names {
		out[n] = true
	}
	return out
}

// findRegion refuses a request that was signed for another region than the
// bucket's, as the endpoint of that region does.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingBucket.html
func (x *exchange) findRegion() error {
	if x.bucket == "" {
		return nil
	}
	b, err := x.server.store.GetBucket(x.bucket)
	if errors.Is(err, objects.ErrNoBucket) {
		return nil // for whoever needs it to say
	}
	if err != nil {
		return err
	}
	region := regionOf(b)
	x.Header().Set("X-Amz-Bucket-Region", region)
	if region == x.region || x.query.Has("location") || x.r.Method == http.MethodPut && x.key == "" {
		return nil
	}
	f := newFault(http.StatusMovedPermanently, "PermanentRedirect", "The bucket is in region %s, and the request was signed for %s. Please send all future requests to the endpoint of that region, signed for it.", region, x.region)
	f.BucketName, f.Region, f.Endpoint = x.bucket, region, x.r.Host
	return f
}

func regionOf(b objects.Bucket) string { return b.Properties[regionProperty] }

// WriteHeader begins the answer. An error of gofakes3's becomes the one that the
// backend met.
func (x *exchange) WriteHeader(status int) {
	if x.answered {
		x.brokenOff = true
		return
	}
	if status >= http.StatusMultipleChoices && x.fault != nil {
		x.refuse(x.fault)
		return
	}
	x.answered = true
	if x.etag != "" {
		x.Header().Set("ETag", x.etag)
	}
	x.ResponseWriter.WriteHeader(status)
}

// Write adds to the answer's body, unless that is in place of it.
func (x *exchange) Write(b []byte) (int, error) {
	if x.refused || x.brokenOff {
		return len(b), nil
	}
	if !x.answered {
		x.WriteHeader(http.StatusOK)
	}
	return x.ResponseWriter.Write(b)
}

// refuse answers with an error.
func (x *exchange) refuse(f *fault) {
	if x.answered {
		x.brokenOff = true
		return
	}
	x.answered, x.refused = true, true
	// A client that is still sending would meet a closed connection in place of
	// the answer; not all that ask for leave to send wait for it.
	_, _ = io.Copy(io.Discard, x.r.Body)
	h := x.Header()
	for name := range h {
		if !strings.HasPrefix(name, "X-Amz-") && name != "Server" && name != "Etag" {
			h.Del(name)
		}
	}
	if f.status == http.StatusNotModified || x.r.Method == http.MethodHead {
		x.ResponseWriter.WriteHeader(f.status)
		return
	}
	h.Del("Etag")
	f.RequestID, f.HostID = h.Get("X-Amz-Request-Id"), h.Get("X-Amz-Id-2")
	x.writeXML(f.status, f)
}

// reply answers with a document.
func (x *exchange) reply(document any) error {
	x.answered = true
	x.writeXML(http.StatusOK, document)
	return nil
}

func (x *exchange) writeXML(status int, document any) {
	body, err := xml.Marshal(document)
	if err != nil {
		x.brokenOff = true
		return
	}
	x.Header().Set("Content-Type", "application/xml")
	x.ResponseWriter.WriteHeader(status)
	_, _ = x.ResponseWriter.Write([]byte(xml.Header))
	_, _ = x.ResponseWriter.Write(body)
}

// fail notes what an error means, for WriteHeader, and returns it.
func (x *exchange) fail(err error) error {
	if err == nil {
		return nil
	}
	x.fault = asFault(err, x.bucket, x.key)
	return x.fault
}
