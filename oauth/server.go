package oauth

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"runtime"
	"strings"
	"time"

	"github.com/oauthcore/oauthcore/internal/fetch"
	"github.com/oauthcore/oauthcore/internal/jose"
	"github.com/oauthcore/oauthcore/internal/scope"
	"github.com/oauthcore/oauthcore/internal/seal"
	"github.com/oauthcore/oauthcore/internal/table"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/token"
)

// Server is an authorization server, safe for many goroutines. It answers by full path, so it may be
// mounted at "/" or at each of its paths.
type Server struct {
	config  Config // as given, defaults filled in
	profile Profile
	store   store.Store

	grants   *table.Table[grant]
	consents *table.Table[consent]
	subjects *table.Table[epoch]
	marks    *table.Table[mark] // client assertions seen and access tokens denied

	chainKeys, ticketKeys, accessKeys *seal.Ring

	verifier *token.Verifier // of this server's own JWTs
	jwks     *remoteKeys     // of apps with a jwks_uri
	hashing  chan struct{}   // holds one for each slow hash of a client secret under way

	origin   *http.CrossOriginProtection
	endpoint map[string]http.HandlerFunc // by escaped path
	path     Paths                       // full; "" if there is none
	realm    string
	cookie   string
}

// mark is a record that only has to be there.
type mark struct{}

// New checks everything and reports all faults at once, each with the name of its field.
func New(c Config) (*Server, error) {
	s := &Server{store: c.Store}
	if c.Profile != nil {
		s.profile = *c.Profile
	}
	c.Resources = append([]string(nil), c.Resources...)
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("oauth: Config."+format, args...))
	}

	issuer, err := url.Parse(c.Issuer)
	switch {
	case c.Issuer == "":
		fault("Issuer: required")
	case err != nil:
		fault("Issuer: %q is not a URL", c.Issuer)
	default:
		if err := checkIssuer(c.Issuer, issuer); err != nil {
			fault("Issuer: %w", err)
		}
	}
	if len(faults) > 0 {
		issuer = new(url.URL) // so that Paths can be checked all the same
	}
	if c.Store == nil {
		fault("Store: required")
	}
	if c.Keys == nil {
		fault("Keys: required")
	}
	if c.Apps == nil {
		fault("Apps: required")
	}
	if (c.SignedIn == nil) != (c.Interact == nil) {
		fault("SignedIn and Config.Interact: one needs the other")
	}
	if len(c.Resources) == 0 {
		fault("Resources: at least one is required; the first is the audience where none is asked for")
	}
	for _, r := range c.Resources {
		if u, err := url.Parse(r); err != nil || !u.IsAbs() || strings.Contains(r, "#") || !isText(r) {
			fault("Resources: %q is not an absolute URI without fragment", r)
		}
	}
	for _, name := range c.Scopes {
		if !scope.Valid(name) {
			fault("Scopes: %q is not a scope-token", name)
		}
	}
	for name, h := range c.GrantTypes {
		if u, err := url.Parse(name); err != nil || !u.IsAbs() || !isText(name) {
			fault("GrantTypes: %q is not an absolute URI", name)
		}
		if h == nil {
			fault("GrantTypes: %q has no handler", name)
		}
	}
	if apps, ok := c.Apps.(registry.Static); ok {
		if err := apps.Validate(); err != nil {
			fault("Apps: %w", err)
		}
	}
	if len(c.CredentialPrefix) > 16 || strings.Trim(c.CredentialPrefix, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") != "" {
		fault("CredentialPrefix: %q is not at most 16 of [A-Za-z0-9_]", c.CredentialPrefix)
	}
	lifetime := func(name string, d *time.Duration, zero, most time.Duration) {
		if *d == 0 {
			*d = zero
		}
		if *d < time.Second || *d > most {
			fault("%s: got %v, want from 1s to %v", name, *d, most)
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
		fault("RefreshGrace: got %v, want at most 1m", c.RefreshGrace)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	noSecrets := c.Secrets == nil
	if noSecrets {
		b := make([]byte, seal.KeySize)
		rand.Read(b)
		c.Secrets = [][]byte{b}
	}
	ring := func(purpose string) *seal.Ring {
		r, ringErr := seal.New(c.Secrets, c.Issuer, purpose)
		if ringErr != nil {
			err = ringErr // the same for each purpose
		}
		return r
	}
	err = nil
	s.chainKeys, s.ticketKeys, s.accessKeys = ring("chain"), ring("ticket"), ring("access")
	if err != nil {
		fault("Secrets: %w", err)
	}
	s.config = c
	if len(faults) == 0 {
		var types []string
		if s.profile.Claims != nil {
			types = []string{"at+jwt", "JWT", ""}
		}
		s.verifier, err = token.NewVerifier(token.VerifierConfig{Issuer: c.Issuer, Keys: c.Keys, Types: types, InsecureAnyAudience: true, Now: c.Now})
		if err != nil {
			fault("Keys: %w", err)
		}
	}
	if err := s.route(c.Paths, issuer); err != nil {
		fault("Paths: %w", err)
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}

	s.grants = table.New[grant](c.Store, "g/")
	s.consents = table.New[consent](c.Store, "c/")
	s.subjects = table.New[epoch](c.Store, "s/")
	s.marks = table.New[mark](c.Store, "m/")
	s.jwks = newRemoteKeys(c.Fetch, c.Now)
	s.hashing = make(chan struct{}, runtime.GOMAXPROCS(0))
	s.origin = http.NewCrossOriginProtection()
	if err := s.origin.AddTrustedOrigin(issuer.Scheme + "://" + issuer.Host); err != nil {
		return nil, fmt.Errorf("oauth: Config.Issuer: %w", err)
	}
	s.realm = c.Issuer
	s.cookie = plainCookie
	if issuer.Scheme == "https" {
		s.cookie = secureCookie
	}
	if noSecrets {
		s.observe(context.Background(), Event{Endpoint: "new", Err: errors.New("oauth: Config.Secrets is nil: what this process issues dies with it")})
	}
	return s, nil
}

// checkIssuer holds an issuer to RFC 8414, Section 2, with http allowed on loopback addresses.
func checkIssuer(raw string, u *url.URL) error {
	switch {
	case u.Scheme != "https" && !(u.Scheme == "http" && fetch.Loopback(u.Hostname())):
		return fmt.Errorf("%q is neither https nor http on a loopback address", raw)
	case u.Host == "" || u.Hostname() == "":
		return fmt.Errorf("%q has no host", raw)
	case strings.ContainsAny(raw, "?#"):
		return fmt.Errorf("%q has a query or a fragment", raw)
	case u.User != nil || strings.Contains(raw, "@"):
		return fmt.Errorf("%q has user information", raw)
	case raw != u.String() || u.Host != strings.ToLower(u.Host) || strings.ContainsAny(raw, "\"\\% ") || strings.Contains(u.Path, "/.") || strings.Contains(u.Path, "//"):
		return fmt.Errorf("%q is not in its plain form (got %q)", raw, u)
	}
	return nil
}

// route places the endpoints below the issuer and the metadata where clients look for it.
func (s *Server) route(p Paths, issuer *url.URL) error {
	base := strings.TrimSuffix(issuer.EscapedPath(), "/")
	s.endpoint = make(map[string]http.HandlerFunc)
	var faults []error
	place := func(name, given, zero string, h http.HandlerFunc) string {
		if given == "-" {
			return ""
		}
		if given == "" {
			given = zero
		}
		full := base + given
		u, err := url.Parse(full)
		switch {
		case !strings.HasPrefix(given, "/") || err != nil || u.Path != full || u.EscapedPath() != full || path.Clean(full) != strings.TrimSuffix(full, "/"):
			faults = append(faults, fmt.Errorf("%s: %q is not a plain path that begins with a slash", name, given))
		case s.endpoint[full] != nil:
			faults = append(faults, fmt.Errorf("%s: %q is there twice", name, given))
		}
		s.endpoint[full] = h
		return full
	}
	if s.config.SignedIn != nil {
		s.path.Authorize = place("Authorize", p.Authorize, "/authorize", s.authorize)
	}
	s.path.Token = place("Token", p.Token, "/token", s.token)
	s.path.Introspect = place("Introspect", p.Introspect, "/introspect", s.introspect)
	s.path.Revoke = place("Revoke", p.Revoke, "/revoke", s.revoke)
	s.path.JWKS = place("JWKS", p.JWKS, "/jwks", s.config.Keys.Handler(s.config.Now).ServeHTTP)
	document := s.metadata(issuer)
	for _, full := range wellKnown(base) {
		if s.endpoint[full] != nil {
			faults = append(faults, fmt.Errorf("%q is where the metadata is", full))
		}
		s.endpoint[full] = document
	}
	return errors.Join(faults...)
}

// ServeHTTP answers at the paths of the endpoints and of the metadata; any other is 404.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h := s.endpoint[r.URL.EscapedPath()]; h != nil {
		h(w, r)
		return
	}
	http.NotFound(w, r)
}

// signingAlgorithms are those that a client may sign its assertions with.
var signingAlgorithms = jose.Algorithms
