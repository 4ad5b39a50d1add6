package provider

import (
	"fmt"
	"strconv"
	"strings"
)

// Slug makes a job's address readable in names: lower case letters, digits and
// single hyphens, at most 24 bytes, never empty.
func Slug(address string) string {
	address = strings.TrimPrefix(address, "job.")
	var b strings.Builder
	for _, c := range strings.ToLower(address) {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			b.WriteRune(c)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	s := b.String()
	s = strings.Trim(s[:min(len(s), 24)], "-")
	if s == "" {
		return "job"
	}
	return s
}

// NativeName names a native job: cb-SLUG-RUN-aATTEMPT, and -pPART where an
// attempt has several. It is made of [a-z0-9-] and has at most 63 bytes.
func NativeName(address, run string, attempt, part, parts int) string {
	name := fmt.Sprintf("cb-%s-%s-a%d", Slug(address), run, attempt)
	if parts > 1 {
		name += fmt.Sprintf("-p%d", part)
	}
	return name
}

// AttemptName is a native job's name without its part.
func AttemptName(native string) string {
	i := strings.LastIndex(native, "-p")
	if i < 0 {
		return native
	}
	if _, err := strconv.ParseUint(native[i+2:], 10, 31); err != nil {
		return native
	}
	return native[:i]
}
