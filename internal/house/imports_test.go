package house

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// layers says which public packages of ours each package may need, directly or not. Imports run one way:
// a package that is not here has no place yet.
var layers = map[string][]string{
	"":      {},
	"pkce":  {},
	"token": {},
	"store": {},

	"store/memory": {"store"},
	"storetest":    {"store"},
	"registry":     {"store"},

	"oauth":           {"pkce", "token", "store", "registry"},
	"oauth/profile":   {"pkce", "token", "store", "registry", "oauth"},
	"oauth/oauthtest": {"pkce", "token", "store", "registry", "oauth", "oauth/resource"},
	"oauth/resource":  {"token"},

	"internal/chain": {},
	"internal/fetch": {},
	"internal/house": {},
	"internal/jose":  {},
	"internal/scope": {},
	"internal/seal":  {},
	"internal/table": {"store"},
}

func TestImportsRunOneWay(t *testing.T) {
	for _, p := range packages(t) {
		rel := p.rel()
		if strings.HasPrefix(rel, "examples/") {
			for _, i := range p.Imports {
				if strings.HasPrefix(i, module+"/internal/") {
					t.Errorf("%s imports %s: an example shows what hosts can write", rel, i)
				}
			}
			continue
		}
		may, ok := layers[rel]
		if !ok {
			t.Errorf("%s has no layer: say in layers what it may import", rel)
			continue
		}
		for _, d := range p.Deps {
			d, ours := strings.CutPrefix(d, module+"/")
			if ours && strings.HasPrefix(d, "examples/") || ours && isPublic(d) && !slices.Contains(may, d) {
				t.Errorf("%s needs %s, may need %q of ours", rel, d, may)
			}
		}
	}
}

// forTests are the packages that may need testing: their users call them from tests.
var forTests = []string{"storetest", "oauth/oauthtest"}

func TestUsersBinariesStayClean(t *testing.T) {
	for _, p := range packages(t) {
		if rel := p.rel(); !isPublic(rel) || slices.Contains(forTests, rel) {
			continue
		}
		for _, d := range p.Deps {
			if d == "testing" || strings.HasPrefix(d, "testing/") || strings.HasPrefix(d, "github.com/google/go-cmp") {
				t.Errorf("%s needs %s outside its tests", p.rel(), d)
			}
		}
	}
}

// direct are the modules that the root may require. Those marked are for tests only.
var direct = map[string]struct{ testsOnly bool }{
	"github.com/go-jose/go-jose/v4": {},
	"golang.org/x/crypto":           {},
	"github.com/google/go-cmp":      {testsOnly: true},
}

func TestDirectDependencies(t *testing.T) {
	cmd := exec.Command("go", "mod", "edit", "-json")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go mod edit: %v", err)
	}
	var mod struct {
		Module  struct{ Path string }
		Require []struct {
			Path, Version string
			Indirect      bool
		}
		Replace []any
	}
	if err := json.Unmarshal(out, &mod); err != nil {
		t.Fatal(err)
	}
	if mod.Module.Path != module || len(mod.Replace) != 0 {
		t.Errorf("go.mod: got module %s with %d replacements, want %s with none", mod.Module.Path, len(mod.Replace), module)
	}
	for _, r := range mod.Require {
		if _, ok := direct[r.Path]; !ok && !r.Indirect {
			t.Errorf("go.mod requires %s %s: the root has no such dependency", r.Path, r.Version)
		}
	}

	check := func(p *listed, imports []string, tests bool) {
		for _, i := range imports {
			if first, _, _ := strings.Cut(i, "/"); !strings.Contains(first, ".") || i == module || strings.HasPrefix(i, module+"/") {
				continue
			}
			known := false
			for path, d := range direct {
				known = known || (i == path || strings.HasPrefix(i, path+"/")) && (tests || !d.testsOnly)
			}
			if !known {
				t.Errorf("%s imports %s", p.ImportPath, i)
			}
		}
	}
	for _, p := range packages(t) {
		check(p, p.Imports, false)
		check(p, p.TestImports, true)
		check(p, p.XTestImports, true)
	}
}
