package attack

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestCatalogue holds catalogue, tests and waivers to each other: each line has a test or a reason why not, and no
// test or reason is for a line that is not there.
func TestCatalogue(t *testing.T) {
	lines := catalogue(t)
	tested, runs := tests(t)
	var waived map[string]string
	readJSON(t, "testdata/waived.json", &waived)
	for _, id := range lines {
		if (tested[id] == "") == (waived[id] == "") {
			t.Errorf("%s: test %q, waiver %q; want one of them", id, tested[id], waived[id])
		}
	}
	for id := range tested {
		if !slices.Contains(lines, id) {
			t.Errorf("%s tests %s, which is not in the catalogue", tested[id], id)
		}
	}
	for _, c := range allCases(t) {
		if !runs[c.Attack] {
			t.Errorf("the case %q is of %s, whose test does not begin with run(t)", c.Name, c.Attack)
		}
	}
	for id := range waived {
		if !slices.Contains(lines, id) {
			t.Errorf("a waiver for %s, which is not in the catalogue", id)
		}
	}
	t.Logf("attack lines: %d in the catalogue, %d tested, with %d cases as data, and %d waived", len(lines), len(tested), len(allCases(t)), len(waived))
}

// catalogue returns the ids of all lines.
func catalogue(t *testing.T) (ids []string) {
	t.Helper()
	b, err := os.ReadFile("catalogue.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^- \*\*(A\d{3})\*\* `).FindAllSubmatch(b, -1) {
		if id := string(m[1]); slices.Contains(ids, id) {
			t.Errorf("%s is there twice", id)
		} else {
			ids = append(ids, id)
		}
	}
	if len(ids) < 300 {
		t.Fatalf("the catalogue has %d lines", len(ids))
	}
	return ids
}

// tests finds the tests of all packages that are named for a line, and those that run cases.
func tests(t *testing.T) (found map[string]string, runs map[string]bool) {
	t.Helper()
	found, runs = make(map[string]string), make(map[string]bool)
	named := regexp.MustCompile(`(?m)^func Test(A\d{3})(_\w+)?\(t \*testing\.T\) \{(\s+run\(t\))?`)
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		b, err := os.ReadFile(path)
		for _, m := range named.FindAllSubmatch(b, -1) {
			id := string(m[1])
			if found[id] != "" {
				t.Errorf("%s is tested in %s and in %s", id, found[id], path)
			}
			found[id] = path
			runs[id] = len(m[3]) > 0
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found, runs
}

func readJSON(t *testing.T, path string, v any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}
