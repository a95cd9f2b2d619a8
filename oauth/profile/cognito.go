package profile

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/token"
)

// Cognito speaks like a user pool of Amazon Cognito. Its keys should be RSA ones that sign with RS256, and
// its scopes are named identifier/name, where the identifier is the API's.
//
//	deviation from strict                  what it means
//	token errors are 400, error only       no 401, no challenge, no error_description: clients look at error
//	token answers without scope            a client reads the scope from the token
//	client_credentials needs a scope       stricter: none is not all of the app's
//	JWT without typ and without aud        weaker: see below
//	JWT with token_use, version, and always auth_time
//	revocation of refresh tokens only      an access token ends when its grant does, or expires
//	no introspection endpoint              [oauth.Server.Introspect] works
//
// A token that names no audience is good at every API of its issuer that looks at no more than issuer and
// signature. It stays safe if each API requires a scope that bears its own identifier, which no other API's
// tokens have, and if the issuer signs nothing else, so that the type need not tell. An API's guard accepts
// such tokens with Types {""} and InsecureAnyAudience.
//
// A host whose clients leave out the scope sets Request to nil.
func Cognito() *oauth.Profile {
	return &oauth.Profile{
		Request: readCognito,
		Reply:   replyCognito,
		Claims:  claimsCognito,
		Paths: oauth.Paths{Authorize: "/oauth2/authorize", Token: "/oauth2/token", Revoke: "/oauth2/revoke",
			Introspect: "-", JWKS: "/.well-known/jwks.json"},
		RevokeRefreshOnly: true,
	}
}

func readCognito(endpoint string, r *http.Request) (url.Values, error) {
	v, err := oauth.ReadForm(r)
	if err == nil && endpoint == "token" && v.Get("grant_type") == "client_credentials" && v.Get("scope") == "" {
		err = &oauth.Error{Code: "invalid_scope", Description: "scope is missing"}
	}
	return v, err
}

func replyCognito(r *oauth.Reply) {
	if r.Err != nil {
		r.Body = map[string]any{"error": r.Body["error"]}
	}
	if r.Endpoint == "token" {
		asBadRequest(r)
		delete(r.Body, "scope")
	}
}

func claimsCognito(c *token.Claims) (string, any) {
	mapped := *c
	mapped.Audience = nil
	if mapped.AuthTime.IsZero() {
		mapped.AuthTime = c.IssuedAt // an app that acts for itself
	}
	mapped.Extra = maps.Clone(c.Extra)
	if mapped.Extra == nil {
		mapped.Extra = make(map[string]json.RawMessage)
	}
	mapped.Extra["token_use"] = json.RawMessage(`"access"`)
	mapped.Extra["version"] = json.RawMessage(`2`)
	return "", mapped
}

// asBadRequest makes 400 of every status of a refusal, and asks for no other credentials. What is the
// server's own fault stays.
func asBadRequest(r *oauth.Reply) {
	if r.Err != nil && r.Status < http.StatusInternalServerError {
		r.Status = http.StatusBadRequest
		r.Header.Del("WWW-Authenticate")
	}
}
