package s3

import (
	"encoding/base64"
	"encoding/xml"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/johannesboyne/gofakes3"

	"github.com/crossbatch/crossbatch/local/emulator/objects"
)

const namespace = "http://s3.amazonaws.com/doc/2006-03-01/"

// maxPage is how many entries a page of a listing has at most.
const maxPage = 1000

type listing struct {
	XMLName               xml.Name `xml:"ListBucketResult"`
	Xmlns                 string   `xml:"xmlns,attr"`
	Name                  string
	Prefix                string
	Marker                *string
	StartAfter            string `xml:",omitempty"`
	ContinuationToken     string `xml:",omitempty"`
	NextMarker            string `xml:",omitempty"`
	NextContinuationToken string `xml:",omitempty"`
	KeyCount              *int
	MaxKeys               int
	Delimiter             string `xml:",omitempty"`
	EncodingType          string `xml:",omitempty"`
	IsTruncated           bool
	Contents              []listed
	CommonPrefixes        []gofakes3.CommonPrefix
}

type listed struct {
	Key          string
	LastModified gofakes3.ContentTime
	ETag         string
	Size         int64
	StorageClass string
}

// list answers ListObjects and ListObjectsV2. gofakes3's own listings lose the
// slashes that keys begin with, repeat folded prefixes on the next page, and leave
// keys as they are where the client asks for them to be encoded.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
func (x *exchange) list() error {
	limit, err := pageSize(x.query.Get("max-keys"))
	if err != nil {
		return err
	}
	o := objects.ListOptions{Prefix: x.query.Get("prefix"), Delimiter: x.query.Get("delimiter"), Limit: limit}
	v2 := x.query.Get("list-type") == "2"
	marker := x.query.Get("marker")
	token := x.query.Get("continuation-token")
	switch {
	case v2 && token != "":
		from, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil {
			return newFault(http.StatusBadRequest, "InvalidArgument", "The continuation token provided is incorrect")
		}
		o.From = string(from)
	case v2:
		o.After = x.query.Get("start-after")
	default:
		o.After = behind(marker, o)
	}
	page := objects.Listing{}
	if limit > 0 {
		page, err = x.server.store.List(x.bucket, o)
	} else {
		_, err = x.server.store.GetBucket(x.bucket)
	}
	if err != nil {
		return err
	}
	encode, kind, err := x.encoding()
	if err != nil {
		return err
	}
	out := listing{
		Xmlns: namespace, Name: x.bucket, Prefix: encode(o.Prefix), Delimiter: encode(o.Delimiter), MaxKeys: limit,
		EncodingType: kind, IsTruncated: page.Next != "",
	}
	for _, obj := range page.Objects {
		out.Contents = append(out.Contents, listed{
			Key: encode(obj.Key), LastModified: gofakes3.NewContentTime(obj.Modified), ETag: etagOf(&obj), Size: obj.Size, StorageClass: storageClass(obj),
		})
	}
	for _, p := range page.Prefixes {
		out.CommonPrefixes = append(out.CommonPrefixes, gofakes3.CommonPrefix{Prefix: encode(p)})
	}
	if v2 {
		n := len(page.Objects) + len(page.Prefixes)
		out.KeyCount, out.StartAfter, out.ContinuationToken = &n, encode(x.query.Get("start-after")), token
		if out.IsTruncated {
			out.NextContinuationToken = base64.RawURLEncoding.EncodeToString([]byte(page.Next))
		}
		return x.reply(out)
	}
	marker = encode(marker)
	out.Marker = &marker
	if out.IsTruncated && o.Delimiter != "" {
		out.NextMarker = encode(last(page))
	}
	return x.reply(out)
}

// behind is After for a marker, which may be a folded prefix that was the last
// entry of a page: then all that it stands for is passed over.
func behind(marker string, o objects.ListOptions) string {
	rest, ok := strings.CutPrefix(marker, o.Prefix)
	if ok && o.Delimiter != "" && rest != "" && strings.Index(rest, o.Delimiter) == len(rest)-len(o.Delimiter) {
		return marker + "\xff" // keys are UTF-8: none has this byte
	}
	return marker
}

// last is the last entry of a page that is not empty.
func last(page objects.Listing) string {
	var key, prefix string
	if n := len(page.Objects); n > 0 {
		key = page.Objects[n-1].Key
	}
	if n := len(page.Prefixes); n > 0 {
		prefix = page.Prefixes[n-1]
	}
	return max(key, prefix)
}

func storageClass(o objects.Object) string {
	if class := o.Properties["x-amz-storage-class"]; class != "" {
		return class
	}
	return "STANDARD"
}

func pageSize(given string) (int, error) {
	if given == "" {
		return maxPage, nil
	}
	n, err := strconv.Atoi(given)
	if err != nil || n < 0 {
		return 0, newFault(http.StatusBadRequest, "InvalidArgument", "Provided max-keys not an integer or within integer range")
	}
	return min(n, maxPage), nil
}

// encoding is how keys are written. XML cannot hold every character of a key.
func (x *exchange) encoding() (encode func(string) string, kind string, err error) {
	switch kind = x.query.Get("encoding-type"); kind {
	case "":
		return func(s string) string { return s }, "", nil
	case "url":
		return func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "%2F", "/") }, kind, nil
	}
	return nil, "", newFault(http.StatusBadRequest, "InvalidArgument", "Invalid Encoding Method specified in Request")
}
