package house

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestRootFolder keeps the front page of the repository a table of contents.
func TestRootFolder(t *testing.T) {
	folders := []string{"examples", "internal", "oauth", "pkce", "registry", "store", "storetest", "token"}
	files := []string{"CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "SECURITY.md", "doc.go", "go.mod", "go.sum", "go.work"}
	optional := []string{"go.work.sum"}

	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	var have []string
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") {
			continue
		}
		have = append(have, name)
		if e.IsDir() && !slices.Contains(folders, name) || !e.IsDir() && !slices.Contains(files, name) && !slices.Contains(optional, name) {
			t.Errorf("%s does not belong in the root folder", name)
		}
	}
	for _, name := range slices.Concat(folders, files) {
		if !slices.Contains(have, name) {
			t.Errorf("the root folder lacks %s", name)
		}
	}
}

// unfinished are words that say that work was left. They are put together here so as not to find themselves.
var unfinished = regexp.MustCompile(`\b(` + strings.Join([]string{"TO" + "DO", "FIX" + "ME", "XX" + "X"}, "|") + `)\b|not (yet )?imple` + `mented`)

// home is a folder of somebody's machine.
var home = regexp.MustCompile(`(^|[\s"'=(])/(home|Users|root|work)/[a-z]`)

func TestNothingIsLeftUnfinished(t *testing.T) {
	text := []string{".go", ".md", ".html", ".css", ".json", ".mod", ".work", ".txt", ""}
	walk(t, func(path string) {
		if !slices.Contains(text, filepath.Ext(path)) || strings.Contains(path, "/testdata/") || path == "LICENSE" {
			return
		}
		for i, line := range strings.Split(read(t, path), "\n") {
			if w := unfinished.FindString(line); w != "" {
				t.Errorf("%s:%d: %q: do it, or open an issue", path, i+1, w)
			}
			if w := home.FindString(line); w != "" {
				t.Errorf("%s:%d: %q is a path of one machine", path, i+1, strings.TrimSpace(w))
			}
		}
	})
}

// TestLongFiles names files that may want a split. It is a place to look, not a rule.
func TestLongFiles(t *testing.T) {
	walk(t, func(path string) {
		if filepath.Ext(path) != ".go" {
			return
		}
		if n := strings.Count(read(t, path), "\n"); n > 600 {
			t.Logf("%s has %d lines: is there a split that a reader would be thankful for?", path, n)
		}
	})
}
