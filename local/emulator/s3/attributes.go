package s3

import (
	"crypto/md5" //nolint:gosec // what an etag is made of
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"strings"

	"github.com/crossbatch/crossbatch/local/emulator/objects"
)

// maxMetadata is how many bytes names and values of a user's metadata may have.
const maxMetadata = 2 << 10

const (
	metaStem         = "x-amz-meta-"
	checksumType     = "x-amz-checksum-type"
	fullObject       = "FULL_OBJECT"
	composite        = "COMPOSITE"
	uploadChecksum   = "upload-checksum" // property of an upload: the checksum that it has been begun with
	defaultMediaType = "binary/octet-stream"
)

// kept are headers that an object gives back as they were given. Their names, in
// lower case, are those of the properties that keep them.
var kept = []string{"expires", "x-amz-storage-class", "x-amz-website-redirect-location", "x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id"}

// attributes are what the headers of a request say of an object to be.
func (x *exchange) attributes() (objects.Attributes, error) {
	h := x.r.Header
	a := objects.Attributes{
		ContentType: h.Get("Content-Type"), ContentEncoding: h.Get("Content-Encoding"), ContentLanguage: h.Get("Content-Language"),
		ContentDisposition: h.Get("Content-Disposition"), CacheControl: h.Get("Cache-Control"),
		Metadata: map[string]string{}, Properties: map[string]string{},
	}
	if a.ContentType == "" {
		a.ContentType = defaultMediaType
	}
	size := 0
	for name, values := range h {
		if name, ok := strings.CutPrefix(strings.ToLower(name), metaStem); ok {
			a.Metadata[name] = strings.Join(values, ",")
			size += len(name) + len(a.Metadata[name])
		}
	}
	if size > maxMetadata {
		return a, newFault(http.StatusBadRequest, "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size")
	}
	for _, name := range kept {
		if v := h.Get(name); v != "" {
			a.Properties[name] = v
		}
	}
	return a, nil
}

// headers are what an object gives back, but its etag and size.
func (x *exchange) headers(o objects.Object) map[string]string {
	out := map[string]string{"Content-Type": o.ContentType, "Last-Modified": o.Modified.UTC().Format(http.TimeFormat)}
	for name, v := range map[string]string{
		"Content-Encoding": o.ContentEncoding, "Content-Language": o.ContentLanguage, "Content-Disposition": o.ContentDisposition, "Cache-Control": o.CacheControl,
	} {
		if v != "" {
			out[name] = v
		}
	}
	for name, v := range o.Metadata {
		out[metaStem+name] = v
	}
	for _, name := range kept {
		if v := o.Properties[name]; v != "" {
			out[name] = v
		}
	}
	if strings.EqualFold(x.r.Header.Get("X-Amz-Checksum-Mode"), "ENABLED") && x.r.Header.Get("Range") == "" {
		maps.Copy(out, checksumsOf(o.Properties))
	}
	return out
}

// checksumsOf are the headers of an object's checksums.
func checksumsOf(properties map[string]string) map[string]string {
	out := map[string]string{}
	for name, v := range properties {
		if strings.HasPrefix(name, headerStem) {
			out[name] = v
		}
	}
	return out
}

// etagOf is the etag that S3 gives an object: the MD5 of its bytes, or that of
// its parts' MD5 and their number.
func etagOf(o *objects.Object) string {
	if o.Parts == nil {
		return `"` + hex.EncodeToString(o.MD5) + `"`
	}
	sum := md5.New() //nolint:gosec // see above
	for _, p := range o.Parts {
		sum.Write(p.MD5)
	}
	return fmt.Sprintf(`"%s-%d"`, hex.EncodeToString(sum.Sum(nil)), len(o.Parts))
}
