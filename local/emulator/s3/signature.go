package s3

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const algorithm = "AWS4-HMAC-SHA256"

const amzTime = "20060102T150405Z"

var (
	credentialForm = regexp.MustCompile(`^([^/\s]+)/(\d{8})/([a-z0-9-]+)/s3/aws4_request$`)
	signatureForm  = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// signedRegion looks for a signature of version 4, in the Authorization header or
// in the query of a presigned URL, and says which region it was made for. The
// signature itself is taken on trust: nobody has a secret here.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
func signedRegion(r *http.Request, query url.Values, now time.Time) (string, *fault) {
	if given := r.Header.Get("Authorization"); given != "" {
		return signedHeader(r, given)
	}
	if query.Has("X-Amz-Algorithm") || query.Has("X-Amz-Signature") {
		return presigned(query, now)
	}
	return "", newFault(http.StatusForbidden, "AccessDenied", "Access Denied: the request is not signed. Any access key and secret will do.")
}

func signedHeader(r *http.Request, given string) (string, *fault) {
	malformed := func(why string) *fault {
		return newFault(http.StatusBadRequest, "AuthorizationHeaderMalformed", "The authorization header is malformed; %s.", why)
	}
	rest, ok := strings.CutPrefix(given, algorithm+" ")
	if !ok {
		return "", newFault(http.StatusBadRequest, "InvalidRequest", "The authorization mechanism you have provided is not supported. Please use %s.", algorithm)
	}
	fields := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		fields[name] = value
	}
	credential := credentialForm.FindStringSubmatch(fields["Credential"])
	if credential == nil {
		return "", malformed(`the Credential must be "<YOUR-AKID>/YYYYMMDD/REGION/s3/aws4_request"`)
	}
	if !signatureForm.MatchString(fields["Signature"]) {
		return "", malformed("the Signature must be 64 lowercase hexadecimal digits")
	}
	if !strings.Contains(";"+fields["SignedHeaders"]+";", ";host;") {
		return "", malformed("SignedHeaders must name host")
	}
	at, err := time.Parse(amzTime, r.Header.Get("X-Amz-Date"))
	if err != nil {
		return "", newFault(http.StatusForbidden, "AccessDenied", "AWS authentication requires a valid Date or x-amz-date header")
	}
	if at.Format("20060102") != credential[2] {
		return "", malformed("the date of the Credential is not that of x-amz-date")
	}
	if r.Header.Get("X-Amz-Content-Sha256") == "" {
		return "", newFault(http.StatusBadRequest, "InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
	}
	return credential[3], nil
}

func presigned(query url.Values, now time.Time) (string, *fault) {
	malformed := func(why string) *fault {
		return newFault(http.StatusBadRequest, "AuthorizationQueryParametersError", "Error parsing the query parameters of a presigned request: %s.", why)
	}
	if query.Get("X-Amz-Algorithm") != algorithm {
		return "", malformed("X-Amz-Algorithm must be " + algorithm)
	}
	credential := credentialForm.FindStringSubmatch(query.Get("X-Amz-Credential"))
	if credential == nil {
		return "", malformed(`X-Amz-Credential must be "<YOUR-AKID>/YYYYMMDD/REGION/s3/aws4_request"`)
	}
	if !signatureForm.MatchString(query.Get("X-Amz-Signature")) {
		return "", malformed("X-Amz-Signature must be 64 lowercase hexadecimal digits")
	}
	if !strings.Contains(";"+query.Get("X-Amz-SignedHeaders")+";", ";host;") {
		return "", malformed("X-Amz-SignedHeaders must name host")
	}
	at, err := time.Parse(amzTime, query.Get("X-Amz-Date"))
	if err != nil {
		return "", malformed("X-Amz-Date must be in the ISO8601 basic format")
	}
	seconds, err := strconv.Atoi(query.Get("X-Amz-Expires"))
	if err != nil || seconds < 1 || seconds > 7*24*3600 {
		return "", malformed("X-Amz-Expires must be from 1 to 604800")
	}
	if now.After(at.Add(time.Duration(seconds) * time.Second)) {
		return "", newFault(http.StatusForbidden, "AccessDenied", "Request has expired")
	}
	return credential[3], nil
}
