package ociblob

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/oracle/oci-go-sdk/v65/objectstorage"
	"gocloud.dev/blob/driver"
)

// maxPage is the largest page that the service gives.
const maxPage = 1000

// listFields are all that a list entry has use for: without them it has a name only.
const listFields = "name,size,etag,md5,timeCreated,timeModified"

// ListPaged lists one page. The token of a page is the first name on it.
func (b *bucket) ListPaged(ctx context.Context, opts *driver.ListOptions) (*driver.ListPage, error) {
	if opts.Delimiter != "" && opts.Delimiter != "/" {
		return nil, fmt.Errorf("listing by the delimiter %q: %w", opts.Delimiter, errUnimplemented)
	}
	limit, fields := opts.PageSize, listFields
	if limit == 0 || limit > maxPage {
		limit = maxPage
	}
	req := &objectstorage.ListObjectsRequest{
		NamespaceName: &b.namespace, BucketName: &b.name, Fields: &fields, Limit: &limit,
		Prefix: optional(escapeKey(opts.Prefix)), Delimiter: optional(opts.Delimiter), Start: optional(string(opts.PageToken)),
		RequestMetadata: noRetry(),
	}
	if err := before(opts.BeforeList, req); err != nil {
		return nil, err
	}
	var resp objectstorage.ListObjectsResponse
	err := b.call(ctx, again, "ListObjects", "", func(ctx context.Context) (err error) {
		resp, err = b.client.ListObjects(ctx, *req)
		return err
	})
	if err != nil {
		return nil, err
	}
	page := &driver.ListPage{}
	if next := deref(resp.NextStartWith); next != "" {
		page.NextPageToken = []byte(next)
	}
	for _, o := range resp.Objects {
		page.Objects = append(page.Objects, &driver.ListObject{
			Key: unescape(deref(o.Name)), ModTime: timeOf(o.TimeModified), Size: deref(o.Size), MD5: md5Of(o.Md5),
			AsFunc: func(i any) bool {
				p, ok := i.(*objectstorage.ObjectSummary)
				if ok {
					*p = o
				}
				return ok
			},
		})
	}
	for _, prefix := range resp.Prefixes {
		page.Objects = append(page.Objects, &driver.ListObject{Key: unescape(prefix), IsDir: true})
	}
	// They come apart, and the escaped order is not quite the order of keys.
	slices.SortFunc(page.Objects, func(a, b *driver.ListObject) int { return cmp.Compare(a.Key, b.Key) })
	return page, nil
}
