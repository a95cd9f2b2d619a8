package oauth

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// TokenResponse is the successful answer of RFC 6749, Section 5.1. It prints and logs without its tokens; as JSON it is
// what the client gets.
type TokenResponse struct {
	AccessToken  string
	TokenType    string // Bearer
	ExpiresIn    time.Duration
	RefreshToken string // empty: none
	Scopes       []string
	IssuedAt     time.Time // what ExpiresIn counts from; not on the wire
	Grant        *Grant    // not on the wire
}

// Format prints t without its tokens, whatever the verb.
func (t TokenResponse) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, "TokenResponse(%s %s %q)", t.TokenType, t.ExpiresIn, t.Scopes)
}

// LogValue prints t for log/slog as Format does, for a handler would else write its JSON.
func (t TokenResponse) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(t)) }

// MarshalJSON encodes the members of RFC 6749, Section 5.1.
func (t TokenResponse) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		AccessToken  string `json:"access_token"`
		TokenType    string `json:"token_type"`
		ExpiresIn    int64  `json:"expires_in"`
		RefreshToken string `json:"refresh_token,omitempty"`
		Scope        string `json:"scope,omitempty"`
	}{t.AccessToken, t.TokenType, int64(t.ExpiresIn / time.Second), t.RefreshToken, strings.Join(t.Scopes, " ")})
}
