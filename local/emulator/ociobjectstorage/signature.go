package ociobjectstorage

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// maxJSON is the largest JSON body: a commit of 10,000 parts has less than 1 MB.
const maxJSON = 4 << 20

// authenticate wants what SDKs sign: on every request date, (request-target)
// and host, on JSON requests the body as well.
func (s *Server) authenticate(r *http.Request) error {
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Signature") {
		return unauthenticated("there is no signature")
	}
	p, err := parameters(rest)
	if err != nil {
		return unauthenticated(err.Error())
	}
	if p["version"] != "1" || p["keyId"] == "" || p["algorithm"] != "rsa-sha256" {
		return unauthenticated("version, keyId or algorithm is not one that is understood")
	}
	signature, err := base64.StdEncoding.DecodeString(p["signature"])
	if err != nil || len(signature) == 0 {
		return unauthenticated("the signature is not base64")
	}
	signed := strings.Fields(strings.ToLower(p["headers"]))
	want := []string{"date", "(request-target)", "host"}
	if r.Method == http.MethodPost {
		want = append(want, "content-length", "content-type", "x-content-sha256")
	}
	for _, name := range want {
		if !slices.Contains(signed, name) && (name != "date" || !slices.Contains(signed, "x-date")) {
			return unauthenticated(name + " is not signed")
		}
	}
	if err := s.verify(r, p["keyId"], signed, signature); err != nil {
		return err
	}
	if r.Method == http.MethodPost {
		return checkDigest(r)
	}
	return nil
}

// parameters reads name="value" pairs with commas between them.
func parameters(text string) (map[string]string, error) {
	p := map[string]string{}
	for text = strings.TrimSpace(text); text != ""; {
		name, rest, found := strings.Cut(text, `="`)
		value, rest, closed := strings.Cut(rest, `"`)
		if !found || !closed {
			return nil, fmt.Errorf("the signature is not a list of name=\"value\"")
		}
		p[strings.TrimSpace(name)] = value
		rest = strings.TrimSpace(rest)
		if rest != "" && rest[0] != ',' {
			return nil, fmt.Errorf("the signature is not a list of name=\"value\"")
		}
		text = strings.TrimSpace(strings.TrimPrefix(rest, ","))
	}
	return p, nil
}

func (s *Server) verify(r *http.Request, keyID string, signed []string, signature []byte) error {
	if s.o.Key == nil {
		return nil
	}
	key := s.o.Key(keyID)
	if key == nil {
		return unauthenticated("the key is not known")
	}
	lines := make([]string, len(signed))
	for i, name := range signed {
		value := r.Header.Get(name)
		switch name {
		case "(request-target)":
			value = strings.ToLower(r.Method) + " " + r.RequestURI
		case "host":
			value = r.Host
		case "content-length":
			value = strconv.FormatInt(r.ContentLength, 10)
		}
		lines[i] = name + ": " + value
	}
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	if rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature) != nil {
		return unauthenticated("the signature is not that of this request")
	}
	return nil
}

// checkDigest reads the body and puts it back.
func checkDigest(r *http.Request) error {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxJSON+1))
	if err != nil {
		return invalid("the body cannot be read: %v", err)
	}
	if len(body) > maxJSON {
		return &failure{http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "The body is too large."}
	}
	sum := sha256.Sum256(body)
	if r.Header.Get("x-content-sha256") != base64.StdEncoding.EncodeToString(sum[:]) {
		return unauthenticated("x-content-sha256 is not the digest of the body")
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return nil
}

func unauthenticated(why string) error {
	return &failure{
		http.StatusUnauthorized, "NotAuthenticated",
		"The required information to complete authentication was not provided or was incorrect: " + why + ".",
	}
}

// decode reads a JSON body, which checkDigest has bounded.
func decode(r *request, v any) error {
	if err := json.NewDecoder(r.Body).Decode(v); err != nil {
		return &failure{http.StatusBadRequest, "CannotParseRequest", "Incorrectly formatted request: " + err.Error()}
	}
	return nil
}
