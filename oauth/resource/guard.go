package resource

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"github.com/oauthcore/oauthcore/internal/scope"
	"github.com/oauthcore/oauthcore/token"
)

// maxCacheFor bounds how late a revocation may be seen.
const maxCacheFor = 5 * time.Minute

// Config configures a [Guard].
type Config struct {
	_ [0]func()

	// Accept says whose tokens are good here. Issuer and Audience (this API's resource identifier)
	// hold for JWT and introspected tokens alike; Leeway and Now too.
	Accept token.VerifierConfig

	// Introspect, if set, is asked about every token, so that revocations are seen and opaque tokens
	// accepted. [Remote] makes one; the Introspect method of oauth.Server is one. If Accept names keys
	// (Keys, JWKS or JWKSURI), a token of three parts is verified as a JWT first; if it names none, the
	// answer alone decides and nothing is discovered. nil: only JWTs are accepted.
	//
	// It must answer for access tokens only. An error that wraps [token.ErrInvalid] means that the token is
	// not good, any other that the question could not be answered. It is called by many goroutines.
	Introspect func(ctx context.Context, tok string) (*token.Claims, error)

	// CacheFor is how long an answer of Introspect that accepts a token is used again, and so how late a
	// revocation may be seen; never past the token's expiry. Zero: every request asks. At most 5 minutes.
	// At most 10,000 answers are kept.
	CacheFor time.Duration

	// Metadata says that this API publishes its metadata (RFC 9728): [Guard.Metadata] serves it and
	// challenges name it. The audience must then be an https URL, or http on a loopback address.
	Metadata bool

	// Scopes are the scopes_supported of the metadata. nil: it says nothing about them.
	Scopes []string

	// Where a token may be. More than one token in a request is refused.
	Headers       []string // that carry "Bearer" and the token; nil: Authorization
	FormBody      bool     // also access_token in the form of a POST (RFC 6750, Section 2.2), which is then parsed
	InsecureQuery bool     // also access_token in the query of a GET, where logs and Referer leak it

	// Error writes status and body of a refusal. The header has WWW-Authenticate, Cache-Control and
	// Retry-After by then. nil: the status and an empty body.
	Error func(w http.ResponseWriter, r *http.Request, e *Error)
}

// Need is what a token must carry. The zero Need is any good token.
type Need struct {
	Scopes []string // all of them, compared whole and with case
	Roles  []string // at least one of them, compared likewise
}

// Guard lets requests with a good token through. It is safe for many goroutines.
type Guard struct {
	c        Config
	verifier *token.Verifier // nil: Introspect alone decides
	answers  *answers        // nil: nothing is kept
	now      func() time.Time
	realm    string // begins every challenge
	metadata string // ends every challenge
	document *document
}

// New checks the configuration and reports all faults at once. It does no network traffic.
func New(c Config) (*Guard, error) {
	if c.Headers == nil {
		c.Headers = []string{"Authorization"}
	}
	c.Headers, c.Scopes = canonical(c.Headers), slices.Clone(c.Scopes)
	g := &Guard{c: c, now: c.Accept.Now, realm: `Bearer realm="` + c.realm() + `"`}
	if g.now == nil {
		g.now = time.Now
	}
	errs := c.faults()

	// The verifier checks Accept, also where it is not used afterwards.
	v, err := token.NewVerifier(c.Accept)
	if err != nil {
		errs = append(errs, fmt.Errorf("resource: Accept: %w", err))
	}
	if named := c.Accept.Keys != nil || c.Accept.JWKS != nil || c.Accept.JWKSURI != ""; named || c.Introspect == nil {
		g.verifier = v
	}
	if c.CacheFor > 0 {
		g.answers = newAnswers()
	}
	if c.Metadata {
		d, err := newDocument(&c)
		if err != nil {
			errs = append(errs, fmt.Errorf("resource: Metadata: %w", err))
		} else {
			g.document = d
			g.metadata = `, resource_metadata="` + d.url + `"`
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return g, nil
}

// realm names the API in a challenge.
func (c *Config) realm() string {
	if c.Accept.Audience == "" {
		return c.Accept.Issuer
	}
	return c.Accept.Audience
}

// faults returns what is wrong with the fields that no other part checks.
func (c *Config) faults() (errs []error) {
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf("resource: "+format, args...)) }
	if c.Accept.Bound {
		fault("Accept.Bound: no proof is checked here, so tokens that need one are refused")
	}
	if r := c.realm(); !quotable(r) {
		fault("Accept.Audience: got %q, want printable ASCII without quotes, which a challenge can name", r)
	}
	if c.CacheFor < 0 || c.CacheFor > maxCacheFor {
		fault("CacheFor: got %v, want 0 to %v", c.CacheFor, maxCacheFor)
	}
	for i, h := range c.Headers {
		if !isFieldName(h) {
			fault("Headers: %q is not a header's name", h)
		} else if slices.Contains(c.Headers[:i], h) {
			fault("Headers: %q is there twice", h)
		}
	}
	if len(c.Headers) == 0 && !c.FormBody && !c.InsecureQuery {
		fault("Headers: empty, and no other source of tokens is set")
	}
	for _, s := range c.Scopes {
		if !scope.Valid(s) {
			fault("Scopes: %q is not a scope (RFC 6749, Section 3.3)", s)
		}
	}
	return errs
}

// canonical returns the names in the spelling of [http.Header].
func canonical(names []string) []string {
	names = slices.Clone(names)
	for i, n := range names {
		names[i] = textproto.CanonicalMIMEHeaderKey(n)
	}
	return names
}

// Check decides whether r carries a token that is good here and has what n asks for. The error is an
// [*Error]. The claims are shared: do not modify them. It reads the body of r only if Config.FormBody is
// set and r is a form that was POSTed; r.PostForm then holds it.
func (g *Guard) Check(r *http.Request, n Need) (*token.Claims, error) {
	c, _, err := g.check(r, n)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Require wraps h: requests that [Guard.Check] refuses are answered, others reach h with the claims in
// their context. It panics if n names a scope that no token can have, such as two in one string.
func (g *Guard) Require(n Need, h http.Handler) http.Handler {
	for _, s := range n.Scopes {
		if !scope.Valid(s) {
			panic(fmt.Sprintf("resource: Need.Scopes: %q is not a scope (RFC 6749, Section 3.3)", s))
		}
	}
	n = Need{Scopes: slices.Clone(n.Scopes), Roles: slices.Clone(n.Roles)}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, from, err := g.check(r, n)
		if err != nil {
			g.refuse(w, r, err)
			return
		}
		if from == fromQuery {
			// The URL is a secret: a shared cache must not answer it (RFC 6750, Section 2.3).
			w.Header().Set("Cache-Control", "private")
		}
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), claimsKey{}, c)))
	})
}

type claimsKey struct{}

// Claims returns what a Guard put into ctx, nil if none did. They are shared: do not modify them.
func Claims(ctx context.Context) *token.Claims {
	c, _ := ctx.Value(claimsKey{}).(*token.Claims)
	return c
}

func (g *Guard) check(r *http.Request, n Need) (*token.Claims, source, *Error) {
	tok, from, err := g.find(r)
	if err != nil {
		return nil, 0, g.malformed(err)
	}
	if from == fromNowhere {
		return nil, 0, g.noToken(n)
	}
	c, err := g.judge(r.Context(), tok)
	switch {
	case errors.Is(err, token.ErrInvalid):
		return nil, 0, g.invalidToken(n, err)
	case err != nil:
		return nil, 0, unanswered(err)
	}
	for _, s := range n.Scopes {
		if !slices.Contains(c.Scopes, s) { // TestCheckNeed
			return nil, 0, g.missingScope(n)
		}
	}
	if len(n.Roles) > 0 && !slices.ContainsFunc(n.Roles, func(s string) bool { return slices.Contains(c.Roles, s) }) { // TestCheckNeed
		return nil, 0, g.missingRole()
	}
	return c, from, nil
}

// judge says what tok is worth now. An error that wraps [token.ErrInvalid] means nothing.
func (g *Guard) judge(ctx context.Context, tok string) (*token.Claims, error) {
	if g.verifier != nil && (g.c.Introspect == nil || strings.Count(tok, ".") == 2) {
		c, err := g.verifier.Verify(ctx, tok)
		if err != nil || g.c.Introspect == nil {
			return c, err
		}
	}
	c, err := g.introspect(ctx, tok)
	if err != nil {
		return nil, err
	}
	if err := g.accept(c); err != nil {
		return nil, err
	}
	return c, nil
}

// accept holds an answer against Config.Accept, as the verifier holds a JWT.
func (g *Guard) accept(c *token.Claims) error {
	now, a := g.now(), &g.c.Accept
	switch {
	case c.Issuer != a.Issuer: // TestCheckAnswer
		return invalid("issuer is %q, want %q", c.Issuer, a.Issuer)
	case !a.InsecureAnyAudience && !slices.Contains(c.Audience, a.Audience): // TestCheckAnswer
		return invalid("audience is %q, want %q", c.Audience, a.Audience)
	case !c.Expires.IsZero() && !now.Before(c.Expires.Add(a.Leeway)): // TestCheckAnswer
		return invalid("expired at %v", c.Expires)
	case !c.NotBefore.IsZero() && now.Add(a.Leeway).Before(c.NotBefore):
		return invalid("not valid before %v", c.NotBefore)
	case c.JKT != "" || c.X5TS256 != "" || c.Extra["cnf"] != nil: // TestCheckAnswer
		// Accepting it without its proof would make a stolen one useful (RFC 9449, Section 7.2).
		return invalid("bound to a key whose proof is not checked here")
	}
	return nil
}

func invalid(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, token.ErrInvalid)...)
}
