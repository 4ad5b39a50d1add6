package azblob

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/crossbatch/crossbatch/local/emulator/objects"
)

const (
	maxBlockID = 64     // bytes
	maxBlocks  = 50_000 // of a blob
)

// A blob's uncommitted blocks are the parts of the upload that has its name; the
// names of the parts are the block ids.

// https://learn.microsoft.com/rest/api/storageservices/put-block
func (x *exchange) putBlock() error {
	if x.r.Header.Get("X-Ms-Copy-Source") != "" {
		return notEmulated("Put Block From URL")
	}
	if len([]rune(x.blob)) > maxName {
		return newFault(http.StatusBadRequest, "InvalidResourceName", "The specified resource name is too long.")
	}
	id := x.query.Get("blockid")
	raw, err := base64.StdEncoding.DecodeString(id)
	if err != nil || len(raw) == 0 || len(raw) > maxBlockID {
		return badParameter("blockid")
	}
	if _, err := x.server.store.GetBucket(x.container); err != nil {
		return err
	}
	body, err := x.stage()
	if err != nil {
		return err
	}
	defer body.Discard()
	if err := x.openUpload(); err != nil {
		return err
	}
	parts, err := x.server.store.Parts(x.container, x.blob)
	if err == nil && len(parts) > 0 && len(parts[0].Name) != len(id) {
		return newFault(http.StatusBadRequest, "InvalidBlobOrBlock", "The specified blob or block content is invalid: all block ids of a blob have one length.")
	}
	if _, err := x.server.store.PutPart(x.container, x.blob, id, body); err != nil {
		if errors.Is(err, objects.ErrNoUpload) { // a commit came in between, and forgot what waits
			return newFault(http.StatusConflict, "InvalidBlobOrBlock", "The blob was written while the block was sent.")
		}
		return err
	}
	x.Header().Set("X-Ms-Request-Server-Encrypted", "true")
	return x.done(http.StatusCreated)
}

func (x *exchange) openUpload() error {
	_, err := x.server.store.CreateUpload(x.container, x.blob, x.blob, objects.Attributes{}, nil)
	if errors.Is(err, objects.ErrUploadExists) {
		return nil
	}
	return err
}

type blockRef struct {
	kind string // Committed, Uncommitted, Latest
	id   string
}

// readBlockList reads the body of Put Block List: the order of its elements is
// that of the blob.
func readBlockList(r io.Reader) ([]blockRef, error) {
	d := xml.NewDecoder(r)
	var out []blockRef
	begun, ended := false, false
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) && ended {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		switch t := token.(type) {
		case xml.EndElement:
			ended = true
		case xml.StartElement:
			if !begun || ended {
				if t.Name.Local != "BlockList" || ended {
					return nil, fmt.Errorf("it is a %s", t.Name.Local)
				}
				begun = true
				continue
			}
			var id string
			if err := d.DecodeElement(&id, &t); err != nil {
				return nil, err
			}
			switch t.Name.Local {
			case "Committed", "Uncommitted", "Latest":
			default:
				return nil, fmt.Errorf("it holds a %s", t.Name.Local)
			}
			if out = append(out, blockRef{t.Name.Local, id}); len(out) > maxBlocks {
				return nil, errors.New("it holds too many blocks")
			}
		}
	}
}

// https://learn.microsoft.com/rest/api/storageservices/put-block-list
func (x *exchange) putBlockList() error {
	var a objects.Attributes
	if err := x.givenContent(&a); err != nil {
		return err
	}
	var err error
	if a.Metadata, err = x.givenMetadata(); err != nil {
		return err
	}
	c, err := x.conditions("")
	if err != nil {
		return err
	}
	body, err := x.document()
	if err != nil {
		return err
	}
	list, err := readBlockList(bytes.NewReader(body))
	if err != nil {
		return newFault(http.StatusBadRequest, "InvalidXmlDocument", "XML specified is not syntactically valid: %v", err)
	}
	if err := x.openUpload(); err != nil {
		return err
	}
	waiting, err := x.waiting()
	if err != nil {
		return err
	}
	refs := make([]objects.PartRef, 0, len(list))
	for _, b := range list {
		refs = append(refs, objects.PartRef{Name: b.id, Committed: b.kind == "Committed" || b.kind == "Latest" && !waiting[b.id]})
	}
	o, err := x.server.store.Commit(x.container, x.blob, refs, &a, c.writable)
	if err != nil {
		return err
	}
	return x.written(o)
}

// waiting are the ids of the uncommitted blocks.
func (x *exchange) waiting() (map[string]bool, error) {
	parts, err := x.server.store.Parts(x.container, x.blob)
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, p := range parts {
		out[p.Name] = true
	}
	return out, nil
}

type blockList struct {
	XMLName           xml.Name  `xml:"BlockList"`
	CommittedBlocks   *blockSet `xml:",omitempty"`
	UncommittedBlocks *blockSet `xml:",omitempty"`
}

type blockSet struct {
	Block []listedBlock
}

type listedBlock struct {
	Name string
	Size int64
}

// https://learn.microsoft.com/rest/api/storageservices/get-block-list
func (x *exchange) getBlockList() error {
	kind := x.query.Get("blocklisttype")
	if kind == "" {
		kind = "committed"
	}
	if kind != "committed" && kind != "uncommitted" && kind != "all" {
		return badParameter("blocklisttype")
	}
	o, errBlob := x.server.store.Stat(x.container, x.blob, nil)
	if errBlob != nil && !errors.Is(errBlob, objects.ErrNoObject) {
		return errBlob
	}
	parts, errBlocks := x.server.store.Parts(x.container, x.blob)
	if errBlob != nil && errBlocks != nil {
		return errBlob
	}
	var out blockList
	if kind != "uncommitted" {
		out.CommittedBlocks = setOf(o.Parts)
	}
	if kind != "committed" {
		out.UncommittedBlocks = setOf(parts)
	}
	if errBlob == nil {
		x.stamp(etagOf(o.ETag), o.Modified)
		x.Header().Set("X-Ms-Blob-Content-Length", fmt.Sprint(o.Size))
	}
	return x.reply(http.StatusOK, out)
}

func setOf(parts []objects.Part) *blockSet {
	out := &blockSet{}
	for _, p := range parts {
		out.Block = append(out.Block, listedBlock{p.Name, p.Size})
	}
	return out
}
