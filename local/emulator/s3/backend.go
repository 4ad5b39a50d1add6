package s3

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strconv"

	"github.com/johannesboyne/gofakes3"

	"github.com/crossbatch/crossbatch/local/emulator/objects"
)

// backend is the store as gofakes3 sees it for one request. Whatever gofakes3
// does not hand on, it takes from the request.
type backend struct{ x *exchange }

var _ gofakes3.Backend = backend{}

func (b backend) ListBuckets() ([]gofakes3.BucketInfo, error) {
	list, err := b.x.server.store.Buckets()
	if err != nil {
		return nil, b.x.fail(err)
	}
	var out []gofakes3.BucketInfo
	for _, bucket := range list {
		out = append(out, gofakes3.BucketInfo{Name: bucket.Name, CreationDate: gofakes3.NewContentTime(bucket.Created)})
	}
	return out, nil
}

func (b backend) BucketExists(name string) (bool, error) {
	_, err := b.x.server.store.GetBucket(name)
	if errors.Is(err, objects.ErrNoBucket) {
		_ = b.x.fail(err) // gofakes3 says it next
		return false, nil
	}
	return err == nil, b.x.fail(err)
}

func (b backend) DeleteBucket(name string) error {
	return b.x.fail(b.x.server.store.DeleteBucket(name))
}

func (b backend) HeadObject(bucket, key string) (*gofakes3.Object, error) {
	o, err := b.x.server.store.Stat(bucket, key, b.x.readable())
	if err != nil {
		return nil, b.x.fail(err)
	}
	return b.object(o, http.NoBody), nil
}

func (b backend) GetObject(bucket, key string, _ *gofakes3.ObjectRangeRequest) (*gofakes3.Object, error) {
	c, err := b.x.server.store.Get(bucket, key, b.x.readable())
	if err != nil {
		return nil, b.x.fail(err)
	}
	out := b.object(c.Object, c)
	start, length, ranged, f := byteRange(b.x.r.Header.Get("Range"), c.Object.Size)
	if f != nil {
		_ = c.Close()
		return nil, b.x.fail(f)
	}
	if ranged {
		if _, err := c.Seek(start, io.SeekStart); err != nil {
			_ = c.Close()
			return nil, b.x.fail(err)
		}
		out.Range = &gofakes3.ObjectRange{Start: start, Length: length}
		out.Contents = limited{io.LimitReader(c, length), c}
	}
	return out, nil
}

type limited struct {
	io.Reader
	io.Closer
}

func (b backend) object(o objects.Object, contents io.ReadCloser) *gofakes3.Object {
	b.x.etag = etagOf(&o)
	return &gofakes3.Object{Name: o.Key, Metadata: b.x.headers(o), Size: o.Size, Contents: contents, Hash: o.MD5}
}

func (x *exchange) readable() objects.Check {
	return readCondition(x.r.Header, "", http.StatusNotModified)
}

var rangeForm = regexp.MustCompile(`^bytes=(\d*)-(\d*)$`)

// isRange says whether a header asks for one range. Anything else is passed over,
// as RFC 9110 has it.
func isRange(header string) bool {
	form := rangeForm.FindStringSubmatch(header)
	if form == nil || form[1]+form[2] == "" {
		return false
	}
	first, err1 := strconv.ParseInt(form[1], 10, 64)
	end, err2 := strconv.ParseInt(form[2], 10, 64)
	switch {
	case form[1] == "":
		return err2 == nil
	case form[2] == "":
		return err1 == nil
	}
	return err1 == nil && err2 == nil && first <= end
}

// byteRange is the range that a header asks for; one that lies behind the end is
// refused.
func byteRange(header string, size int64) (start, length int64, ranged bool, f *fault) {
	if !isRange(header) {
		return 0, size, false, nil
	}
	form := rangeForm.FindStringSubmatch(header)
	first, _ := strconv.ParseInt(form[1], 10, 64)
	end, _ := strconv.ParseInt(form[2], 10, 64)
	if form[2] == "" {
		end = size
	}
	if form[1] == "" {
		first, end = max(0, size-end), size
		if form[2] == "0" {
			first = size
		}
	}
	if first >= size {
		return 0, 0, false, newFault(http.StatusRequestedRangeNotSatisfiable, "InvalidRange", "The requested range is not satisfiable")
	}
	return first, min(end, size-1) - first + 1, true, nil
}

// PutObject reads the request's own body: gofakes3's reader would hash it again.
func (b backend) PutObject(bucket, key string, _ map[string]string, _ io.Reader, _ int64, _ *gofakes3.PutConditions) (gofakes3.PutObjectResult, error) {
	return gofakes3.PutObjectResult{}, b.x.fail(b.x.putObject(bucket, key))
}

func (x *exchange) putObject(bucket, key string) error {
	a, err := x.attributes()
	if err != nil {
		return err
	}
	check, err := writeCondition(x.r.Header, key)
	if err != nil {
		return err
	}
	body, err := x.stage()
	if err != nil {
		return err
	}
	for _, c := range x.payload.checksums() {
		a.Properties[c.header()], a.Properties[checksumType] = x.payload.declared[c], fullObject
	}
	o, err := x.server.store.Put(bucket, key, body, a, check)
	if err != nil {
		return err
	}
	x.etag = etagOf(&o)
	for name, v := range checksumsOf(o.Properties) {
		x.Header().Set(name, v)
	}
	return nil
}

// stage takes in the request's body, and verifies it.
func (x *exchange) stage() (*objects.Body, error) {
	body, err := x.server.store.Stage(x.r.Context(), x.payload)
	if err != nil {
		return nil, err
	}
	if err := x.payload.verify(body.MD5()); err != nil {
		body.Discard()
		return nil, err
	}
	return body, nil
}

func (b backend) DeleteObject(bucket, key string) (gofakes3.ObjectDeleteResult, error) {
	match := b.x.r.Header.Get("If-Match")
	err := b.x.server.store.Delete(bucket, key, func(o *objects.Object) error {
		if match != "" && !matches(match, o) {
			return preconditionFailed()
		}
		return nil
	})
	if match == "" && errors.Is(err, objects.ErrNoObject) {
		err = nil
	}
	return gofakes3.ObjectDeleteResult{}, b.x.fail(err)
}

func (b backend) DeleteMulti(bucket string, keys ...string) (gofakes3.MultiDeleteResult, error) {
	var out gofakes3.MultiDeleteResult
	for _, key := range keys {
		if err := b.x.server.store.Delete(bucket, key, nil); err != nil && !errors.Is(err, objects.ErrNoObject) {
			f := asFault(err, bucket, key)
			out.Error = append(out.Error, gofakes3.ErrorResult{Key: key, Code: gofakes3.ErrorCode(f.Code), Message: f.Message})
			continue
		}
		out.Deleted = append(out.Deleted, gofakes3.ObjectID{Key: key})
	}
	return out, nil
}

// What follows is answered ahead of gofakes3.

func (b backend) CreateBucket(string) error { return b.x.fail(gofakes3.ErrNotImplemented) }

func (b backend) ForceDeleteBucket(string) error { return b.x.fail(gofakes3.ErrNotImplemented) }

func (b backend) ListBucket(string, *gofakes3.Prefix, gofakes3.ListBucketPage) (*gofakes3.ObjectList, error) {
	return nil, b.x.fail(gofakes3.ErrNotImplemented)
}

func (b backend) CopyObject(string, string, string, string, map[string]string) (gofakes3.CopyObjectResult, error) {
	return gofakes3.CopyObjectResult{}, b.x.fail(gofakes3.ErrNotImplemented)
}

// createBucket makes a bucket where the request says.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
func (x *exchange) createBucket() error {
	body, err := x.payload.document()
	if err != nil {
		return err
	}
	var configuration struct{ LocationConstraint string }
	if len(body) > 0 && xml.Unmarshal(body, &configuration) != nil {
		return malformedXML()
	}
	region := configuration.LocationConstraint
	if region == "EU" {
		region = "eu-west-1"
	}
	if region == "" {
		region = DefaultRegion
	}
	if region != x.region && x.region != DefaultRegion {
		return newFault(http.StatusBadRequest, "IllegalLocationConstraintException", "The %s location constraint is incompatible for the region specific endpoint this request was sent to.", region)
	}
	if err := gofakes3.ValidateBucketName(x.bucket); err != nil {
		return err
	}
	_, err = x.server.store.CreateBucket(x.bucket, map[string]string{regionProperty: region})
	if errors.Is(err, objects.ErrBucketExists) {
		if x.region != DefaultRegion {
			return newFault(http.StatusConflict, "BucketAlreadyOwnedByYou", "Your previous request to create the named bucket succeeded and you already own it.")
		}
		err = nil // as us-east-1 answers
	}
	if err != nil {
		return err
	}
	x.Header().Set("Location", "/"+x.bucket)
	x.WriteHeader(http.StatusOK)
	return nil
}

func (x *exchange) location() error {
	b, err := x.server.store.GetBucket(x.bucket)
	if err != nil {
		return err
	}
	region := regionOf(b)
	if region == DefaultRegion {
		region = ""
	}
	return x.reply(gofakes3.GetBucketLocation{Xmlns: namespace, LocationConstraint: region})
}
