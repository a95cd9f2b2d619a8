package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"runtime"
	"strings"

	"github.com/oauthcore/oauthcore/internal/jose"
	"github.com/oauthcore/oauthcore/internal/seal"
	"github.com/oauthcore/oauthcore/internal/table"
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
	handles  *table.Table[handle]

	chainKeys, ticketKeys, accessKeys *seal.Ring

	verifier *token.Verifier // of this server's own JWTs
	jwks     *remoteKeys     // of apps with a jwks_uri
	hashing  *turns          // at slow hashes of client secrets

	origin   *http.CrossOriginProtection
	endpoint map[string]http.HandlerFunc // by escaped path
	path     Paths                       // full; "" if there is none
	realm    string
	cookie   string
}

// Format prints the issuer, whatever the verb, for the configuration has secrets in it.
func (s Server) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, "Server(%s)", s.config.Issuer)
}

// mark is a record that only has to be there.
type mark struct{}

// New checks everything and reports all faults at once, each with the name of its field.
func New(c Config) (*Server, error) {
	var f faults
	s := &Server{store: c.Store, realm: c.Issuer, cookie: plainCookie, hashing: newTurns(runtime.GOMAXPROCS(0))}
	if c.Profile != nil {
		s.profile = *c.Profile
	}
	noSecrets := c.Secrets == nil
	issuer := c.complete(&f)
	s.config = c
	s.deriveKeys(&f)
	if err := s.route(c.Paths.or(s.profile.Paths), issuer); err != nil {
		f.add("Paths: %w", err)
	}
	if len(f) == 0 {
		f.check("Keys", s.verifyOwn())
	}
	s.origin = http.NewCrossOriginProtection()
	if len(f) == 0 {
		f.check("Issuer", s.origin.AddTrustedOrigin(issuer.Scheme+"://"+issuer.Host))
	}
	if len(f) > 0 {
		return nil, errors.Join(f...)
	}
	if issuer.Scheme == "https" {
		s.cookie = secureCookie
	}
	s.grants = table.New[grant](c.Store, "g/")
	s.consents = table.New[consent](c.Store, "c/")
	s.subjects = table.New[epoch](c.Store, "s/")
	s.marks = table.New[mark](c.Store, "m/")
	s.handles = table.New[handle](c.Store, "h/")
	s.jwks = newRemoteKeys(&c)
	if noSecrets {
		s.observe(context.Background(), Event{Endpoint: "new", Err: errors.New("oauth: Config.Secrets is nil: what this process issues dies with it")})
	}
	return s, nil
}

// deriveKeys makes the ring of each purpose.
func (s *Server) deriveKeys(f *faults) {
	for _, ring := range []struct {
		purpose string
		keys    **seal.Ring
	}{{"chain", &s.chainKeys}, {"ticket", &s.ticketKeys}, {"access", &s.accessKeys}} {
		var err error
		if *ring.keys, err = seal.New(s.config.Secrets, s.config.Issuer, ring.purpose); err != nil {
			f.add("Secrets: %w", err)
			return // the same for each purpose
		}
	}
}

// verifyOwn makes the verifier of this server's own JWTs, whatever type a profile gives them.
func (s *Server) verifyOwn() (err error) {
	c := token.VerifierConfig{Issuer: s.config.Issuer, Keys: s.config.Keys, InsecureAnyAudience: true, Now: s.config.Now}
	if s.profile.Claims != nil {
		c.Types = []string{"at+jwt", "JWT", ""}
	}
	s.verifier, err = token.NewVerifier(c)
	return err
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
