package s3

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/johannesboyne/gofakes3"

	"github.com/crossbatch/crossbatch/local/emulator/objects"
)

const (
	maxParts = 10_000
	minPart  = 5 << 20 // bytes; the last part may be smaller
)

// multipart says whether the request is about multipart uploads. They are ours:
// gofakes3 keeps their parts in memory twice, and ignores conditions and
// checksums when it completes one.
func (x *exchange) multipart() bool { return x.query.Has("uploads") || x.query.Has("uploadId") }

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
func (x *exchange) serveUpload() error {
	method, of := x.r.Method, x.query.Has("uploadId")
	switch {
	case method == http.MethodGet && !of && x.key == "":
		return x.listUploads()
	case method == http.MethodPost && !of && x.key != "":
		return x.createUpload()
	case !of:
		return gofakes3.ErrMethodNotAllowed
	}
	u, err := x.server.store.GetUpload(x.bucket, x.query.Get("uploadId"))
	if err != nil {
		return err
	}
	if u.Key != x.key {
		return noSuchUpload()
	}
	switch method {
	case http.MethodPut:
		return x.uploadPart(u)
	case http.MethodPost:
		return x.complete(u)
	case http.MethodGet:
		return x.listParts(u)
	case http.MethodDelete:
		x.server.forget(u.ID)
		if err := x.server.store.Abort(x.bucket, u.ID); err != nil {
			return err
		}
		x.WriteHeader(http.StatusNoContent)
		return nil
	}
	return gofakes3.ErrMethodNotAllowed
}

func (x *exchange) createUpload() error {
	if len(x.key) > maxKey {
		return gofakes3.ErrKeyTooLong
	}
	a, err := x.attributes()
	if err != nil {
		return err
	}
	if name := x.r.Header.Get("X-Amz-Checksum-Algorithm"); name != "" {
		c, f := checksumOf(headerStem + name)
		if f != nil {
			return f
		}
		kind := x.r.Header.Get(checksumType)
		if kind == "" && c.composite() {
			kind = composite
		} else if kind == "" {
			kind = fullObject
		}
		if kind == composite && !c.composite() || kind == fullObject && !c.linear() || kind != composite && kind != fullObject {
			return newFault(http.StatusBadRequest, "InvalidRequest", "The %s checksum type cannot be used with the %s checksum algorithm.", kind, name)
		}
		a.Properties[uploadChecksum], a.Properties[checksumType] = string(c), kind
		x.Header().Set("X-Amz-Checksum-Algorithm", name)
		x.Header().Set(checksumType, kind)
	}
	u, err := x.server.store.CreateUpload(x.bucket, x.key, "", a, nil)
	if err != nil {
		return err
	}
	return x.reply(gofakes3.InitiateMultipartUploadResult{Bucket: x.bucket, Key: x.key, UploadID: gofakes3.UploadID(u.ID)})
}

func partName(n int) string { return fmt.Sprintf("%05d", n) }

func partETag(p objects.Part) string { return `"` + hex.EncodeToString(p.MD5) + `"` }

func (x *exchange) uploadPart(u objects.Upload) error {
	n, err := strconv.Atoi(x.query.Get("partNumber"))
	if err != nil || n < 1 || n > maxParts {
		return newFault(http.StatusBadRequest, "InvalidArgument", "Part number must be an integer between 1 and %d, inclusive", maxParts)
	}
	if x.r.Header.Get(copySource) != "" {
		return x.copyPart(u, partName(n))
	}
	if x.payload, err = newPayload(x.r); err != nil {
		return err
	}
	if x.payload.length < 0 {
		return newFault(http.StatusLengthRequired, "MissingContentLength", "You must provide the Content-Length HTTP header.")
	}
	p, err := x.putPart(u, partName(n))
	if err != nil {
		return err
	}
	for _, c := range x.payload.checksums() {
		x.Header().Set(c.header(), x.payload.declared[c])
	}
	x.etag = partETag(p)
	x.WriteHeader(http.StatusOK)
	return nil
}

// putPart takes in the payload as a part, and notes its checksum.
func (x *exchange) putPart(u objects.Upload, name string) (objects.Part, error) {
	c := checksum(u.Properties[uploadChecksum])
	sum := x.payload.also(c)
	body, err := x.stage()
	if err != nil {
		return objects.Part{}, err
	}
	p, err := x.server.store.PutPart(x.bucket, u.ID, name, body)
	if err == nil && sum != nil {
		x.server.note(u.ID, p.ETag, base64.StdEncoding.EncodeToString(sum.Sum(nil)))
	}
	return p, err
}

func (s *Server) note(upload, etag, sum string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.parts[upload] == nil {
		s.parts[upload] = map[string]string{}
	}
	s.parts[upload][etag] = sum
}

func (s *Server) noted(upload, etag string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.parts[upload][etag]
}

func (s *Server) forget(upload string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.parts, upload)
}

type completion struct {
	Parts []struct {
		PartNumber int
		ETag       string
		Rest       []struct { // ChecksumCRC32 and its like
			XMLName xml.Name
			Value   string `xml:",chardata"`
		} `xml:",any"`
	} `xml:"Part"`
}

func (x *exchange) complete(u objects.Upload) error {
	check, err := writeCondition(x.r.Header, x.key)
	if err != nil {
		return err
	}
	c := checksum(u.Properties[uploadChecksum])
	whole, err := x.wholeChecksum(c)
	if err != nil {
		return err
	}
	if x.payload, err = newPayload(x.r); err != nil {
		return err
	}
	body, err := x.payload.document()
	if err != nil {
		return err
	}
	var in completion
	if err := xml.Unmarshal(body, &in); err != nil || len(in.Parts) == 0 {
		return malformedXML()
	}
	refs, sums, err := x.choose(u, in)
	if err != nil {
		return err
	}
	if err := x.checkSize(sums); err != nil {
		return err
	}
	a := u.Attributes
	delete(a.Properties, uploadChecksum)
	if c != "" {
		sum := c.whole(sums, a.Properties[checksumType])
		if whole != "" && whole != sum {
			return badDigest(c)
		}
		a.Properties[c.header()] = sum
	}
	o, err := x.server.store.Commit(x.bucket, u.ID, refs, &a, check)
	if err != nil {
		return err
	}
	x.server.forget(u.ID)
	out := completed{
		Xmlns: namespace, Location: "http://" + x.r.Host + "/" + x.bucket + "/" + x.key, Bucket: x.bucket, Key: x.key, ETag: etagOf(&o),
	}
	if c != "" {
		out.ChecksumType = a.Properties[checksumType]
		out.Checksum = &value{XMLName: xml.Name{Local: c.element()}, Value: a.Properties[c.header()]}
	}
	return x.reply(out)
}

// wholeChecksum takes the checksum of the object out of the headers, where others
// are of the request's body. It must be of the kind that the upload began with.
func (x *exchange) wholeChecksum(c checksum) (string, error) {
	var whole string
	for name := range newHash {
		given := x.r.Header.Get(name.header())
		x.r.Header.Del(name.header())
		if given != "" && name != c {
			return "", newFault(http.StatusBadRequest, "InvalidRequest", "The upload was not created with the %s checksum algorithm.", strings.ToUpper(string(name)))
		}
		whole += given
	}
	return whole, nil
}

// checkSize holds the parts against the size that a client expects.
func (x *exchange) checkSize(parts []partSum) error {
	given := x.r.Header.Get("X-Amz-Mp-Object-Size")
	if given == "" {
		return nil
	}
	var size int64
	for _, p := range parts {
		size += p.size
	}
	if given != strconv.FormatInt(size, 10) {
		return newFault(http.StatusBadRequest, "InvalidRequest", "The provided 'x-amz-mp-object-size' header value %s does not match the size of the parts, %d.", given, size)
	}
	return nil
}

type completed struct {
	XMLName      xml.Name `xml:"CompleteMultipartUploadResult"`
	Xmlns        string   `xml:"xmlns,attr"`
	Location     string
	Bucket       string
	Key          string
	ETag         string
	ChecksumType string `xml:",omitempty"`
	Checksum     *value
}

// value is an element whose name is known late.
type value struct {
	XMLName xml.Name
	Value   string `xml:",chardata"`
}

// choose finds the parts that a client names, and their checksums.
func (x *exchange) choose(u objects.Upload, in completion) ([]objects.PartRef, []partSum, error) {
	list, err := x.server.store.Parts(x.bucket, u.ID)
	if err != nil {
		return nil, nil, err
	}
	there := map[string]objects.Part{}
	for _, p := range list {
		there[p.Name] = p
	}
	c := checksum(u.Properties[uploadChecksum])
	var refs []objects.PartRef
	var sums []partSum
	for i := range in.Parts[1:] {
		if in.Parts[i+1].PartNumber <= in.Parts[i].PartNumber {
			return nil, nil, newFault(http.StatusBadRequest, "InvalidPartOrder", "The list of parts was not in ascending order. The parts list must be specified in order by part number.")
		}
	}
	for i, given := range in.Parts {
		p, ok := there[partName(given.PartNumber)]
		sum := x.server.noted(u.ID, p.ETag)
		for _, e := range given.Rest {
			ok = ok && (e.XMLName.Local != c.element() || e.Value == sum)
		}
		if !ok || strings.Trim(given.ETag, `"`) != strings.Trim(partETag(p), `"`) {
			return nil, nil, objects.ErrNoPart
		}
		if i < len(in.Parts)-1 && p.Size < minPart {
			return nil, nil, newFault(http.StatusBadRequest, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size: part %d has %d bytes", given.PartNumber, p.Size)
		}
		refs = append(refs, objects.PartRef{Name: p.Name, ETag: p.ETag})
		sums = append(sums, partSum{sum, p.Size})
	}
	return refs, sums, nil
}

type partList struct {
	XMLName              xml.Name `xml:"ListPartsResult"`
	Xmlns                string   `xml:"xmlns,attr"`
	Bucket               string
	Key                  string
	UploadID             string `xml:"UploadId"`
	StorageClass         string
	PartNumberMarker     int
	NextPartNumberMarker int
	MaxParts             int
	IsTruncated          bool
	Parts                []listedPart `xml:"Part"`
}

type listedPart struct {
	PartNumber   int
	ETag         string
	Size         int64
	LastModified gofakes3.ContentTime
	Checksum     *value
}

func (x *exchange) listParts(u objects.Upload) error {
	limit, err := pageSize(x.query.Get("max-parts"))
	if err != nil {
		return err
	}
	parts, err := x.server.store.Parts(x.bucket, u.ID)
	if err != nil {
		return err
	}
	marker, _ := strconv.Atoi(x.query.Get("part-number-marker"))
	out := partList{
		Xmlns: namespace, Bucket: x.bucket, Key: x.key, UploadID: u.ID, StorageClass: storageClass(objects.Object{Attributes: u.Attributes}),
		PartNumberMarker: marker, MaxParts: limit,
	}
	c := checksum(u.Properties[uploadChecksum])
	for _, p := range parts {
		n, _ := strconv.Atoi(p.Name)
		if n <= marker {
			continue
		}
		if len(out.Parts) == limit {
			out.IsTruncated = true
			break
		}
		entry := listedPart{PartNumber: n, ETag: partETag(p), Size: p.Size, LastModified: gofakes3.NewContentTime(u.Created)}
		if sum := x.server.noted(u.ID, p.ETag); sum != "" {
			entry.Checksum = &value{XMLName: xml.Name{Local: c.element()}, Value: sum}
		}
		out.Parts, out.NextPartNumberMarker = append(out.Parts, entry), n
	}
	return x.reply(out)
}

type uploadList struct {
	XMLName            xml.Name `xml:"ListMultipartUploadsResult"`
	Xmlns              string   `xml:"xmlns,attr"`
	Bucket             string
	KeyMarker          string
	UploadIDMarker     string `xml:"UploadIdMarker"`
	NextKeyMarker      string `xml:",omitempty"`
	NextUploadIDMarker string `xml:"NextUploadIdMarker,omitempty"`
	Prefix             string
	EncodingType       string `xml:",omitempty"`
	MaxUploads         int
	IsTruncated        bool
	Uploads            []listedUpload `xml:"Upload"`
}

type listedUpload struct {
	Key          string
	UploadID     string `xml:"UploadId"`
	StorageClass string
	Initiated    gofakes3.ContentTime
}

// listUploads has no folding: a delimiter is refused.
func (x *exchange) listUploads() error {
	if x.query.Get("delimiter") != "" {
		return newFault(http.StatusNotImplemented, "NotImplemented", "Uploads are not listed with a delimiter here.")
	}
	limit, err := pageSize(x.query.Get("max-uploads"))
	if err != nil {
		return err
	}
	uploads, err := x.server.store.Uploads(x.bucket)
	if err != nil {
		return err
	}
	encode, kind, err := x.encoding()
	if err != nil {
		return err
	}
	prefix, key, id := x.query.Get("prefix"), x.query.Get("key-marker"), x.query.Get("upload-id-marker")
	out := uploadList{
		Xmlns: namespace, Bucket: x.bucket, KeyMarker: encode(key), UploadIDMarker: id, Prefix: encode(prefix), EncodingType: kind, MaxUploads: limit,
	}
	for _, u := range uploads {
		if !strings.HasPrefix(u.Key, prefix) || key != "" && (u.Key < key || u.Key == key && (id == "" || u.ID <= id)) {
			continue
		}
		if len(out.Uploads) == limit {
			out.IsTruncated = limit > 0
			break
		}
		out.Uploads = append(out.Uploads, listedUpload{encode(u.Key), u.ID, storageClass(objects.Object{Attributes: u.Attributes}), gofakes3.NewContentTime(u.Created)})
		out.NextKeyMarker, out.NextUploadIDMarker = encode(u.Key), u.ID
	}
	if !out.IsTruncated {
		out.NextKeyMarker, out.NextUploadIDMarker = "", ""
	}
	return x.reply(out)
}
