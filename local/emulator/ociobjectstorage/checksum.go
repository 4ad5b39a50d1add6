package ociobjectstorage

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"net/http"
	"strings"

	"github.com/crossbatch/crossbatch/local/emulator/objects"
)

// checksums are the ones that a client may ask for beside MD5, by algorithm.
func checksums() map[string]func() hash.Hash {
	return map[string]func() hash.Hash{
		"CRC32C": func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) },
		"SHA256": sha256.New,
		"SHA384": sha512.New384,
	}
}

// takeIn reads the body of an object or a part and compares it with the checksums
// that came with it. sums are those to be kept, by header.
func (s *Server) takeIn(r *request) (body *objects.Body, sums map[string]string, err error) {
	switch {
	case r.ContentLength < 0:
		return nil, nil, &failure{http.StatusLengthRequired, "MissingContentLength", "Content-Length is missing."}
	case r.ContentLength > maxSinglePut:
		return nil, nil, &failure{http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "At most 50 GiB are taken at once."}
	}
	if _, err := s.o.Objects.GetBucket(r.bucket); err != nil {
		return nil, nil, err
	}
	algorithm := strings.ToUpper(r.header(algorithmName))
	hashes := map[string]hash.Hash{}
	var writers []io.Writer
	known := checksums()
	for name, create := range known {
		if name == algorithm || r.header("opc-content-"+strings.ToLower(name)) != "" {
			hashes[name] = create()
			writers = append(writers, hashes[name])
		}
	}
	if algorithm != "" && known[algorithm] == nil {
		return nil, nil, invalid("%s %q is none", algorithmName, algorithm)
	}
	body, err = s.o.Objects.Stage(r.Context(), io.TeeReader(r.Body, io.MultiWriter(writers...)))
	if err != nil {
		return nil, nil, invalid("the body cannot be read: %v", err)
	}
	if err := unequal("MD5", body.MD5(), r.header("content-md5"), "Content-MD5"); err != nil {
		body.Discard()
		return nil, nil, err
	}
	sums = map[string]string{}
	for name, h := range hashes {
		header := "opc-content-" + strings.ToLower(name)
		if err := unequal(name, h.Sum(nil), r.header(header), header); err != nil {
			body.Discard()
			return nil, nil, err
		}
		if name == algorithm {
			sums[header] = base64.StdEncoding.EncodeToString(h.Sum(nil))
		}
	}
	return body, sums, nil
}

// unequal puts it as the SDK's documentation of PutObject does.
func unequal(name string, sum []byte, told, header string) error {
	actual := base64.StdEncoding.EncodeToString(sum)
	if told == "" || told == actual {
		return nil
	}
	return &failure{
		http.StatusBadRequest, "UnmatchedContent" + name,
		fmt.Sprintf("The computed %s of the request body (%s) does not match the %s header (%s)", name, actual, header, told),
	}
}
