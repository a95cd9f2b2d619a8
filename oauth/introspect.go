package oauth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/oauthcore/oauthcore/internal/chain"
	"github.com/oauthcore/oauthcore/internal/table"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/token"
)

// errInactive is wrapped by all that makes a token inactive.
func errInactive(why string) error { return fmt.Errorf("oauth: %s: %w", why, token.ErrInvalid) }

// maxToken bounds what is looked at as a token at all.
const maxToken = 16 << 10

// Introspect returns what an access token of this server is worth now; a refresh token is not one. An
// error that wraps [token.ErrInvalid] means inactive; any other, that the question could not be answered.
// It fits resource.Config.Introspect.
func (s *Server) Introspect(ctx context.Context, tok string) (*token.Claims, error) {
	c := s.begin(ctx, "introspect", nil)
	defer c.cancel()
	claims, _, err := c.worth(tok)
	return claims, err
}

// introspect is the introspection endpoint (RFC 7662). What a caller may not see is inactive for it.
func (s *Server) introspect(w http.ResponseWriter, r *http.Request) {
	s.direct("introspect", w, r, func(c *call) (json.Marshaler, *TokenResponse, error) {
		if c.app.Manifest.Public() { // TestIntrospectIsFor
			return nil, nil, errClient("a public client cannot introspect")
		}
		tok := c.params.Get("token")
		if tok == "" {
			return nil, nil, refuse("invalid_request", "token is missing")
		}
		body, err := c.describe(tok)
		if errors.Is(err, token.ErrInvalid) {
			c.event.Err = err
			body, err = members{"active": false}, nil
		}
		if err == nil {
			err = c.spend()
		}
		return body, nil, err
	})
}

// describe returns the members of RFC 7662, Section 2.2 for a token that the calling app may see.
func (c *call) describe(tok string) (json.Marshaler, error) {
	claims, app, err := c.worth(tok)
	if errors.Is(err, token.ErrInvalid) {
		if cred, ok := c.s.parseCredential(tok); ok && cred.Kind == chain.Refresh {
			return c.describeRefresh(cred)
		}
	}
	if err != nil {
		return nil, err
	}
	if app.ID != c.app.ID && !mayIntrospect(c.app, claims.Audience) { // TestIntrospectIsFor
		return nil, errInactive("the token is neither the caller's nor for it")
	}
	return active{claims}, nil
}

// active is the answer for a token that is worth something: its claims and two members more.
type active struct{ claims *token.Claims }

func (a active) MarshalJSON() ([]byte, error) {
	b, err := a.claims.MarshalJSON()
	if err != nil {
		return nil, err
	}
	var escaped bytes.Buffer
	escaped.WriteString(`{"active":true,"token_type":"Bearer",`)
	json.HTMLEscape(&escaped, b[1:]) // there is always an iss
	return escaped.Bytes(), nil
}

// mayIntrospect reports whether an app may see tokens of others that are for these resources.
func mayIntrospect(app *registry.App, audience []string) bool {
	p := &app.Policy
	return p.MayIntrospect && (len(p.Resources) == 0 || slices.ContainsFunc(audience, func(r string) bool { // TestIntrospectIsFor
		return slices.Contains(p.Resources, r)
	}))
}

// describeRefresh describes the current refresh token of a grant to the app that holds it. It has no
// audience and a token_type of its own, so that no API takes it for an access token.
func (c *call) describeRefresh(cred chain.Credential) (json.Marshaler, error) {
	c.event.Grant = grantID(cred.Grant)
	row, err := c.s.grants.Get(c.ctx, c.event.Grant)
	if err != nil {
		return nil, err
	}
	g := &row.Value
	if row.Version == 0 || g.app != c.app.ID {
		return nil, errInactive("the refresh token is unknown, or not the caller's")
	}
	if v, _ := g.chain.Judge(c.s.chainKeys, cred, c.now, c.s.config.RefreshGrace); v != chain.Current {
		return nil, errInactive("the refresh token is not the current one")
	}
	st, err := c.standing(c.app, g.tenant, g.subject)
	if err != nil {
		return nil, err
	}
	if err := c.lives(g, chain.Refresh, &st); err != nil {
		return nil, errInactive(err.Error())
	}
	claims, err := c.current(c.access(newAccessID(cred.Grant), g.scopes, g.resources, g.expires), g, &st)
	if err != nil {
		return nil, err
	}
	return members{
		"active": true, "token_type": "refresh_token", "iss": claims.Issuer, "client_id": claims.ClientID, "sub": claims.Subject,
		"scope": strings.Join(claims.Scopes, " "), "iat": g.chain.Rotated,
		"exp": min(g.expires, g.chain.Rotated+c.s.refreshLifetime(c.app)),
	}, nil
}

// open reads the facts of an access token of this server, whatever its form. It says nothing of revocation.
func (c *call) open(tok string) (*access, error) {
	s := c.s
	if len(tok) > maxToken { // TestHugeTokens
		return nil, errInactive("too long")
	}
	if strings.Contains(tok, ".") {
		claims, err := s.verifier.Verify(c.ctx, tok)
		if err != nil {
			return nil, err
		}
		id, ok := parseAccessID(claims.ID)
		if !ok {
			return nil, errInactive("its jti is not of this server")
		}
		return &access{id: id, app: claims.ClientID, tenant: claims.Tenant, issued: claims.IssuedAt.Unix(),
			expires: claims.Expires.Unix(), scopes: claims.Scopes, resources: claims.Audience}, nil
	}
	body, ok := strings.CutPrefix(tok, s.config.CredentialPrefix)
	decode := decodeText
	if s.profile.Hex {
		decode = decodeHex
	}
	sealed, err := decode(body)
	if !ok || err != nil {
		return nil, errInactive("not a token of this server")
	}
	var bound []byte
	if s.profile.Handles && len(sealed) == handleSize {
		if sealed, bound, err = c.readHandle(tok); err != nil {
			return nil, err
		}
	}
	plain, ok := s.accessKeys.Open(sealed, bound) // TestHandleAtRest
	if !ok {
		return nil, errInactive("not sealed by this server")
	}
	a, ok := parseAccess(plain)
	switch {
	case !ok:
		return nil, errInactive("not an access token of this version")
	case c.now >= a.expires: // TestIntrospectInactive
		return nil, errInactive("expired")
	}
	return &a, nil
}

// worth returns what an access token is worth now, and the app that it was given to. It writes nothing.
func (c *call) worth(tok string) (*token.Claims, *registry.App, error) {
	a, err := c.open(tok)
	if err != nil {
		return nil, nil, err
	}
	g := &grant{app: a.app, tenant: a.tenant, epochs: a.id.epochs}
	keys := []string{c.s.marks.Key(denialID(a))}
	if a.id.grant != (chain.ID{}) {
		c.event.Grant = grantID(a.id.grant)
		keys = append(keys, c.s.grants.Key(c.event.Grant))
	}
	rs, err := table.Get(c.ctx, c.s.store, keys...)
	if err != nil {
		return nil, nil, err
	}
	if rs[0].Version != 0 { // TestRevoke
		return nil, nil, errInactive("revoked")
	}
	if len(rs) > 1 {
		row, err := c.s.grants.Decode(rs[1])
		if err != nil {
			return nil, nil, err
		}
		if g = &row.Value; row.Version == 0 || g.ended || g.app != a.app {
			return nil, nil, errInactive("its grant is over")
		}
	}
	app, err := c.s.app(c, a.app)
	if err != nil {
		if asError(err).Code == "invalid_client" {
			err = errInactive("its app may not be used now")
		}
		return nil, nil, err
	}
	st, err := c.standing(app, g.tenant, g.subject)
	if err != nil {
		return nil, nil, err
	}
	if g.epochs != st.epochs() || !st.installed() {
		return nil, nil, errInactive("the app, the installation, the consent or the subject ended it")
	}
	claims, err := c.current(a, g, &st)
	return claims, app, err
}

// current returns the claims of a under its grant as they are now: within what is permitted, and as the
// claims hook has it, whose refusal means inactive.
func (c *call) current(a *access, g *grant, st *standing) (*token.Claims, error) {
	permitted := st.permitted(a.scopes, g.consented)
	if len(permitted) == 0 && len(a.scopes) > 0 {
		return nil, errInactive("nothing of its scope is permitted any more")
	}
	audience := st.audience(a.resources, g.consented)
	if len(audience) == 0 && len(a.resources) > 0 {
		return nil, errInactive("none of its resources is permitted any more")
	}
	a.scopes, a.resources = permitted, audience
	claims, err := c.claims(a, g.public(a.id.grant))
	var refused *Error
	if errors.As(err, &refused) && refused.status() < http.StatusInternalServerError {
		err = errInactive(refused.Error())
	}
	return claims, err
}

// denialID names the record that denies one access token: by its jti, for the text of a token is not its
// only form.
func denialID(a *access) string { return table.Hash("denied", a.id.String()) }
