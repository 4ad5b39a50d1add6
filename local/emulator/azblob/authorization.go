package azblob

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Account is the one account there is, and Key its key. They are those of
// Microsoft's own emulators, and no secret.
// https://learn.microsoft.com/azure/storage/common/storage-connect-azurite
const (
	Account = "devstoreaccount1"
	Key     = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)

const maxSkew = 15 * time.Minute

func forbidden(why string) *fault {
	return newFault(http.StatusForbidden, "AuthenticationFailed", "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including the signature: %s.", why)
}

// authenticate verifies a request's Shared Key signature. A shared access
// signature is taken on trust until it expires.
// https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
func (s *Server) authenticate(r *http.Request, query url.Values) error {
	given := r.Header.Get("Authorization")
	if given == "" && query.Has("sig") {
		return s.shared(query)
	}
	account, signature, ok := strings.Cut(strings.TrimPrefix(given, "SharedKey "), ":")
	if !ok || !strings.HasPrefix(given, "SharedKey ") {
		return forbidden("it must be SharedKey ACCOUNT:SIGNATURE")
	}
	if account != Account {
		return forbidden("the account is not " + Account)
	}
	date := r.Header.Get("X-Ms-Date")
	if date == "" {
		date = r.Header.Get("Date")
	}
	at, err := http.ParseTime(date)
	if err != nil || s.clock.Now().Sub(at).Abs() > maxSkew {
		return forbidden("x-ms-date is missing or more than 15 minutes off")
	}
	if r.Header.Get("X-Ms-Version") == "" {
		return badHeader("x-ms-version")
	}
	for _, order := range []func(a, b string) int{byCollation, strings.Compare} {
		if hmac.Equal([]byte(signature), []byte(sign(toSign(r, query, order)))) {
			return nil
		}
	}
	return forbidden("the signature is not that of the account's well-known key")
}

func sign(text string) string {
	key, _ := base64.StdEncoding.DecodeString(Key) // a constant
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

func toSign(r *http.Request, query url.Values, order func(a, b string) int) string {
	h := r.Header
	length := ""
	if r.ContentLength > 0 {
		length = strconv.FormatInt(r.ContentLength, 10)
	}
	date := h.Get("Date")
	if h.Get("X-Ms-Date") != "" {
		date = ""
	}
	var b strings.Builder
	for _, line := range []string{
		r.Method, h.Get("Content-Encoding"), h.Get("Content-Language"), length, h.Get("Content-MD5"), h.Get("Content-Type"), date,
		h.Get("If-Modified-Since"), h.Get("If-Match"), h.Get("If-None-Match"), h.Get("If-Unmodified-Since"), h.Get("Range"),
	} {
		b.WriteString(line + "\n")
	}
	values := map[string]string{}
	for name, v := range h {
		if name = strings.ToLower(name); strings.HasPrefix(name, "x-ms-") {
			values[name] = strings.TrimSpace(strings.Join(v, ","))
		}
	}
	for _, name := range sorted(values, order) {
		b.WriteString(name + ":" + values[name] + "\n")
	}
	b.WriteString("/" + Account + r.URL.EscapedPath())
	parameters := map[string]string{}
	for name, v := range query {
		v = slices.Sorted(slices.Values(v))
		parameters[strings.ToLower(name)] = strings.Join(v, ",")
	}
	for _, name := range sorted(parameters, strings.Compare) {
		b.WriteString("\n" + name + ":" + parameters[name])
	}
	return b.String()
}

func sorted(m map[string]string, order func(a, b string) int) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.SortFunc(names, order)
	return names
}

// byCollation is how the service, and newer SDKs, sort headers: dashes do not
// count, and an underscore comes ahead of digits. Older SDKs sort bytes.
func byCollation(a, b string) int {
	fold := strings.NewReplacer("-", "", "_", "!")
	if c := strings.Compare(fold.Replace(a), fold.Replace(b)); c != 0 {
		return c
	}
	return strings.Compare(a, b)
}

// shared looks at the form of a shared access signature.
// https://learn.microsoft.com/rest/api/storageservices/create-service-sas
func (s *Server) shared(query url.Values) error {
	signature, err := base64.StdEncoding.DecodeString(query.Get("sig"))
	if err != nil || len(signature) != sha256.Size || query.Get("sv") == "" || query.Get("sp") == "" {
		return forbidden("the shared access signature is not well formed")
	}
	for _, layout := range []string{"2006-01-02T15:04:05.9999999Z", "2006-01-02T15:04Z", "2006-01-02"} {
		if expiry, err := time.Parse(layout, query.Get("se")); err == nil {
			if s.clock.Now().After(expiry) {
				return forbidden("the shared access signature has expired")
			}
			return nil
		}
	}
	return forbidden("the shared access signature does not say when it expires")
}
