package oauth

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/oauthcore/oauthcore/token"
)

// Profile is a dialect: how a given kind of server differs on the wire. Package oauth/profile has some.
// Its functions are called by many goroutines.
type Profile struct {
	_ [0]func()

	// Request reads the parameters of a request to the endpoint "token", "introspect" or "revoke", whose
	// body is bounded. A refusal is an [*Error]. nil: [ReadForm]. What it returns is held to the same rules
	// as a form: no parameter twice, no control characters, and an empty one counts as absent.
	Request func(endpoint string, r *http.Request) (url.Values, error)

	// Reply edits the finished answer of these endpoints. nil: as the RFCs say.
	Reply func(r *Reply)

	// Claims maps the claims of a JWT to its header type and payload, which is encoded as JSON. To be
	// introspected and revoked at this server the type must be at+jwt, JWT or empty, and the payload must
	// keep iss, exp, iat, jti, sub, client_id, scope and, where there is one, tenant. nil: at+jwt of RFC 9068.
	Claims func(c *token.Claims) (typ string, claims any)

	// Paths are where the dialect has its endpoints. What Config.Paths says goes before; "-" is for an
	// endpoint that the dialect does not know.
	Paths Paths

	Hex bool // codes, refresh and opaque tokens in hexadecimal

	// Handles makes every access token, whatever the app's policy says, a handle: 256 random bits that tell
	// nothing, in hexadecimal 64 digits. A record under its hash holds the token, sealed, and expires with
	// it, so that each token costs one write, and each look at one a read more. Servers on one store switch it
	// together: one without it neither accepts nor revokes a handle.
	Handles bool

	// RevokeRefreshOnly refuses to revoke an access token, with unsupported_token_type (RFC 7009, Section
	// 2.2.1). Such a token ends when its grant does, or expires.
	RevokeRefreshOnly bool
}

// Reply is an answer about to be written; a Profile may edit it. It prints, and encodes as JSON, without Body and
// Token.
type Reply struct {
	Endpoint string
	Status   int
	Header   http.Header
	Body     map[string]any `json:"-"` // the JSON object; nil: empty
	Err      *Error         // nil: success
	Token    *TokenResponse `json:"-"` // of the token endpoint
}

// Format prints r without Body and Token, whatever the verb.
func (r Reply) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, "Reply(%s %d)", r.Endpoint, r.Status)
}
