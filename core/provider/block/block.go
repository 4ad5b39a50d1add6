// Package block reads and checks what the blocks of providers have alike.
//
// It must not know any kind of provider: what a block holds, and the rules of a
// service for it, stand with its provider.
package block

import (
	"bytes"
	"encoding/json"
	"net"
	"net/url"
	"time"

	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/provider/rule"
)

// Parse reads a block as a ledger keeps it into a provider's configuration. A member
// that this has not is provider.Invalid.
func Parse[Config any](text json.RawMessage) (Config, error) {
	var c Config
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return c, provider.Errorf(provider.Invalid, "the provider block: %w", err)
	}
	return c, nil
}

// Field is a field of a block that holds a text. An empty one is not set.
type Field struct {
	Name     string
	Text     string
	Rule     rule.Rule
	Required bool
}

// Check is provider.Invalid for the first field that breaks its rule, or is not set
// and has to be.
func Check(fields ...Field) error {
	for _, f := range fields {
		if f.Text == "" {
			if f.Required {
				return provider.Errorf(provider.Invalid, "%s is missing", f.Name)
			}
			continue
		}
		if err := f.Rule.Check(f.Name, f.Text); err != nil {
			return err
		}
	}
	return nil
}

// CheckEndpoint is provider.Invalid where a block's endpoint is set and is not the
// address of a service. The message does not repeat it: it may hold a password.
func CheckEndpoint(endpoint string) error {
	if endpoint == "" {
		return nil
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
		return provider.Errorf(provider.Invalid, "endpoint is no http:// or https:// URL of a host")
	}
	return nil
}

// CheckRetention is provider.Invalid where a block's retention is set and is no time
// that something can be kept for.
func CheckRetention(retention string) error {
	if retention == "" {
		return nil
	}
	if d, err := time.ParseDuration(retention); err != nil || d <= 0 {
		return provider.Errorf(provider.Invalid, "retention is %q: it is no duration", retention)
	}
	return nil
}

// Poll is how often a service bears to be looked at: a cloud's rarely; an endpoint
// on this machine, as an emulator's is, more often.
func Poll(endpoint string) provider.Poll {
	if u, err := url.Parse(endpoint); err == nil {
		if ip := net.ParseIP(u.Hostname()); ip != nil && ip.IsLoopback() {
			return provider.Poll{Min: 200 * time.Millisecond, Max: 2 * time.Second}
		}
	}
	return provider.Poll{Min: 30 * time.Second, Max: time.Minute}
}
