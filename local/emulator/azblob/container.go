package azblob

import (
	"encoding/base64"
	"encoding/xml"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/crossbatch/crossbatch/local/emulator/objects"
)

// maxPage is how many entries a page of a listing has, at most and by default.
const maxPage = 5000

func (x *exchange) accountInfo() error {
	x.Header().Set("X-Ms-Sku-Name", "Standard_LRS")
	x.Header().Set("X-Ms-Account-Kind", "StorageV2")
	x.Header().Set("X-Ms-Is-Hns-Enabled", "false")
	return x.done(http.StatusOK)
}

// https://learn.microsoft.com/rest/api/storageservices/create-container
func (x *exchange) createContainer() error {
	if !validContainer(x.container) {
		return newFault(http.StatusBadRequest, "InvalidResourceName", "The specified resource name contains invalid characters.")
	}
	if x.r.Header.Get("X-Ms-Blob-Public-Access") != "" {
		return newFault(http.StatusConflict, "PublicAccessNotPermitted", "Public access is not permitted on this storage account.")
	}
	metadata, err := x.givenMetadata()
	if err != nil {
		return err
	}
	b, err := x.server.store.CreateBucket(x.container, metadata)
	if err != nil {
		return err
	}
	x.stamp(etagOf(b.ETag), b.Created)
	return x.done(http.StatusCreated)
}

func (x *exchange) deleteContainer() error {
	if err := x.server.store.DropBucket(x.container); err != nil {
		return err
	}
	return x.done(http.StatusAccepted)
}

func (x *exchange) containerProperties() error {
	b, err := x.server.store.GetBucket(x.container)
	if err != nil {
		return err
	}
	x.stamp(etagOf(b.ETag), b.Created)
	h := x.Header()
	h.Set("X-Ms-Lease-Status", "unlocked")
	h.Set("X-Ms-Lease-State", "available")
	h.Set("X-Ms-Has-Immutability-Policy", "false")
	h.Set("X-Ms-Has-Legal-Hold", "false")
	for name, v := range b.Properties {
		h.Set(metaStem+name, v)
	}
	return x.done(http.StatusOK)
}

func (x *exchange) containerPolicy() error {
	b, err := x.server.store.GetBucket(x.container)
	if err != nil {
		return err
	}
	x.stamp(etagOf(b.ETag), b.Created)
	return x.reply(http.StatusOK, struct {
		XMLName xml.Name `xml:"SignedIdentifiers"`
	}{})
}

func (x *exchange) stamp(etag string, modified time.Time) {
	x.Header().Set("ETag", etag)
	x.Header().Set("Last-Modified", modified.UTC().Format(http.TimeFormat))
}

type enumeration struct {
	XMLName         xml.Name `xml:"EnumerationResults"`
	ServiceEndpoint string   `xml:",attr"`
	ContainerName   string   `xml:",attr,omitempty"`
	Prefix          *name    `xml:",omitempty"`
	Marker          string   `xml:",omitempty"`
	MaxResults      int      `xml:",omitempty"`
	Delimiter       string   `xml:",omitempty"`
	Containers      *containers
	Blobs           *blobs
	NextMarker      string
}

type containers struct {
	Container []listedContainer
}

type listedContainer struct {
	Name       string
	Properties containerEntry
	Metadata   pairs `xml:",omitempty"`
}

type containerEntry struct {
	LastModified          string `xml:"Last-Modified"`
	Etag                  string
	LeaseStatus           string
	LeaseState            string
	HasImmutabilityPolicy bool
	HasLegalHold          bool
}

// page reads what bounds a listing. A marker is the name that the page begins with.
func (x *exchange) page() (from string, limit int, err error) {
	limit = maxPage
	if given := x.query.Get("maxresults"); given != "" {
		n, err := strconv.Atoi(given)
		if err != nil || n < 1 {
			return "", 0, newFault(http.StatusBadRequest, "OutOfRangeQueryParameterValue", "One of the query parameters specified in the request URI is outside the permissible range: maxresults.")
		}
		limit = min(n, maxPage)
	}
	raw, err := base64.RawURLEncoding.DecodeString(x.query.Get("marker"))
	if err != nil {
		return "", 0, badParameter("marker")
	}
	return string(raw), limit, nil
}

func marker(next string) string { return base64.RawURLEncoding.EncodeToString([]byte(next)) }

func (x *exchange) endpoint() string { return "http://" + x.r.Host + "/" + Account + "/" }

func (x *exchange) includes(what string) bool {
	for _, list := range x.query["include"] {
		for one := range strings.SplitSeq(list, ",") {
			if one == what {
				return true
			}
		}
	}
	return false
}

func (x *exchange) listContainers() error {
	from, limit, err := x.page()
	if err != nil {
		return err
	}
	buckets, err := x.server.store.Buckets()
	if err != nil {
		return err
	}
	prefix := x.query.Get("prefix")
	out := enumeration{ServiceEndpoint: x.endpoint(), Prefix: named(prefix), Marker: x.query.Get("marker"), MaxResults: limit, Containers: &containers{}}
	for _, b := range buckets {
		if b.Name < from || !strings.HasPrefix(b.Name, prefix) {
			continue
		}
		if len(out.Containers.Container) == limit {
			out.NextMarker = marker(b.Name)
			break
		}
		c := listedContainer{Name: b.Name, Properties: containerEntry{
			LastModified: b.Created.UTC().Format(http.TimeFormat), Etag: strings.Trim(etagOf(b.ETag), `"`), LeaseStatus: "unlocked", LeaseState: "available",
		}}
		if x.includes("metadata") {
			c.Metadata = b.Properties
		}
		out.Containers.Container = append(out.Containers.Container, c)
	}
	return x.reply(http.StatusOK, out)
}

type blobs struct {
	entries []any // listedBlob and foldedPrefix, by name
}

// MarshalXML writes blobs and prefixes as they come.
func (b *blobs) MarshalXML(e *xml.Encoder, start xml.StartElement) error {
	if err := e.EncodeToken(start); err != nil {
		return err
	}
	for _, entry := range b.entries {
		if err := e.Encode(entry); err != nil {
			return err
		}
	}
	return e.EncodeToken(start.End())
}

type listedBlob struct {
	XMLName    xml.Name `xml:"Blob"`
	Name       *name
	Properties blobEntry
	Metadata   pairs `xml:",omitempty"`
}

type foldedPrefix struct {
	XMLName xml.Name `xml:"BlobPrefix"`
	Name    *name
}

type blobEntry struct {
	CreationTime       string `xml:"Creation-Time"`
	LastModified       string `xml:"Last-Modified"`
	Etag               string
	ContentLength      int64  `xml:"Content-Length"`
	ContentType        string `xml:"Content-Type"`
	ContentEncoding    string `xml:"Content-Encoding"`
	ContentLanguage    string `xml:"Content-Language"`
	ContentMD5         string `xml:"Content-MD5"`
	CacheControl       string `xml:"Cache-Control"`
	ContentDisposition string `xml:"Content-Disposition"`
	BlobType           string
	AccessTier         string
	AccessTierInferred bool
	LeaseStatus        string
	LeaseState         string
	ServerEncrypted    bool
}

// name is a name in XML, which cannot hold every character as it is.
type name struct {
	Encoded bool   `xml:",attr,omitempty"`
	Text    string `xml:",chardata"`
}

// named is nil for no name.
func named(s string) *name {
	if s == "" {
		return nil
	}
	for _, c := range s {
		if c < ' ' && c != '\t' && c != '\n' || c == 0xfffe || c == 0xffff { // a carriage return would become a newline
			return &name{Encoded: true, Text: url.QueryEscape(s)}
		}
	}
	return &name{Text: s}
}

// listBlobs lists them by name, folded when a delimiter is given. Blobs that have
// uncommitted blocks alone are not listed.
// https://learn.microsoft.com/rest/api/storageservices/list-blobs
func (x *exchange) listBlobs() error {
	from, limit, err := x.page()
	if err != nil {
		return err
	}
	if x.includes("uncommittedblobs") {
		return notEmulated("listing of uncommitted blobs")
	}
	o := objects.ListOptions{Prefix: x.query.Get("prefix"), Delimiter: x.query.Get("delimiter"), From: from, Limit: limit}
	list, err := x.server.store.List(x.container, o)
	if err != nil {
		return err
	}
	out := enumeration{
		ServiceEndpoint: x.endpoint(), ContainerName: x.container, Prefix: named(o.Prefix), Marker: x.query.Get("marker"), MaxResults: limit,
		Delimiter: o.Delimiter, Blobs: &blobs{},
	}
	prefixes := list.Prefixes
	for _, b := range list.Objects {
		for len(prefixes) > 0 && prefixes[0] < b.Key {
			out.Blobs.entries = append(out.Blobs.entries, foldedPrefix{Name: named(prefixes[0])})
			prefixes = prefixes[1:]
		}
		entry := listedBlob{Name: named(b.Key), Properties: entryOf(b)}
		if x.includes("metadata") {
			entry.Metadata = b.Metadata
		}
		out.Blobs.entries = append(out.Blobs.entries, entry)
	}
	for _, p := range prefixes {
		out.Blobs.entries = append(out.Blobs.entries, foldedPrefix{Name: named(p)})
	}
	if list.Next != "" {
		out.NextMarker = marker(list.Next)
	}
	return x.reply(http.StatusOK, out)
}

func entryOf(b objects.Object) blobEntry {
	return blobEntry{
		CreationTime: b.Created.UTC().Format(http.TimeFormat), LastModified: b.Modified.UTC().Format(http.TimeFormat), Etag: strings.Trim(etagOf(b.ETag), `"`),
		ContentLength: b.Size, ContentType: b.ContentType, ContentEncoding: b.ContentEncoding, ContentLanguage: b.ContentLanguage,
		ContentMD5: b.Properties[contentMD5], CacheControl: b.CacheControl, ContentDisposition: b.ContentDisposition,
		BlobType: blockBlob, AccessTier: "Hot", AccessTierInferred: true, LeaseStatus: "unlocked", LeaseState: "available", ServerEncrypted: true,
	}
}

// pairs are elements whose names are data.
type pairs map[string]string

// MarshalXML writes them by name.
func (p pairs) MarshalXML(e *xml.Encoder, start xml.StartElement) error {
	if err := e.EncodeToken(start); err != nil {
		return err
	}
	for _, key := range sorted(p, strings.Compare) {
		if err := e.EncodeElement(p[key], xml.StartElement{Name: xml.Name{Local: key}}); err != nil {
			return err
		}
	}
	return e.EncodeToken(start.End())
}
