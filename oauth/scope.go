package oauth

import (
	"slices"
	"strings"

	"github.com/oauthcore/oauthcore/internal/scope"
)

// maxScopes bounds what one request may ask for and one grant may hold.
const maxScopes = 100

// parseScope splits a scope parameter (RFC 6749, Section 3.3): tokens separated by single spaces.
// Repeated tokens collapse. An absent parameter has no scopes.
func parseScope(s string) ([]string, error) {
	if s == "" {
		return nil, nil
	}
	if strings.Count(s, " ") > maxScopes*4 {
		return nil, refuse("invalid_scope", "too many scopes")
	}
	var scopes []string
	for t := range strings.SplitSeq(s, " ") {
		if !scope.Valid(t) {
			return nil, refuse("invalid_scope", "scope is not a list of scope-tokens separated by single spaces")
		}
		if !slices.Contains(scopes, t) {
			scopes = append(scopes, t)
		}
		if len(scopes) > maxScopes {
			return nil, refuse("invalid_scope", "too many scopes")
		}
	}
	return scopes, nil
}
