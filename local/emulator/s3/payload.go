package s3

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// maxDocument is the largest body that is not an object's or a part's.
const maxDocument = 8 << 20

// payload is the body of a request without its framing. What the client says of
// it is held against what was read, by verify.
type payload struct {
	from     io.Reader
	length   int64 // of the body; -1 when it is not said
	read     int64
	chunks   *chunkReader // nil for a plain body
	awaited  []checksum   // in the trailer
	declared map[checksum]string
	sums     map[checksum]hash.Hash
	sha256   string // in hexadecimal; empty when it is not said
	sha      hash.Hash
	md5      string // as Content-MD5 gives it
}

// newPayload looks at the headers that are about the body.
func newPayload(r *http.Request) (*payload, error) {
	p := &payload{from: r.Body, length: r.ContentLength, declared: map[checksum]string{}, sums: map[checksum]hash.Hash{}}
	for name, values := range r.Header {
		c, f := checksumOf(name)
		if f != nil {
			return nil, f
		}
		if c == "" {
			continue
		}
		if !c.wellFormed(values[0]) {
			return nil, newFault(http.StatusBadRequest, "InvalidRequest", "Value for %s header is invalid.", c.header())
		}
		p.declared[c], p.sums[c] = values[0], newHash[c]()
	}
	if _, ok := r.Header["Content-Md5"]; ok {
		p.md5 = r.Header.Get("Content-Md5")
		if !sumMD5.wellFormed(p.md5) {
			return nil, newFault(http.StatusBadRequest, "InvalidDigest", "The Content-MD5 you specified is not valid.")
		}
	}
	switch sha := r.Header.Get("X-Amz-Content-Sha256"); {
	case strings.HasPrefix(sha, "STREAMING-"):
		return p, p.unframe(r, sha)
	case sha == "" || sha == "UNSIGNED-PAYLOAD": // presigned, or not wanted
	case signatureForm.MatchString(sha):
		p.sha256, p.sha = sha, sha256.New()
	default:
		return nil, newFault(http.StatusBadRequest, "InvalidArgument", "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, a STREAMING- value or a valid sha256 value.")
	}
	return p, nil
}

// unframe makes the payload an aws-chunked one, and the request's headers those
// of the body within.
func (p *payload) unframe(r *http.Request, sha string) error {
	switch sha {
	case "STREAMING-UNSIGNED-PAYLOAD-TRAILER":
		p.chunks = newChunkReader(r.Body, false)
	case "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER":
		p.chunks = newChunkReader(r.Body, true)
	default:
		return notImplemented("x-amz-content-sha256")
	}
	p.from = p.chunks
	decoded := r.Header.Get("X-Amz-Decoded-Content-Length")
	n, err := strconv.ParseInt(decoded, 10, 64)
	if err != nil || n < 0 {
		return newFault(http.StatusLengthRequired, "MissingContentLength", "You must provide the x-amz-decoded-content-length HTTP header.")
	}
	p.length = n
	for name := range strings.SplitSeq(r.Header.Get("X-Amz-Trailer"), ",") {
		c, f := checksumOf(strings.TrimSpace(name))
		if f != nil {
			return f
		}
		if c != "" {
			p.awaited, p.sums[c] = append(p.awaited, c), newHash[c]()
		}
	}
	r.ContentLength = n
	r.Header.Set("Content-Length", decoded)
	r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
	var encodings []string
	for e := range strings.SplitSeq(r.Header.Get("Content-Encoding"), ",") {
		if e = strings.TrimSpace(e); e != "" && e != "aws-chunked" {
			encodings = append(encodings, e)
		}
	}
	r.Header.Del("Content-Encoding")
	if len(encodings) > 0 {
		r.Header.Set("Content-Encoding", strings.Join(encodings, ","))
	}
	return nil
}

func (p *payload) Read(b []byte) (int, error) {
	n, err := p.from.Read(b)
	p.read += int64(n)
	for _, h := range p.sums {
		h.Write(b[:n])
	}
	if p.sha != nil {
		p.sha.Write(b[:n])
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = cutShort()
	}
	return n, err
}

// verify holds what was said of the body against what was read of it. md5sum is
// the digest of all that was read.
func (p *payload) verify(md5sum []byte) error {
	if p.length >= 0 && p.read != p.length {
		return cutShort()
	}
	if p.sha != nil && hex.EncodeToString(p.sha.Sum(nil)) != p.sha256 {
		return newFault(http.StatusBadRequest, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.")
	}
	if p.md5 != "" && base64.StdEncoding.EncodeToString(md5sum) != p.md5 {
		return newFault(http.StatusBadRequest, "BadDigest", "The Content-MD5 you specified did not match what we received.")
	}
	for _, c := range p.awaited {
		value, ok := p.chunks.trailer[c.header()]
		if !ok || !c.wellFormed(value) {
			return newFault(http.StatusBadRequest, "MalformedTrailerError", "The request contained trailing data that was not well-formed or did not conform to our published schema.")
		}
		p.declared[c] = value
	}
	for c, value := range p.declared {
		if base64.StdEncoding.EncodeToString(p.sums[c].Sum(nil)) != value {
			return badDigest(c)
		}
	}
	return nil
}

// document reads and verifies a body that is XML.
func (p *payload) document() ([]byte, error) {
	if p.length > maxDocument {
		return nil, malformedXML()
	}
	sum := newHash[sumMD5]()
	b, err := io.ReadAll(io.TeeReader(io.LimitReader(p, maxDocument+1), sum))
	if err != nil {
		return nil, err
	}
	if len(b) > maxDocument {
		return nil, malformedXML()
	}
	return b, p.verify(sum.Sum(nil))
}

// checksums are those that were verified, in a stable order.
func (p *payload) checksums() []checksum {
	var out []checksum
	for c := range p.declared {
		out = append(out, c)
	}
	slices.Sort(out)
	return out
}

// also makes the payload compute a checksum that may not have been sent; nil for none.
func (p *payload) also(c checksum) hash.Hash {
	if c == "" {
		return nil
	}
	if p.sums == nil {
		p.sums = map[checksum]hash.Hash{}
	}
	if p.sums[c] == nil {
		p.sums[c] = newHash[c]()
	}
	return p.sums[c]
}
