package profile

import (
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/token"
)

// IdentityServer speaks like Duende IdentityServer and its predecessors.
//
//	deviation from strict                  what it means
//	JSON bodies at the token endpoint      as in [JSON]; the other endpoints take forms only
//	token errors are 400                   no 401, no challenge: clients look at error
//	no grant_type is unsupported_grant_type, not invalid_request
//	introspection refuses with an empty body: 401 a bad caller, 405 another method, 415 another type
//	revocation errors are 400              but 405 and 415, which are empty
//	JWT whose scope is an array            APIs of ours read both forms
//
// None is weaker. An API introspects with a secret of its own: it is an app whose Policy says MayIntrospect.
// A token that an app was given for itself has the app as its sub, where IdentityServer has none.
func IdentityServer() *oauth.Profile {
	return &oauth.Profile{
		Request: readIdentityServer,
		Reply:   replyIdentityServer,
		Claims:  func(c *token.Claims) (string, any) { return "at+jwt", scopeArray{c} },
		Paths: oauth.Paths{Authorize: "/connect/authorize", Token: "/connect/token", Introspect: "/connect/introspect",
			Revoke: "/connect/revocation", JWKS: "/.well-known/openid-configuration/jwks"},
	}
}

func readIdentityServer(endpoint string, r *http.Request) (url.Values, error) {
	if endpoint != "token" {
		if bodyType(r) != "application/x-www-form-urlencoded" {
			return nil, &oauth.Error{Code: "invalid_request", Description: "the body must be a form", Status: http.StatusUnsupportedMediaType}
		}
		return oauth.ReadForm(r)
	}
	v, err := readBody(r)
	if err == nil && v.Get("grant_type") == "" {
		err = &oauth.Error{Code: "unsupported_grant_type", Description: "grant_type is missing"}
	}
	return v, err
}

func replyIdentityServer(r *oauth.Reply) {
	switch {
	case r.Endpoint == "token":
		asBadRequest(r)
	case r.Status == http.StatusMethodNotAllowed, r.Status == http.StatusUnsupportedMediaType,
		r.Status == http.StatusUnauthorized && r.Endpoint == "introspect":
		r.Body = nil
		r.Header.Del("Content-Type")
	case r.Endpoint == "revoke":
		asBadRequest(r)
	}
}

// scopeArray is the JSON of claims with the scope as an array.
type scopeArray struct{ *token.Claims }

func (c scopeArray) MarshalJSON() ([]byte, error) {
	b, err := c.Claims.MarshalJSON()
	if err != nil || len(c.Scopes) == 0 {
		return b, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(b, &members); err != nil {
		return nil, err
	}
	if members["scope"], err = json.Marshal(c.Scopes); err != nil {
		return nil, err
	}
	return json.Marshal(members)
}
