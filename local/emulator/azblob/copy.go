package azblob

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/crossbatch/crossbatch/local/emulator/objects"
)

// copy is Copy Blob, and Copy Blob From URL with x-ms-requires-sync. Both are done
// when they answer.
// https://learn.microsoft.com/rest/api/storageservices/copy-blob
func (x *exchange) copy(source string) error {
	container, blob, err := x.sourceOf(source)
	if err != nil {
		return err
	}
	if _, err := x.server.store.GetBucket(x.container); err != nil {
		return err
	}
	destination, err := x.conditions("")
	if err != nil {
		return err
	}
	from, err := x.conditions("X-Ms-Source-")
	if err != nil {
		return err
	}
	metadata, err := x.givenMetadata()
	if err != nil {
		return err
	}
	o, err := x.server.store.Stat(container, blob, from.source)
	if errors.Is(err, objects.ErrNoObject) || errors.Is(err, objects.ErrNoBucket) {
		return newFault(http.StatusNotFound, "CannotVerifyCopySource", "The specified blob does not exist.")
	}
	if err != nil {
		return err
	}
	a := o.Attributes
	if len(metadata) > 0 {
		a.Metadata = metadata
	}
	if a.Properties == nil {
		a.Properties = map[string]string{}
	}
	now := x.server.clock.Now().UTC().Format(http.TimeFormat)
	for name, v := range map[string]string{
		"id": strings.ToLower(rand.Text()), "status": "success", "source": withoutSignature(source), "progress": fmt.Sprintf("%d/%d", o.Size, o.Size), "completion-time": now,
	} {
		a.Properties[copyStem+name] = v
	}
	// The attributes are those of this state of the source, and so must the bytes be.
	done, err := x.server.store.Copy(x.container, x.blob, container, blob, &a, objects.IfMatch(o.ETag), destination.writable)
	if errors.Is(err, objects.ErrPrecondition) {
		return newFault(http.StatusPreconditionFailed, "SourceConditionNotMet", "The source was written while it was copied.")
	}
	if err != nil {
		return err
	}
	x.stamp(etagOf(done.ETag), done.Modified)
	x.Header().Set("X-Ms-Copy-Id", a.Properties[copyStem+"id"])
	x.Header().Set("X-Ms-Copy-Status", "success")
	return x.done(http.StatusAccepted)
}

// sourceOf is the blob of this account that a URL names.
func (x *exchange) sourceOf(source string) (container, blob string, err error) {
	u, err := url.Parse(source)
	if err != nil {
		return "", "", badHeader("x-ms-copy-source")
	}
	if q := u.Query(); q.Has("snapshot") || q.Has("versionid") {
		return "", "", notEmulated("copying of a snapshot or version")
	}
	account, path, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	if u.Host != x.r.Host || account != Account {
		return "", "", notEmulated("copying from elsewhere: the source must be on this account, at " + x.endpoint())
	}
	container, blob, _ = strings.Cut(path, "/")
	if container == "" || blob == "" {
		return "", "", badHeader("x-ms-copy-source")
	}
	return container, blob, nil
}

// withoutSignature takes a shared access signature away from a URL.
func withoutSignature(source string) string {
	plain, _, _ := strings.Cut(source, "?")
	return plain
}
