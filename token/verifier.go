package token

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/oauthcore/oauthcore/internal/fetch"
	"github.com/oauthcore/oauthcore/internal/jose"
)

// VerifierConfig says which tokens a [Verifier] accepts.
type VerifierConfig struct {
	_ [0]func()

	Issuer   string // required; compared exactly
	Audience string // required unless InsecureAnyAudience; must be among the token's aud

	// Where the keys are: at most one. None: the jwks_uri of the issuer's metadata (RFC 8414). URIs are https,
	// or http on loopback.
	Keys    *Keys  // a ring in this process
	JWKS    []byte // a fixed document
	JWKSURI string // a remote document

	// Algorithms are the signature algorithms accepted; nil: all of this package. Each key serves one only. An
	// RSA key that does not name its algorithm serves the first RSA algorithm of this list, RS256 if nil.
	Algorithms []string
	Types      []string      // header typ accepted, "" for none; nil: at+jwt (RFC 9068 section 4)
	Leeway     time.Duration // clock difference tolerated, at most 60 seconds; zero: none
	CacheSize  int           // verified tokens remembered, about; the older half goes at once; zero: 10,000; negative: none

	// Bound accepts tokens that are bound to a key or certificate of the sender (RFC 9449, RFC 8705). The
	// caller then has to check [Claims.JKT] and [Claims.X5TS256] against the request: as bearer tokens they
	// would be worth stealing.
	Bound bool

	InsecureAnyAudience bool // accepts tokens meant for other APIs, for issuers that write no aud

	// HTTP fetches remote documents, without redirects; nil: a client without a proxy. The URIs are those of whoever
	// configures this, so that an issuer on a private network is as good as any.
	HTTP *http.Client
	Now  func() time.Time // nil: time.Now
}

const (
	maxLeeway        = 60 * time.Second
	defaultCacheSize = 10_000
)

// Verifier checks JWT access tokens offline, safe for many goroutines.
//
// Tokens found good are remembered by their SHA-256, so that meeting one again costs a hash and a look-up.
// The answer does not change by it: what is remembered holds only while the token is not expired and its key
// not withdrawn.
type Verifier struct {
	issuer   string
	audience string // empty: any
	algs     []string
	types    []string
	leeway   time.Duration
	bound    bool
	now      func() time.Time
	keys     source
	cache    *cache
}

// NewVerifier reports all faults of c at once. It does no network traffic; a remote key set is fetched by the
// first Verify.
func NewVerifier(c VerifierConfig) (*Verifier, error) {
	v := &Verifier{
		issuer: c.Issuer, audience: c.Audience, algs: slices.Clone(c.Algorithms), types: []string{accessToken},
		leeway: c.Leeway, bound: c.Bound, now: c.Now,
	}
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("token: VerifierConfig."+format, args...))
	}
	if c.Issuer == "" {
		fault("Issuer: empty")
	}
	if (c.Audience == "") != c.InsecureAnyAudience {
		fault("Audience: %q, want either an audience or InsecureAnyAudience", c.Audience)
	}
	if c.Leeway < 0 || c.Leeway > maxLeeway {
		fault("Leeway: %v, want 0 to %v", c.Leeway, maxLeeway)
	}
	if c.Algorithms != nil && len(c.Algorithms) == 0 {
		fault("Algorithms: empty, want nil or at least one")
	}
	for _, alg := range c.Algorithms {
		if !slices.Contains(jose.Algorithms, alg) {
			fault("Algorithms: %q, want any of %s", alg, strings.Join(jose.Algorithms, ", "))
		}
	}
	if c.Types != nil {
		v.types = nil
		if len(c.Types) == 0 {
			fault("Types: empty, want nil or at least one")
		}
	}
	for _, typ := range c.Types {
		t, err := jose.MediaType(typ)
		if err != nil {
			fault("Types: %q, want a media type", typ)
		}
		v.types = append(v.types, t)
	}
	if v.now == nil {
		v.now = time.Now
	}
	if size := c.CacheSize; size >= 0 {
		if size == 0 {
			size = defaultCacheSize
		}
		v.cache = newCache(size)
	}
	v.keys = c.source(v.now, fault)
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return v, nil
}

// source returns where the keys come from, and reports what is wrong with that.
func (c *VerifierConfig) source(now func() time.Time, fault func(format string, args ...any)) source {
	count := 0
	for _, given := range []bool{c.Keys != nil, c.JWKS != nil, c.JWKSURI != ""} {
		if given {
			count++
		}
	}
	switch {
	case count > 1:
		fault("JWKS: want at most one of Keys, JWKS and JWKSURI")
	case c.Keys != nil:
		return c.Keys
	case c.JWKS != nil:
		set, err := jose.ParseSet(c.JWKS)
		if err != nil {
			fault("JWKS: %w", err)
		} else if set.Len() == 0 {
			fault("JWKS: no key that can verify a signature")
		}
		return fixedSet{set}
	case c.JWKSURI != "":
		if err := fetch.CheckURI(c.JWKSURI); err != nil {
			fault("JWKSURI: %w", err)
		}
		return remoteSet{jose.NewRemote(c.JWKSURI, fetch.New(c.HTTP), now)}
	case c.Issuer != "": // else a fault of its own
		remote, err := jose.NewDiscovered(c.Issuer, c.HTTP, now)
		if err != nil {
			fault("Issuer: its metadata is to name the keys: %w", err)
		}
		return remoteSet{remote}
	}
	return nil
}

// Verify returns the claims of a good token. They are shared: do not modify them. With any error the claims
// are nil. One that wraps [ErrInvalid] means that the token is not good; any other, that the keys could not be
// had and the token may be.
//
// Beside the signature these are checked: typ; iss; aud; exp, which must be there, after now and within ten
// years; nbf and iat, which must not lie ahead; sub, client_id and jti, which must be there; and that the token
// is not bound to its sender, unless the configuration allows it (RFC 9068 section 4).
func (v *Verifier) Verify(ctx context.Context, jwt string) (*Claims, error) {
	// The length comes before the hash.
	if len(jwt) > jose.MaxSize { // TestLongTokenIsCheap
		return nil, invalid("longer than %d bytes", jose.MaxSize)
	}
	var sum [sha256.Size]byte
	if v.cache != nil {
		var buf [2048]byte // takes most tokens without an allocation
		sum = sha256.Sum256(append(buf[:0], jwt...))
		if known := v.cache.get(sum); known != nil {
			state, err := v.keys.state(ctx)
			if err != nil {
				return nil, fmt.Errorf("token: %w", err)
			}
			if known.holds(state, v.now()) {
				return known.claims, nil
			}
		}
	}
	found, err := v.verify(ctx, jwt)
	if err != nil {
		return nil, err
	}
	if v.cache != nil {
		v.cache.put(sum, found)
	}
	return found.claims, nil
}

// verify checks a token from the ground.
func (v *Verifier) verify(ctx context.Context, jwt string) (*verdict, error) {
	j, err := jose.Parse(jwt)
	if err != nil {
		return nil, invalid("%w", err)
	}
	if !slices.Contains(v.types, j.Typ) { // TestAccessTokenCases
		return nil, invalid("typ %.80q, want one of %q", j.Typ, v.types)
	}
	state, withdrawn, err := v.keys.verify(ctx, j, v.algs, v.now())
	switch {
	case errors.Is(err, jose.ErrInvalid):
		return nil, invalid("%w", err)
	case err != nil:
		return nil, fmt.Errorf("token: %w", err)
	}
	c := new(Claims)
	if err := c.decode(j.Payload); err != nil {
		return nil, invalid("claims: %w", err)
	}
	// The clock is read again: fetching keys may have taken seconds.
	if err := v.judge(c, v.now()); err != nil {
		return nil, err
	}
	return &verdict{claims: c, state: state, from: latest(c.IssuedAt, c.NotBefore).Add(-v.leeway),
		expired: c.Expires.Add(v.leeway), withdrawn: withdrawn}, nil
}

// judge checks the claims of a token whose signature is right.
func (v *Verifier) judge(c *Claims, now time.Time) error {
	switch {
	case c.Issuer != v.issuer: // TestAccessTokenCases
		return invalid("iss %.80q, want %q", c.Issuer, v.issuer)
	case v.audience != "" && !slices.Contains(c.Audience, v.audience): // TestAccessTokenCases
		return invalid("aud does not name %q", v.audience)
	case c.Subject == "": // TestAccessTokenCases
		return invalid("no sub")
	case c.ClientID == "": // TestAccessTokenCases
		return invalid("no client_id")
	case c.ID == "": // TestAccessTokenCases
		return invalid("no jti")
	case c.Expires.IsZero():
		return invalid("no exp")
	case c.IssuedAt.IsZero():
		return invalid("no iat")
	case !now.Before(c.Expires.Add(v.leeway)): // TestVerifierTimes
		return invalid("expired since %v", now.Sub(c.Expires))
	case c.Expires.Sub(now) > horizon:
		return invalid("exp more than ten years ahead")
	case c.IssuedAt.After(c.Expires):
		return invalid("iat after exp")
	case now.Before(c.IssuedAt.Add(-v.leeway)):
		return invalid("issued in %v", c.IssuedAt.Sub(now))
	case now.Before(c.NotBefore.Add(-v.leeway)): // TestNumericDateCases
		return invalid("not valid for another %v", c.NotBefore.Sub(now))
	case !v.bound && (c.JKT != "" || c.X5TS256 != ""): // TestAccessTokenCases
		return invalid("bound to its sender, which is not checked here")
	}
	return nil
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
