package s3

import (
	"crypto/md5"  //nolint:gosec // one of S3's checksums
	"crypto/sha1" //nolint:gosec // one of S3's checksums
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"net/http"
	"strings"
)

// checksum is one of the checksums that a client may send with a body, by the
// name in its header: crc32 of x-amz-checksum-crc32.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
type checksum string

const (
	crc32IEEE  checksum = "crc32"
	crc32C     checksum = "crc32c"
	crc64NVME  checksum = "crc64nvme"
	sum1       checksum = "sha1"
	sum256     checksum = "sha256"
	sum512     checksum = "sha512"
	sumMD5     checksum = "md5"
	headerStem          = "x-amz-checksum-"
)

// nvme is the polynomial of the NVM Express specification, bits reversed.
const nvme = 0x9a6c9329ac4bc9b5

var newHash = map[checksum]func() hash.Hash{
	crc32IEEE: func() hash.Hash { return crc32.NewIEEE() },
	crc32C:    func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) },
	crc64NVME: func() hash.Hash { return crc64.New(crc64.MakeTable(nvme)) },
	sum1:      sha1.New,
	sum256:    sha256.New,
	sum512:    sha512.New,
	sumMD5:    md5.New,
}

func (c checksum) header() string { return headerStem + string(c) }

// element is its name in XML: ChecksumCRC32C.
func (c checksum) element() string { return "Checksum" + strings.ToUpper(string(c)) }

// composite says that, unless asked for otherwise, a multipart upload has a
// checksum of its parts' checksums.
func (c checksum) composite() bool { return c != crc64NVME }

// of finds the checksum that a header or a trailer gives.
func checksumOf(header string) (checksum, *fault) {
	name, ok := strings.CutPrefix(strings.ToLower(header), headerStem)
	if !ok || name == "type" || name == "mode" || name == "algorithm" {
		return "", nil
	}
	c := checksum(name)
	if newHash[c] == nil {
		return "", notImplemented(header)
	}
	return c, nil
}

func badDigest(c checksum) *fault {
	return newFault(http.StatusBadRequest, "BadDigest", "The %s you specified did not match the calculated checksum.", strings.ToUpper(string(c)))
}

// wellFormed is base64 of the right length.
func (c checksum) wellFormed(value string) bool {
	raw, err := base64.StdEncoding.DecodeString(value)
	return err == nil && len(raw) == newHash[c]().Size()
}
