package sagemaker

import (
	"net/http"
	"regexp"
	"strings"
	"time"
)

const algorithm = "AWS4-HMAC-SHA256"

var (
	credentialForm = regexp.MustCompile(`^[^/\s]+/(\d{8})/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request$`)
	signatureForm  = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// signedRegion looks for a signature of version 4 and says which region it was made
// for. The signature itself is taken on trust: nobody has a secret here.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
func signedRegion(r *http.Request, service string) (string, error) {
	forbidden := func(code, message string) error { return &fault{http.StatusForbidden, code, message} }
	given := r.Header.Get("Authorization")
	if given == "" {
		return "", forbidden("MissingAuthenticationTokenException", "Missing Authentication Token: the request is not signed. Any access key and secret will do.")
	}
	rest, ok := strings.CutPrefix(given, algorithm+" ")
	if !ok {
		return "", forbidden("IncompleteSignatureException", "Authorization must begin with "+algorithm+".")
	}
	fields := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		fields[name] = value
	}
	credential := credentialForm.FindStringSubmatch(fields["Credential"])
	if credential == nil {
		return "", forbidden("IncompleteSignatureException", `The Credential must be "ACCESS-KEY/YYYYMMDD/REGION/SERVICE/aws4_request".`)
	}
	if credential[3] != service {
		return "", forbidden("InvalidSignatureException", "Credential should be scoped to correct service: '"+service+"'.")
	}
	if !signatureForm.MatchString(fields["Signature"]) {
		return "", forbidden("IncompleteSignatureException", "The Signature must be 64 lowercase hexadecimal digits.")
	}
	signed := ";" + fields["SignedHeaders"] + ";"
	for _, name := range []string{"host", "x-amz-date", "x-amz-target"} {
		if !strings.Contains(signed, ";"+name+";") {
			return "", forbidden("InvalidSignatureException", "SignedHeaders must name "+name+".")
		}
	}
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil {
		return "", forbidden("IncompleteSignatureException", "X-Amz-Date must be in the ISO8601 basic format.")
	}
	if at.Format("20060102") != credential[1] {
		return "", forbidden("InvalidSignatureException", "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.")
	}
	return credential[2], nil
}
