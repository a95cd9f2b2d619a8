package registry

import (
	"fmt"
	"slices"

	"github.com/oauthcore/oauthcore/internal/scope"
)

const (
	maxScopes = 100
	maxScope  = 256 // bytes
)

// checkScopes accepts at most 100 different scopes, each a scope-token (RFC 6749, Section 3.3) of at most
// 256 bytes.
func checkScopes(scopes []string) error {
	if len(scopes) > maxScopes {
		return fmt.Errorf("got %d, wanted at most %d", len(scopes), maxScopes)
	}
	for i, s := range scopes {
		if len(s) > maxScope {
			return fmt.Errorf("got one of %d bytes, wanted at most %d", len(s), maxScope)
		}
		if !scope.Valid(s) {
			return fmt.Errorf("%q is not a scope", s)
		}
		if slices.Contains(scopes[:i], s) {
			return fmt.Errorf("%q comes twice", s)
		}
	}
	return nil
}
