package oauth

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/oauthcore/oauthcore/registry"
)

// GrantHandler decides a token request of a host's own grant type. The client is authenticated and may
// use the grant type. A refusal is an [*Error]; it is called again if the client tries again.
type GrantHandler func(ctx context.Context, r *TokenRequest) (*Approval, error)

// TokenRequest is an authenticated request to the token endpoint, without what authenticated it. It prints, and encodes
// as JSON, without what the client sent.
type TokenRequest struct {
	App    *registry.App
	Params url.Values  `json:"-"` // a copy; known parameters are there at most once, resource excepted
	Header http.Header `json:"-"`
}

// Format prints r without its parameters and header, whatever the verb.
func (r TokenRequest) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, "TokenRequest(%q)", r.Params.Get("grant_type"))
}

// token is the token endpoint (RFC 6749, Section 3.2).
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	s.direct("token", w, r, func(c *call) (json.Marshaler, *TokenResponse, error) {
		t, err := c.grantTokens()
		return t, t, err
	})
}

func (c *call) grantTokens() (*TokenResponse, error) {
	grantType := c.params.Get("grant_type")
	c.event.GrantType = printable(grantType)
	var answer func() (*TokenResponse, error)
	switch grantType {
	case "":
		return nil, refuse("invalid_request", "grant_type is missing")
	case "authorization_code":
		answer = c.exchange
	case "refresh_token":
		answer = c.refresh
	case "client_credentials":
		answer = c.clientCredentials
	default:
		handler := c.s.config.GrantTypes[grantType]
		if handler == nil {
			return nil, refuse("unsupported_grant_type", "this server does not know the grant_type")
		}
		answer = func() (*TokenResponse, error) { return c.hosted(handler) }
	}
	if !c.app.Manifest.AllowsGrant(grantType) { // TestExchangeAfterTheEnd
		return nil, refuse("unauthorized_client", "the client may not use this grant_type")
	}
	return answer()
}

// clientCredentials is the client_credentials grant (RFC 6749, Section 4.4), for the tenant that the
// extension parameter tenant names.
func (c *call) clientCredentials() (*TokenResponse, error) {
	if c.app.Manifest.Public() { // TestPublicClientActsForNobody
		return nil, refuse("unauthorized_client", "a public client cannot act for itself")
	}
	return c.start(&grant{
		app:         c.app.ID,
		tenant:      c.params.Get("tenant"),
		refreshable: c.app.Policy.InsecureRefreshForClientCredentials && c.app.Manifest.AllowsGrant("refresh_token"),
	}, nil)
}

// hosted is a grant type of the host.
func (c *call) hosted(handler GrantHandler) (*TokenResponse, error) {
	r := &TokenRequest{App: c.app, Params: url.Values(http.Header(c.params).Clone()), Header: c.header.Clone()}
	for _, secret := range []string{"client_secret", "client_assertion", "client_assertion_type"} { // TestHostGrant
		delete(r.Params, secret)
	}
	delete(r.Header, "Authorization")
	ap, err := handler(c.ctx, r)
	if err != nil {
		return nil, err
	}
	if ap == nil {
		return nil, errApproval("the handler gave neither an Approval nor an error")
	}
	return c.approved(ap)
}
