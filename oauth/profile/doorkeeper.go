package profile

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/oauthcore/oauthcore/oauth"
)

// Doorkeeper speaks like the Doorkeeper gem of Ruby on Rails.
//
//	deviation from strict                  what it means
//	JSON bodies                            as in [JSON]
//	access tokens of 64 hex digits         handles: nothing can be read from one, and each use asks the store
//	refresh tokens and codes in hex        the library's own, 138 and 98 digits with no Config.CredentialPrefix
//	token answers with scope, always, and created_at, Unix seconds
//	revocation answers {}                  also for a token that is not known
//	revocation by a bad client is 403      one answer, unauthorized_client, for a client that cannot be
//	                                       authenticated and for a token of another
//	no key set                             nothing is signed
//
// None is weaker. The page /oauth/token/info is the host's: see the example. An app that sends no PKCE needs
// Policy.InsecureNoPKCE, and one that sends client_id and client_secret in the body registers
// client_secret_post.
func Doorkeeper() *oauth.Profile {
	return &oauth.Profile{
		Request: func(_ string, r *http.Request) (url.Values, error) { return readBody(r) },
		Reply:   replyDoorkeeper,
		Paths: oauth.Paths{Authorize: "/oauth/authorize", Token: "/oauth/token", Introspect: "/oauth/introspect",
			Revoke: "/oauth/revoke", JWKS: "-"},
		Hex:     true,
		Handles: true,
	}
}

func replyDoorkeeper(r *oauth.Reply) {
	switch {
	case r.Token != nil:
		r.Body["scope"] = strings.Join(r.Token.Scopes, " ")
		r.Body["created_at"] = r.Token.IssuedAt.Unix()
	case r.Endpoint != "revoke":
	case r.Err == nil:
		r.Body = map[string]any{}
	case r.Err.Code == "invalid_client" || r.Err.Code == "unauthorized_client":
		r.Status = http.StatusForbidden
		r.Header.Del("WWW-Authenticate")
		r.Body = map[string]any{"error": "unauthorized_client", "error_description": "the client may not revoke this token"}
	}
}
