package oauth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"time"

	"github.com/oauthcore/oauthcore/internal/chain"
	"github.com/oauthcore/oauthcore/internal/scope"
	"github.com/oauthcore/oauthcore/internal/table"
	"github.com/oauthcore/oauthcore/pkce"
	"github.com/oauthcore/oauthcore/store"
)

// exchange is the authorization_code grant (RFC 6749, Section 4.1.3).
func (c *call) exchange() (*TokenResponse, error) { return c.redeem("code", chain.Code) }

// refresh is the refresh_token grant (RFC 6749, Section 6).
func (c *call) refresh() (*TokenResponse, error) { return c.redeem("refresh_token", chain.Refresh) }

// redeem turns a code or a refresh token into tokens and its successor: check all, build all, swap,
// answer. What a request learns of a spent credential it acts on only if all else about it was right,
// and only by a swap at the version that it judged.
func (c *call) redeem(param string, kind chain.Kind) (*TokenResponse, error) {
	s := c.s
	presented := c.params.Get(param)
	if presented == "" {
		return nil, refuse("invalid_request", param+" is missing")
	}
	cred, ok := s.parseCredential(presented)
	if !ok || cred.Kind != kind { // TestKindsAreNotConfused
		return nil, errGrant("not a credential of this kind")
	}
	c.event.Grant = grantID(cred.Grant)
	row, err := s.grants.Get(c.ctx, grantID(cred.Grant))
	if err != nil {
		return nil, err
	}
	var nonce [16]byte
	rand.Read(nonce[:])
	var st *standing
	again := false
	for range table.Rounds {
		if row.Version == 0 {
			return nil, errGrant("no such grant")
		}
		g := &row.Value
		verdict, successor := g.chain.Judge(s.chainKeys, cred, c.now, s.config.RefreshGrace)
		if verdict == chain.Unproven {
			return nil, errGrant("the credential does not prove itself")
		}
		a, err := c.check(g, kind, cred.Grant, &st)
		if err != nil {
			return nil, err
		}
		action := verdict.Action(kind, c.write.Doubt(), again)
		if action == chain.Rotate && kind == chain.Code && c.now >= g.codeExpires { // TestExchangeExpires
			return nil, errGrant("the code has expired")
		}
		switch action {
		case chain.Rotate, chain.Answer:
			tok, err := c.mint(c.app, a, g.public(cred.Grant))
			if err != nil {
				return nil, c.endIfRefused(row, err)
			}
			if err := c.spend(); err != nil {
				return nil, err
			}
			if action == chain.Rotate {
				next := row
				next.Value.chain, successor = g.chain.Next(s.chainKeys, cred, nonce, c.now)
				next.Expires = c.needed(&next.Value, a)
				if row, err = s.grants.Swap(c.ctx, c.write, next); errors.Is(err, store.ErrConflict) {
					continue
				} else if err != nil {
					return nil, err
				}
			}
			c.event.Retried = action == chain.Answer
			return c.tokens(g, cred.Grant, a, tok, successor), nil
		case chain.End:
			// Whoever repeats a whole request, assertion and all, has not proved to be the client.
			if err := c.spend(); err != nil {
				return nil, err
			}
			row.Value.ended = true
			if row, err = s.grants.Swap(c.ctx, table.NewWrite(), row); errors.Is(err, store.ErrConflict) {
				continue
			} else if err != nil {
				return nil, err
			}
			c.event.Reused = true
			return nil, errGrant("the credential was used before; its grant is over")
		case chain.Reread:
			again = true
			if row, err = s.grants.Get(c.ctx, row.ID); err != nil {
				return nil, err
			}
		default:
			return nil, errGrant("the credential is spent, or newer than what is stored")
		}
	}
	return nil, unavailable(table.ErrUnavailable)
}

// errGrant is the one answer for every credential that is not good. The cause tells the operator.
func errGrant(cause string) *Error {
	return because(errCause(cause), "invalid_grant", "the code or token is unknown, expired, spent or not for this client")
}

func (s *Server) parseCredential(text string) (chain.Credential, bool) {
	return chain.Parse(s.config.CredentialPrefix, s.profile.Hex, text)
}

// check returns the facts of the access token that the request gets, if all about it is right but the
// credential itself. What the records beside the grant say is read once, into st.
func (c *call) check(g *grant, kind chain.Kind, id chain.ID, st **standing) (*access, error) {
	if err := c.holds(g, kind); err != nil {
		return nil, err
	}
	if *st == nil {
		read, err := c.standing(c.app, g.tenant, g.subject)
		if err != nil {
			return nil, err
		}
		*st = &read
	}
	if err := c.lives(g, kind, *st); err != nil {
		return nil, err
	}
	return c.narrowed(g, *st, id)
}

// holds checks that the credential is this client's to use, as it uses it.
func (c *call) holds(g *grant, kind chain.Kind) error {
	if g.app != c.app.ID { // TestExchangeByStrangers, TestRefreshStrangersEndNothing
		return errGrant("it belongs to another client")
	}
	c.event.Subject, c.event.Tenant = g.subject, g.tenant
	if t := c.params.Get("tenant"); t != "" && t != g.tenant { // TestExchangeBindings
		return errGrant("it belongs to another tenant")
	}
	if kind != chain.Code {
		return nil
	}
	uri := c.params.Get("redirect_uri")
	sum := sha256.Sum256([]byte(uri))
	switch {
	case len(g.redirect) == 0 && uri != "": // TestExchangeBindings
		return errGrant("redirect_uri was not in the authorization request")
	case len(g.redirect) > 0 && subtle.ConstantTimeCompare(g.redirect, sum[:]) != 1: // TestExchangeBindings
		return because(errCause("redirect_uri differs"), "invalid_grant", "redirect_uri is not the one of the authorization request")
	case uri != "" && !c.app.Manifest.AllowsRedirect(uri): // TestExchangeBindings
		return errGrant("the app has given up the redirect_uri since")
	}
	verifier := c.params.Get("code_verifier")
	switch {
	case g.challenge == "" && verifier != "": // TestExchangeBindings
		// RFC 9700, Section 2.1.1: else a request stripped of its challenge goes unnoticed.
		return refuse("invalid_grant", "code_verifier without a code_challenge in the authorization request")
	case g.challenge != "" && verifier == "":
		return refuse("invalid_grant", "code_verifier is missing")
	case g.challenge != "":
		if err := pkce.Verify(verifier, g.challenge); err != nil { // TestExchangeBindings
			return because(err, "invalid_grant", err.Error())
		}
	}
	return nil
}

// lives checks that nothing has ended the grant: itself, time, or an epoch.
func (c *call) lives(g *grant, kind chain.Kind, st *standing) error {
	switch {
	case g.ended: // TestExchangeReplay
		return errGrant("the grant is over")
	case c.now >= g.expires: // TestRefreshExpires
		return errGrant("the grant has expired")
	case kind == chain.Refresh && c.now >= g.chain.Rotated+c.s.refreshLifetime(c.app): // TestRefreshExpires
		return errGrant("the refresh token was not used for too long")
	case kind == chain.Refresh && g.subject == "" && !c.app.Policy.InsecureRefreshForClientCredentials: // TestRefreshOfClientCredentials
		return errGrant("the app may not refresh for itself any more")
	case g.epochs != st.epochs(): // TestExchangeAfterTheEnd, TestEndings
		return errGrant("the app, the installation, the consent or the subject ended it")
	case !st.installed(): // TestPlatformEnds
		return errGrant("the app is not installed there now")
	}
	return nil
}

// narrowed returns the facts of the access token that this request gets: what it asks for within the
// grant, within what is permitted now.
func (c *call) narrowed(g *grant, st *standing, id chain.ID) (*access, error) {
	scopes := g.scopes
	if c.params.Get("scope") != "" {
		asked, err := parseScope(c.params.Get("scope"))
		if err != nil {
			return nil, err
		}
		if !scope.Subset(asked, g.scopes) { // TestRefreshNarrows
			return nil, refuse("invalid_scope", "scope is more than was granted")
		}
		scopes = asked
	}
	permitted := st.permitted(scopes, g.consented)
	if len(permitted) == 0 && len(scopes) > 0 { // TestRefreshWithinTheManifest
		return nil, refuse("invalid_scope", "nothing of the scope is permitted any more")
	}
	resources, err := narrowResources(g.resources, c.params["resource"])
	if err != nil {
		return nil, err
	}
	if resources = st.audience(resources, g.consented); len(resources) == 0 {
		return nil, refuse("invalid_target", "no resource is permitted any more")
	}
	for _, r := range resources {
		if !c.s.allowsResource(c.app, r) {
			return nil, refuse("invalid_target", "a resource is not permitted any more")
		}
	}
	return c.access(newAccessID(id), permitted, resources, g.expires), nil
}

// access is the facts of a token that begins now and ends no later than its grant.
func (c *call) access(id accessID, scopes, resources []string, end int64) *access {
	expires := c.now + c.s.accessLifetime(c.app)
	if end != 0 {
		expires = min(expires, end)
	}
	return &access{id: id, app: c.app.ID, issued: c.now, expires: expires, scopes: scopes, resources: resources}
}

// needed is until when the record of g is needed: while it can be refreshed or its tokens live.
func (c *call) needed(g *grant, a *access) int64 {
	until := a.expires
	if g.refreshable {
		until = max(until, min(g.expires, c.now+c.s.refreshLifetime(c.app)))
	}
	return until + recordSlack
}

// tokens is the answer.
func (c *call) tokens(g *grant, id chain.ID, a *access, tok string, successor chain.Credential) *TokenResponse {
	t := &TokenResponse{AccessToken: tok, TokenType: "Bearer", ExpiresIn: time.Duration(a.expires-a.issued) * time.Second,
		Scopes: a.scopes, IssuedAt: time.Unix(a.issued, 0), Grant: g.public(id)}
	if g.refreshable {
		t.RefreshToken = successor.Encode(c.s.config.CredentialPrefix, c.s.profile.Hex)
	}
	c.event.Scopes = a.scopes
	return t
}

// endIfRefused ends the grant if the claims hook said that it is no longer good, say of a disabled
// user. Any other error burns nothing.
func (c *call) endIfRefused(row table.Row[grant], err error) error {
	var e *Error
	if !errors.As(err, &e) || e.Code != "invalid_grant" {
		return err
	}
	row.Value.ended = true
	if _, swapErr := c.s.grants.Swap(c.ctx, c.write, row); swapErr != nil {
		return unavailable(swapErr) // the client asks again, and so is the hook
	}
	return err
}
