package oauth

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/token"
)

// lifetimes are taken from the app's policy at each use and not kept in the grant: a platform that
// shortens one is obeyed at once.
func (s *Server) accessLifetime(app *registry.App) int64 {
	return seconds(app.Policy.AccessLifetime, s.config.AccessLifetime, maxAccessLifetime)
}

func (s *Server) refreshLifetime(app *registry.App) int64 {
	return seconds(app.Policy.RefreshLifetime, s.config.RefreshLifetime, maxGrantLifetime)
}

// seconds is a lifetime of a policy, zero if it has none, within the bounds of the configuration: a policy
// of a host's own [Apps] was checked by nobody.
func seconds(d, zero, most time.Duration) int64 {
	if d <= 0 {
		d = zero
	}
	return int64(min(max(d, time.Second), most) / time.Second)
}

// maxClaims bounds what an access token is worth; a JWT has to hold it.
const maxClaims = 16 << 10

// mint makes the access token of a, in the form that the profile or the app's policy wants. Whatever the form,
// the claims hook may refuse, and so do claims that could not be told: times of a clock gone wrong, values of the
// hook that are no JSON or have no end.
func (c *call) mint(app *registry.App, a *access, g *Grant) (string, error) {
	claims, err := c.claims(a, g)
	if err != nil {
		return "", err
	}
	s := c.s
	if !s.profile.Handles && !app.Policy.Opaque && s.profile.Claims == nil {
		return s.config.Keys.Sign(claims)
	}
	switch said, err := claims.MarshalJSON(); { // TestClaimsHookChangesTooMuch, TestMintAtAWrongTime
	case err != nil:
		return "", err
	case len(said) > maxClaims:
		return "", fmt.Errorf("oauth: claims of %d bytes, want at most %d", len(said), maxClaims)
	}
	switch {
	case s.profile.Handles:
		return c.newHandle(a), nil
	case app.Policy.Opaque:
		return s.encodeToken(s.sealAccess(a, nil)), nil
	}
	typ, mapped := s.profile.Claims(claims)
	payload, err := json.Marshal(mapped)
	if err != nil {
		return "", err
	}
	return s.config.Keys.SignJWT(typ, payload, claims.IssuedAt)
}

// sealAccess seals a for who names bound again.
func (s *Server) sealAccess(a *access, bound []byte) []byte {
	return s.accessKeys.Seal(a.appendBinary(make([]byte, 0, 256)), bound)
}

// encodeToken is the text of an access token that is not a JWT.
func (s *Server) encodeToken(b []byte) string {
	if s.profile.Hex {
		return s.config.CredentialPrefix + hex.EncodeToString(b)
	}
	return s.config.CredentialPrefix + base64.RawURLEncoding.EncodeToString(b)
}

// claims says what the token a of grant g is worth now, with the hook's additions.
func (c *call) claims(a *access, g *Grant) (*token.Claims, error) {
	claims := &token.Claims{
		Issuer: c.s.config.Issuer, Subject: g.Login.Subject, Audience: a.resources,
		Expires: time.Unix(a.expires, 0), IssuedAt: time.Unix(a.issued, 0), ID: a.id.String(),
		ClientID: a.app, Scopes: a.scopes, Tenant: g.Login.Tenant,
		AuthTime: g.Login.Time, ACR: g.Login.ACR, AMR: slices.Clone(g.Login.AMR),
	}
	hook := c.s.config.Claims
	if hook == nil {
		return claims, nil
	}
	before := *claims
	claims.Audience, claims.Scopes, claims.AMR = slices.Clone(before.Audience), slices.Clone(before.Scopes), slices.Clone(before.AMR)
	if err := hook(c.ctx, g, claims); err != nil {
		return nil, err
	}
	// The hook adds; what the server says of a token is not its to change.
	after := *claims
	after.Roles, after.Groups, after.Entitlements, after.Extra = nil, nil, nil, nil
	if !reflect.DeepEqual(before, after) { // TestClaimsHookChangesTooMuch
		return nil, errors.New("oauth: Config.Claims changed more than Roles, Groups, Entitlements and Extra")
	}
	return claims, nil
}
