package registry

import (
	"fmt"
	"slices"
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
		if !isScope(s) {
			return fmt.Errorf("%q is not a scope", s)
		}
		if slices.Contains(scopes[:i], s) {
			return fmt.Errorf("%q comes twice", s)
		}
	}
	return nil
}

func isScope(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return false
		}
	}
	return s != ""
}

// within returns those of list that are in set, without those in it.
func within(list, set []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return !slices.Contains(set, s) })
}

// without returns those of list that are not in set.
func without(list, set []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(set, s) })
}

// union returns list and what more adds to it, each once.
func union(list, more []string) []string {
	list = slices.Clone(list)
	for _, s := range more {
		if !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}
