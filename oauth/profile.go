package oauth

import (
	"net/http"
	"net/url"

	"github.com/oauthcore/oauthcore/token"
)

// Profile is a dialect: how a given kind of server differs on the wire. Package oauth/profile has some.
// Its functions are called by many goroutines.
type Profile struct {
	_ [0]func()

	// Request reads the parameters of a request to the endpoint "token", "introspect" or "revoke", whose
	// body is bounded. A refusal is an [*Error]. nil: form body only.
	Request func(endpoint string, r *http.Request) (url.Values, error)

	// Reply edits the finished answer of these endpoints. nil: as the RFCs say.
	Reply func(r *Reply)

	// Claims maps the claims of a JWT to its header type and payload, which is encoded as JSON. To be
	// introspected and revoked at this server the type must be at+jwt, JWT or empty, and the payload must
	// keep iss, exp, iat, jti, sub, client_id, scope and, where there is one, tenant. nil: at+jwt of RFC 9068.
	Claims func(c *token.Claims) (typ string, claims any)

	Hex bool // codes, refresh and opaque tokens in hexadecimal
}

// Reply is an answer about to be written; a Profile may edit it.
type Reply struct {
	Endpoint string
	Status   int
	Header   http.Header
	Body     map[string]any // the JSON object; nil: empty
	Err      *Error         // nil: success
	Token    *TokenResponse // of the token endpoint
}
