// Package scope has what every package of the library says about scopes: their grammar (RFC 6749, Section
// 3.3), and lists of them, which have no doubles, as sets. Results are in the order of the first list.
package scope

import "slices"

// Valid reports whether s is a scope-token: 1*( %x21 / %x23-5B / %x5D-7E ).
func Valid(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return s != ""
}

// Within returns those of list that are in set.
func Within(list, set []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return !slices.Contains(set, s) })
}

// Without returns those of list that are not in set.
func Without(list, set []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(set, s) })
}

// Subset reports whether all of list are in set.
func Subset(list, set []string) bool {
	return !slices.ContainsFunc(list, func(s string) bool { return !slices.Contains(set, s) })
}

// Union returns list and what more adds to it, each once.
func Union(list, more []string) []string {
	list = slices.Clone(list)
	for _, s := range more {
		if !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}
