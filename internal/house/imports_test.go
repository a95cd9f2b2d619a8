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

	"store/memory":     {"store"},
	"store/redisstore": {"store"},
	"store/sqlstore":   {"store"},
	"storetest":        {"store"},
	"registry":         {"store"},

	"oauth":           {"pkce", "token", "store", "registry"},
	"oauth/profile":   {"pkce", "token", "store", "registry", "oauth"},
	"oauth/oauthtest": {"pkce", "token", "store", "registry", "oauth", "oauth/resource"},
	"oauth/resource":  {"token"},

	"internal/attack":    {},
	"internal/chain":     {},
	"internal/engine":    {},
	"internal/fetch":     {},
	"internal/house":     {},
	"internal/jose":      {},
	"internal/mutation":  {},
	"internal/recent":    {},
	"internal/recorder":  {},
	"internal/scope":     {},
	"internal/seal":      {},
	"internal/soak":      {},
	"internal/standards": {},
	"internal/table":     {"store"},

	"store/sqlstore/internal/proof": {},
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
var forTests = []string{"storetest", "oauth/oauthtest", "internal/engine", "internal/recorder"}

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

// direct are the modules that each of ours may require, and whether for its tests only.
var direct = map[string]map[string]bool{
	module: {
		"github.com/go-jose/go-jose/v4": false,
		"golang.org/x/crypto":           false,
		"github.com/google/go-cmp":      true,
	},
	module + "/store/redisstore": {
		module:                         false,
		"github.com/redis/go-redis/v9": false,
		"github.com/google/go-cmp":     true,
	},
	module + "/store/sqlstore": {
		module:                           false,
		"github.com/go-sql-driver/mysql": true,
		"github.com/google/go-cmp":       true,
		"github.com/jackc/pgx/v5":        true,
		"modernc.org/sqlite":             true,
	},
}

func TestDirectDependencies(t *testing.T) {
	for path, allowed := range direct {
		rel := strings.TrimPrefix(path, module)
		cmd := exec.Command("go", "mod", "edit", "-json")
		cmd.Dir = root + rel
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("go mod edit in %s: %v", cmd.Dir, err)
		}
		var mod struct {
			Module  struct{ Path string }
			Require []struct {
				Path, Version string
				Indirect      bool
			}
			Replace []struct{ Old struct{ Path string } }
		}
		if err := json.Unmarshal(out, &mod); err != nil {
			t.Fatal(err)
		}
		if mod.Module.Path != path {
			t.Errorf("%s/go.mod is of %s, want %s", cmd.Dir, mod.Module.Path, path)
		}
		for _, r := range mod.Replace {
			if path == module || r.Old.Path != module {
				t.Errorf("%s/go.mod replaces %s", cmd.Dir, r.Old.Path)
			}
		}
		for _, r := range mod.Require {
			if _, ok := allowed[r.Path]; !ok && !r.Indirect {
				t.Errorf("%s/go.mod requires %s %s, which is not among its dependencies", cmd.Dir, r.Path, r.Version)
			}
		}
	}

	check := func(p *listed, imports []string, tests bool) {
		for _, i := range imports {
			if first, _, _ := strings.Cut(i, "/"); !strings.Contains(first, ".") || i == module || strings.HasPrefix(i, module+"/") {
				continue
			}
			known := false
			for path, testsOnly := range direct[p.Module.Path] {
				known = known || (i == path || strings.HasPrefix(i, path+"/")) && (tests || !testsOnly)
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
