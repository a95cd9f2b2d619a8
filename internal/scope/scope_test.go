package scope_test

import (
	"slices"
	"testing"

	"github.com/oauthcore/oauthcore/internal/scope"
)

// R6749-3.3-1
func TestValid(t *testing.T) {
	for c := range 256 {
		want := c == 0x21 || 0x23 <= c && c <= 0x5b || 0x5d <= c && c <= 0x7e
		if got := scope.Valid("a" + string([]byte{byte(c)}) + "z"); got != want {
			t.Errorf("Valid with byte %#x is %t, want %t", c, got, want)
		}
	}
	if scope.Valid("") {
		t.Error("the empty string is a scope")
	}
}

// R6749-3.3-1
func TestSets(t *testing.T) {
	list, set := []string{"c", "a", "b"}, []string{"b", "c", "d"}
	for _, c := range []struct {
		name      string
		got, want []string
	}{
		{"Within", scope.Within(list, set), []string{"c", "b"}},
		{"Without", scope.Without(list, set), []string{"a"}},
		{"Union", scope.Union(list, set), []string{"c", "a", "b", "d"}},
		{"Within nothing", scope.Within(list, nil), nil},
		{"Union of nothing", scope.Union(nil, set), set},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s of %q and %q is %q, want %q", c.name, list, set, c.got, c.want)
		}
	}
	if !slices.Equal(list, []string{"c", "a", "b"}) {
		t.Errorf("the list was changed to %q", list)
	}
	if scope.Subset(list, set) || !scope.Subset(list[:1], set) || !scope.Subset(nil, nil) {
		t.Error("Subset is wrong")
	}
}
