package azblob

import (
	"crypto/md5" //nolint:gosec // what the service calls a body's digest
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc64"
	"io"
	"net/http"

	"github.com/crossbatch/crossbatch/local/emulator/objects"
)

// crcPolynomial is that of x-ms-content-crc64, bits reversed.
const crcPolynomial = 0x9a6c9329ac4bc9b5

const (
	crcHeader   = "X-Ms-Content-Crc64"
	maxDocument = 8 << 20
)

// stage takes in the request's body, and holds it against what its headers say.
func (x *exchange) stage() (*objects.Body, error) {
	if x.r.ContentLength < 0 {
		return nil, newFault(http.StatusLengthRequired, "MissingContentLengthHeader", "The Content-Length header was not specified.")
	}
	var from io.Reader = x.r.Body
	crc := crc64.New(crc64.MakeTable(crcPolynomial))
	if x.r.Header.Get(crcHeader) != "" {
		from = io.TeeReader(from, crc)
	}
	body, err := x.server.store.Stage(x.r.Context(), from)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, incomplete()
	}
	if err != nil {
		return nil, err
	}
	if err := x.verify(body.MD5(), crc.Sum64()); err != nil {
		body.Discard()
		return nil, err
	}
	return body, nil
}

// document reads a body that is XML, and holds it against what its headers say.
func (x *exchange) document() ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(x.r.Body, maxDocument+1))
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, incomplete()
	}
	if err != nil {
		return nil, err
	}
	if len(b) > maxDocument {
		return nil, newFault(http.StatusRequestEntityTooLarge, "RequestBodyTooLarge", "The size of the request body exceeds the maximum size permitted.")
	}
	sum := md5.Sum(b) //nolint:gosec // see above
	return b, x.verify(sum[:], crc64.Checksum(b, crc64.MakeTable(crcPolynomial)))
}

func incomplete() *fault {
	return newFault(http.StatusBadRequest, "IncompleteBody", "The body has fewer bytes than Content-Length says.")
}

// verify compares a body's digests with those that were sent, and answers them.
func (x *exchange) verify(sum []byte, crc uint64) error {
	gotMD5 := base64.StdEncoding.EncodeToString(sum)
	gotCRC := base64.StdEncoding.EncodeToString(binary.LittleEndian.AppendUint64(nil, crc))
	wantMD5, wantCRC := x.r.Header.Get("Content-Md5"), x.r.Header.Get(crcHeader)
	switch {
	case wantMD5 != "" && wantMD5 != gotMD5:
		return newFault(http.StatusBadRequest, "Md5Mismatch", "The MD5 value specified in the request did not match the MD5 value calculated by the server.")
	case wantCRC != "" && wantCRC != gotCRC:
		return newFault(http.StatusBadRequest, "Crc64Mismatch", "The CRC64 value specified in the request did not match the CRC64 value calculated by the server.")
	case wantCRC != "":
		x.Header().Set(crcHeader, gotCRC)
	default:
		x.Header().Set("Content-MD5", gotMD5)
	}
	return nil
}
