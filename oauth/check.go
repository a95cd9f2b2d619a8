package oauth

import (
	"crypto/rand"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/oauthcore/oauthcore/internal/fetch"
	"github.com/oauthcore/oauthcore/internal/scope"
	"github.com/oauthcore/oauthcore/internal/seal"
	"github.com/oauthcore/oauthcore/registry"
)

// faults collects what is wrong with a [Config], so that all of it is said at once.
type faults []error

func (f *faults) add(format string, args ...any) {
	*f = append(*f, fmt.Errorf("oauth: Config."+format, args...))
}

func (f *faults) check(field string, err error) {
	if err != nil {
		f.add("%s: %w", field, err)
	}
}

// complete fills in the defaults of c, finds its faults, and returns the issuer, an empty one if it is wrong.
func (c *Config) complete(f *faults) *url.URL {
	c.Resources, c.Scopes, c.GrantTypes = slices.Clone(c.Resources), slices.Clone(c.Scopes), maps.Clone(c.GrantTypes)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Limiter == nil {
		c.Limiter = newLimiter(c.Now)
	}
	if c.Secrets == nil {
		b := make([]byte, seal.KeySize)
		rand.Read(b)
		c.Secrets = [][]byte{b}
	}
	issuer, err := parseIssuer(c.Issuer)
	f.check("Issuer", err)
	c.checkParts(f)
	c.checkNames(f)
	c.checkLifetimes(f)
	return issuer
}

// checkParts finds what is missing.
func (c *Config) checkParts(f *faults) {
	if c.Store == nil {
		f.add("Store: required")
	}
	if c.Keys == nil {
		f.add("Keys: required")
	}
	if c.Apps == nil {
		f.add("Apps: required")
	}
	if apps, ok := c.Apps.(registry.Static); ok {
		f.check("Apps", apps.Validate())
	}
	if (c.SignedIn == nil) != (c.Interact == nil) {
		f.add("SignedIn and Config.Interact: one needs the other")
	}
	if c.Fetch != nil && c.Fetch.Transport != nil && !c.InsecureFetch {
		f.add("Fetch: has a Transport, which dials where apps tell it to; leave it nil, or set InsecureFetch")
	}
	if len(c.Resources) == 0 {
		f.add("Resources: at least one is required; the first is the audience where none is asked for")
	}
}

// checkNames finds names that no request could use, or that would break what is sent.
func (c *Config) checkNames(f *faults) {
	isURI := func(s string) bool {
		u, err := url.Parse(s)
		return err == nil && u.IsAbs() && isText(s)
	}
	for _, r := range c.Resources {
		if !isURI(r) || strings.Contains(r, "#") {
			f.add("Resources: %q is not an absolute URI without fragment", r)
		}
	}
	for _, name := range c.Scopes {
		if !scope.Valid(name) {
			f.add("Scopes: %q is not a scope-token", name)
		}
	}
	for name, h := range c.GrantTypes {
		if !isURI(name) {
			f.add("GrantTypes: %q is not an absolute URI", name)
		}
		if h == nil {
			f.add("GrantTypes: %q has no handler", name)
		}
	}
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"
	if len(c.CredentialPrefix) > 16 || strings.Trim(c.CredentialPrefix, letters) != "" {
		f.add("CredentialPrefix: %q is not at most 16 of [A-Za-z0-9_]", c.CredentialPrefix)
	}
}

// checkLifetimes fills in those that are zero, and finds those out of bounds.
func (c *Config) checkLifetimes(f *faults) {
	lifetime := func(name string, d *time.Duration, zero, most time.Duration) {
		if *d == 0 {
			*d = zero
		}
		if *d < time.Second || *d > most {
			f.add("%s: got %v, want from 1s to %v", name, *d, most)
		}
	}
	lifetime("CodeLifetime", &c.CodeLifetime, time.Minute, 10*time.Minute)
	lifetime("AccessLifetime", &c.AccessLifetime, 15*time.Minute, maxAccessLifetime)
	lifetime("RefreshLifetime", &c.RefreshLifetime, 30*24*time.Hour, maxGrantLifetime)
	lifetime("GrantLifetime", &c.GrantLifetime, 366*24*time.Hour, maxGrantLifetime)
	if c.RefreshGrace == 0 {
		c.RefreshGrace = 10 * time.Second
	}
	if c.RefreshGrace > time.Minute {
		f.add("RefreshGrace: got %v, want at most 1m", c.RefreshGrace)
	}
}

// parseIssuer holds an issuer to RFC 8414, Section 2, with http allowed on loopback addresses. With an error
// it returns an empty URL.
func parseIssuer(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case raw == "":
		err = errCause("required")
	case err != nil:
		err = fmt.Errorf("%q is not a URL", raw)
	case u.Scheme != "https" && !(u.Scheme == "http" && fetch.Loopback(u.Hostname())): // TestNewRefuses
		err = fmt.Errorf("%q is neither https nor http on a loopback address", raw)
	case u.Host == "" || u.Hostname() == "":
		err = fmt.Errorf("%q has no host", raw)
	case strings.ContainsAny(raw, "?#"): // TestNewRefuses
		err = fmt.Errorf("%q has a query or a fragment", raw)
	case u.User != nil || strings.Contains(raw, "@"): // TestNewRefuses
		err = fmt.Errorf("%q has user information", raw)
	case raw != u.String() || u.Host != strings.ToLower(u.Host) || strings.ContainsAny(raw, "\"\\% ") || strings.Contains(u.Path, "/.") || strings.Contains(u.Path, "//"):
		err = fmt.Errorf("%q is not in its plain form (got %q)", raw, u)
	default:
		return u, nil
	}
	return new(url.URL), err
}
