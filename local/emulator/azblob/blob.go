package azblob

import (
	"crypto/md5" //nolint:gosec // what the service calls a blob's digest
	"encoding/base64"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/crossbatch/crossbatch/local/emulator/objects"
)

const (
	blockBlob  = "BlockBlob"
	metaStem   = "x-ms-meta-"
	contentMD5 = "content-md5" // property of a blob, base64
	copyStem   = "x-ms-copy-"  // of properties that a copy has

	maxName       = 1024    // characters
	maxMetadata   = 8 << 10 // bytes
	maxRangeMD5   = 4 << 20 // bytes of a range whose digest is asked for
	defaultMedia  = "application/octet-stream"
	contentPrefix = "X-Ms-Blob-"
)

var metadataForm = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

// givenMetadata is what x-ms-meta- headers say. Their names come without case.
func (x *exchange) givenMetadata() (map[string]string, error) {
	out := map[string]string{}
	size := 0
	for header, values := range x.r.Header {
		key, ok := strings.CutPrefix(strings.ToLower(header), metaStem)
		if !ok {
			continue
		}
		if !metadataForm.MatchString(key) {
			return nil, newFault(http.StatusBadRequest, "InvalidMetadata", "The metadata specified is invalid. It has characters that are not permitted.")
		}
		out[key] = strings.Join(values, ",")
		size += len(key) + len(out[key])
	}
	if size > maxMetadata {
		return nil, newFault(http.StatusBadRequest, "MetadataTooLarge", "The size of the specified metadata exceeds the maximum size permitted.")
	}
	return out, nil
}

// givenContent sets what headers say of a blob's content, and takes away what they
// do not: x-ms-blob-content-type and its like.
func (x *exchange) givenContent(a *objects.Attributes) error {
	h := x.r.Header
	a.ContentType, a.ContentEncoding, a.ContentLanguage = h.Get(contentPrefix+"Content-Type"), h.Get(contentPrefix+"Content-Encoding"), h.Get(contentPrefix+"Content-Language")
	a.ContentDisposition, a.CacheControl = h.Get(contentPrefix+"Content-Disposition"), h.Get(contentPrefix+"Cache-Control")
	if a.ContentType == "" {
		a.ContentType = defaultMedia
	}
	if a.Properties == nil {
		a.Properties = map[string]string{}
	}
	delete(a.Properties, contentMD5)
	if given := h.Get(contentPrefix + "Content-Md5"); given != "" {
		if raw, err := base64.StdEncoding.DecodeString(given); err != nil || len(raw) != md5.Size {
			return newFault(http.StatusBadRequest, "InvalidMd5", "The MD5 value specified in the request is invalid.")
		}
		a.Properties[contentMD5] = given
	}
	return nil
}

// put is Put Blob or Copy Blob.
func (x *exchange) put() error {
	if n := len([]rune(x.blob)); n > maxName {
		return newFault(http.StatusBadRequest, "InvalidResourceName", "The specified resource name has %d characters; %d are permitted.", n, maxName)
	}
	kind, source := x.r.Header.Get("X-Ms-Blob-Type"), x.r.Header.Get("X-Ms-Copy-Source")
	switch {
	case kind == "" && source != "":
		return x.copy(source)
	case source != "":
		return notEmulated("Put Blob From URL")
	case kind == "":
		return newFault(http.StatusBadRequest, "MissingRequiredHeader", "An HTTP header that's mandatory for this request is not specified: x-ms-blob-type.")
	case kind != blockBlob:
		return notEmulated(kind)
	}
	return x.putBlob()
}

// https://learn.microsoft.com/rest/api/storageservices/put-blob
func (x *exchange) putBlob() error {
	var a objects.Attributes
	if err := x.givenContent(&a); err != nil {
		return err
	}
	if x.r.Header.Get(contentPrefix+"Content-Type") == "" && x.r.Header.Get("Content-Type") != "" {
		a.ContentType = x.r.Header.Get("Content-Type")
	}
	var err error
	if a.Metadata, err = x.givenMetadata(); err != nil {
		return err
	}
	c, err := x.conditions("")
	if err != nil {
		return err
	}
	body, err := x.stage()
	if err != nil {
		return err
	}
	if a.Properties[contentMD5] == "" {
		a.Properties[contentMD5] = base64.StdEncoding.EncodeToString(body.MD5())
	}
	o, err := x.server.store.Put(x.container, x.blob, body, a, c.writable)
	if err != nil {
		return err
	}
	_ = x.server.store.Abort(x.container, x.blob) // a write forgets the blocks that wait
	return x.written(o)
}

// written answers that a blob was.
func (x *exchange) written(o objects.Object) error {
	x.stamp(etagOf(o.ETag), o.Modified)
	x.Header().Set("X-Ms-Request-Server-Encrypted", "true")
	return x.done(http.StatusCreated)
}

// describe sets the headers that tell of a blob. of is a range's MD5, or empty.
func (x *exchange) describe(o objects.Object) {
	h := x.Header()
	x.stamp(etagOf(o.ETag), o.Modified)
	for name, v := range map[string]string{
		"Content-Type": o.ContentType, "Content-Encoding": o.ContentEncoding, "Content-Language": o.ContentLanguage,
		"Content-Disposition": o.ContentDisposition, "Cache-Control": o.CacheControl, "Content-MD5": o.Properties[contentMD5],
		"X-Ms-Blob-Type": blockBlob, "X-Ms-Lease-Status": "unlocked", "X-Ms-Lease-State": "available", "X-Ms-Server-Encrypted": "true", "Accept-Ranges": "bytes",
		"X-Ms-Creation-Time": o.Created.UTC().Format(http.TimeFormat), "X-Ms-Access-Tier": "Hot", "X-Ms-Access-Tier-Inferred": "true",
	} {
		if v != "" {
			h.Set(name, v)
		}
	}
	for name, v := range o.Metadata {
		h.Set(metaStem+name, v)
	}
	for name, v := range o.Properties {
		if strings.HasPrefix(name, copyStem) {
			h.Set(name, v)
		}
	}
}

func (x *exchange) properties() error {
	c, err := x.conditions("")
	if err != nil {
		return err
	}
	o, err := x.server.store.Stat(x.container, x.blob, c.readable)
	if err != nil {
		return err
	}
	x.describe(o)
	x.Header().Set("Content-Length", strconv.FormatInt(o.Size, 10))
	return x.done(http.StatusOK)
}

func (x *exchange) metadata() error {
	c, err := x.conditions("")
	if err != nil {
		return err
	}
	o, err := x.server.store.Stat(x.container, x.blob, c.readable)
	if err != nil {
		return err
	}
	x.stamp(etagOf(o.ETag), o.Modified)
	for name, v := range o.Metadata {
		x.Header().Set(metaStem+name, v)
	}
	return x.done(http.StatusOK)
}

// https://learn.microsoft.com/rest/api/storageservices/get-blob
func (x *exchange) get() error {
	c, err := x.conditions("")
	if err != nil {
		return err
	}
	content, err := x.server.store.Get(x.container, x.blob, c.readable)
	if err != nil {
		return err
	}
	defer func() { _ = content.Close() }()
	given := x.r.Header.Get("X-Ms-Range")
	if given == "" {
		given = x.r.Header.Get("Range")
	}
	size := content.Object.Size
	start, length, ranged := byteRange(given, size)
	if ranged && start >= size {
		return newFault(http.StatusRequestedRangeNotSatisfiable, "InvalidRange", "The range specified is invalid for the current size of the resource.")
	}
	x.describe(content.Object)
	status := http.StatusOK
	h := x.Header()
	if ranged {
		status = http.StatusPartialContent
		h.Set("Content-Range", "bytes "+strconv.FormatInt(start, 10)+"-"+strconv.FormatInt(start+length-1, 10)+"/"+strconv.FormatInt(size, 10))
		h.Del("Content-MD5") // it would be the range's
		if v := content.Object.Properties[contentMD5]; v != "" {
			h.Set("X-Ms-Blob-Content-Md5", v)
		}
		if strings.EqualFold(x.r.Header.Get("X-Ms-Range-Get-Content-Md5"), "true") {
			sum, err := rangeMD5(content, start, length)
			if err != nil {
				return err
			}
			h.Set("Content-MD5", sum)
		}
	}
	h.Set("Content-Length", strconv.FormatInt(length, 10))
	if _, err := content.Seek(start, io.SeekStart); err != nil {
		return err
	}
	x.WriteHeader(status)
	if _, err := io.CopyN(x, content, length); err != nil {
		panic(http.ErrAbortHandler) // so that the client sees that its body is not whole
	}
	return nil
}

func rangeMD5(content io.ReadSeeker, start, length int64) (string, error) {
	if length > maxRangeMD5 {
		return "", badHeader("x-ms-range-get-content-md5")
	}
	if _, err := content.Seek(start, io.SeekStart); err != nil {
		return "", err
	}
	sum := md5.New() //nolint:gosec // see above
	if _, err := io.CopyN(sum, content, length); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(sum.Sum(nil)), nil
}

var rangeForm = regexp.MustCompile(`^bytes=(\d+)-(\d*)$`)

// byteRange is the range that a header asks for. Azure knows no suffixes, and
// passes over what is not a range.
func byteRange(header string, size int64) (start, length int64, ranged bool) {
	form := rangeForm.FindStringSubmatch(header)
	if form == nil {
		return 0, size, false
	}
	start, err := strconv.ParseInt(form[1], 10, 64)
	if err != nil {
		return 0, size, false
	}
	end := size - 1
	if form[2] != "" {
		n, err := strconv.ParseInt(form[2], 10, 64)
		if err != nil || n < start {
			return 0, size, false
		}
		end = min(end, n)
	}
	return start, end - start + 1, true
}

// https://learn.microsoft.com/rest/api/storageservices/delete-blob
func (x *exchange) delete() error {
	c, err := x.conditions("")
	if err != nil {
		return err
	}
	switch x.r.Header.Get("X-Ms-Delete-Snapshots") {
	case "", "include": // no blob has any
		err = x.server.store.Delete(x.container, x.blob, c.plain)
	case "only":
		_, err = x.server.store.Stat(x.container, x.blob, c.plain)
	default:
		err = badHeader("x-ms-delete-snapshots")
	}
	if err != nil {
		return err
	}
	x.Header().Set("X-Ms-Delete-Type-Permanent", "true")
	return x.done(http.StatusAccepted)
}

func (x *exchange) setProperties() error {
	var given objects.Attributes
	if err := x.givenContent(&given); err != nil {
		return err
	}
	return x.update(func(a *objects.Attributes) {
		a.ContentType, a.ContentEncoding, a.ContentLanguage = given.ContentType, given.ContentEncoding, given.ContentLanguage
		a.ContentDisposition, a.CacheControl = given.ContentDisposition, given.CacheControl
		if a.Properties == nil {
			a.Properties = map[string]string{}
		}
		delete(a.Properties, contentMD5)
		if v := given.Properties[contentMD5]; v != "" {
			a.Properties[contentMD5] = v
		}
	})
}

func (x *exchange) setMetadata() error {
	given, err := x.givenMetadata()
	if err != nil {
		return err
	}
	return x.update(func(a *objects.Attributes) { a.Metadata = given })
}

func (x *exchange) update(change func(*objects.Attributes)) error {
	c, err := x.conditions("")
	if err != nil {
		return err
	}
	o, err := x.server.store.Update(x.container, x.blob, change, c.plain)
	if err != nil {
		return err
	}
	x.stamp(etagOf(o.ETag), o.Modified)
	return x.done(http.StatusOK)
}
