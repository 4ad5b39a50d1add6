package s3

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// maxLine is the longest line between the chunks of a body, and maxTrailers how
// many may follow them.
const (
	maxLine     = 4 << 10
	maxTrailers = 16
)

var chunkForm = regexp.MustCompile(`^([0-9a-fA-F]{1,15})(;chunk-signature=[0-9a-f]{64})?$`)

// chunkReader takes the framing away from an aws-chunked body, and keeps the
// trailer that stands behind it.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
type chunkReader struct {
	r       *bufio.Reader
	signed  bool  // every chunk carries a signature
	left    int64 // of the chunk at hand
	begun   bool
	err     error // that ended it
	trailer map[string]string
}

func newChunkReader(r io.Reader, signed bool) *chunkReader {
	return &chunkReader{r: bufio.NewReaderSize(r, 64<<10), signed: signed, trailer: map[string]string{}}
}

func (c *chunkReader) Read(p []byte) (int, error) {
	for c.err == nil && c.left == 0 {
		c.err = c.next()
	}
	if c.err != nil || len(p) == 0 {
		return 0, c.err
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	if errors.Is(err, io.EOF) {
		err = cutShort()
	}
	c.err = err
	return n, err
}

// next reads the head of a chunk. It is io.EOF behind the last one's trailer.
func (c *chunkReader) next() error {
	if c.begun {
		if line, err := c.line(); err != nil || line != "" {
			return orMalformed(err, "a chunk is longer than it says")
		}
	}
	c.begun = true
	line, err := c.line()
	if err != nil {
		return err
	}
	form := chunkForm.FindStringSubmatch(line)
	if form == nil {
		return orMalformed(nil, "the head of a chunk is not a hexadecimal size")
	}
	if (form[2] != "") != c.signed {
		return orMalformed(nil, "chunks must carry a signature just when x-amz-content-sha256 says so")
	}
	if c.left, err = strconv.ParseInt(form[1], 16, 64); err != nil || c.left > 0 {
		return err
	}
	return c.readTrailer()
}

func (c *chunkReader) readTrailer() error {
	for range maxTrailers {
		line, err := c.line()
		if err != nil {
			return err
		}
		if line == "" {
			if _, err := c.r.ReadByte(); !errors.Is(err, io.EOF) {
				return orMalformed(err, "something stands behind its end")
			}
			return io.EOF
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return orMalformed(nil, "a trailer has no colon")
		}
		c.trailer[strings.ToLower(strings.TrimSpace(name))] = strings.TrimSpace(value)
	}
	return orMalformed(nil, "it has too many trailers")
}

// line reads up to CRLF.
func (c *chunkReader) line() (string, error) {
	var line []byte
	for len(line) < maxLine {
		b, err := c.r.ReadByte()
		if errors.Is(err, io.EOF) {
			return "", cutShort()
		}
		if err != nil {
			return "", err
		}
		if line = append(line, b); b == '\n' {
			text, ok := strings.CutSuffix(string(line), "\r\n")
			if !ok {
				return "", orMalformed(nil, "a line does not end in CRLF")
			}
			return text, nil
		}
	}
	return "", orMalformed(nil, "a line between its chunks is too long")
}

func cutShort() error {
	return newFault(http.StatusBadRequest, "IncompleteBody", "You did not provide the number of bytes specified by the Content-Length HTTP header")
}

func orMalformed(err error, why string) error {
	if err != nil {
		return err
	}
	return newFault(http.StatusBadRequest, "InvalidChunk", "The aws-chunked body is malformed: %s", why)
}
