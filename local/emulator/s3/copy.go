package s3

import (
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/johannesboyne/gofakes3"

	"github.com/crossbatch/crossbatch/local/emulator/objects"
)

const copySource = "X-Amz-Copy-Source"

// source is the object that x-amz-copy-source names: URL encoded, with or without
// a leading slash. Clients that encode the whole of it send "%2F" and "%3F", so a
// version is looked for before it is decoded.
func (x *exchange) source() (bucket, key string, err error) {
	given := x.r.Header.Get(copySource)
	if path, version, ok := strings.Cut(given, "?"); ok {
		if version != "versionId=null" {
			return "", "", newFault(http.StatusNotImplemented, "NotImplemented", "Versions are not emulated.")
		}
		given = path
	}
	decoded, err := url.QueryUnescape(given)
	if err != nil {
		return "", "", newFault(http.StatusBadRequest, "InvalidArgument", "Copy Source must be URL encoded: %v", err)
	}
	bucket, key = split(decoded)
	if bucket == "" || key == "" {
		return "", "", newFault(http.StatusBadRequest, "InvalidArgument", "Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
	}
	return bucket, key, nil
}

func (x *exchange) sourceCondition() objects.Check {
	return readCondition(x.r.Header, "X-Amz-Copy-Source-", http.StatusPreconditionFailed)
}

// copyObject answers CopyObject.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
func (x *exchange) copyObject() error {
	bucket, key, err := x.source()
	if err != nil {
		return err
	}
	if _, err := x.server.store.GetBucket(x.bucket); err != nil {
		return err
	}
	if len(x.key) > maxKey {
		return gofakes3.ErrKeyTooLong
	}
	check, err := writeCondition(x.r.Header, x.key)
	if err != nil {
		return err
	}
	attributes, checkSource, err := x.copied(bucket, key)
	if err != nil {
		return err
	}
	o, err := x.server.store.Copy(x.bucket, x.key, bucket, key, attributes, checkSource, check)
	if err != nil {
		return asFault(err, bucket, key)
	}
	return x.reply(gofakes3.CopyObjectResult{ETag: etagOf(&o), LastModified: gofakes3.NewContentTime(o.Modified)})
}

// copied is what the copy's attributes are; nil, those of the source.
func (x *exchange) copied(bucket, key string) (*objects.Attributes, objects.Check, error) {
	switch x.r.Header.Get("X-Amz-Metadata-Directive") {
	case "", "COPY":
		if bucket == x.bucket && key == x.key {
			return nil, nil, newFault(http.StatusBadRequest, "InvalidRequest", "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.")
		}
		return nil, x.sourceCondition(), nil
	case "REPLACE":
	default:
		return nil, nil, newFault(http.StatusBadRequest, "InvalidArgument", "Unknown metadata directive.")
	}
	a, err := x.attributes()
	if err != nil {
		return nil, nil, err
	}
	o, err := x.server.store.Stat(bucket, key, x.sourceCondition())
	if err != nil {
		return nil, nil, asFault(err, bucket, key)
	}
	for name, v := range checksumsOf(o.Properties) {
		a.Properties[name] = v
	}
	return &a, objects.All(x.sourceCondition(), objects.IfMatch(o.ETag)), nil // its checksums are for these bytes
}

type copyPartResult struct {
	XMLName      xml.Name `xml:"CopyPartResult"`
	ETag         string
	LastModified gofakes3.ContentTime
}

var copyRangeForm = regexp.MustCompile(`^bytes=(\d+)-(\d+)$`)

// copyPart answers UploadPartCopy.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html
func (x *exchange) copyPart(u objects.Upload, name string) error {
	bucket, key, err := x.source()
	if err != nil {
		return err
	}
	c, err := x.server.store.Get(bucket, key, x.sourceCondition())
	if err != nil {
		return asFault(err, bucket, key)
	}
	defer func() { _ = c.Close() }()
	var from io.Reader = c
	length := c.Object.Size
	if given := x.r.Header.Get("X-Amz-Copy-Source-Range"); given != "" {
		form := copyRangeForm.FindStringSubmatch(given)
		if form == nil {
			return newFault(http.StatusBadRequest, "InvalidArgument", "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy")
		}
		first, err1 := strconv.ParseInt(form[1], 10, 64)
		end, err2 := strconv.ParseInt(form[2], 10, 64)
		if err1 != nil || err2 != nil || first > end || end >= c.Object.Size {
			return newFault(http.StatusBadRequest, "InvalidArgument", "Range specified is not valid for source object of size: %d", c.Object.Size)
		}
		if _, err := c.Seek(first, io.SeekStart); err != nil {
			return err
		}
		length = end - first + 1
		from = io.LimitReader(c, length)
	}
	x.payload = &payload{from: from, length: length}
	p, err := x.putPart(u, name)
	if err != nil {
		return err
	}
	return x.reply(copyPartResult{ETag: partETag(p), LastModified: gofakes3.NewContentTime(x.server.clock.Now())})
}
