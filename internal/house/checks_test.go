package house

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	testNamed   = regexp.MustCompile(`// (?:.*[ ,(])?(Test[A-Z]\w*)`)
	testDefined = regexp.MustCompile(`(?m)^func (Test[A-Z]\w*)\(`)
)

// TestChecksNameTheirTests holds security checks to the tests that their comments name: a test of that name
// is beside the code. It fails when the check is removed, which the name is there to let anyone try.
func TestChecksNameTheirTests(t *testing.T) {
	defined := make(map[string]bool) // folder and name
	walk(t, func(path string) {
		if strings.HasSuffix(path, "_test.go") {
			for _, m := range testDefined.FindAllStringSubmatch(read(t, path), -1) {
				defined[filepath.Dir(path)+" "+m[1]] = true
			}
		}
	})
	named := 0
	walk(t, func(path string) {
		if filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return
		}
		for i, line := range strings.Split(read(t, path), "\n") {
			if m := testNamed.FindStringSubmatch(line); m != nil {
				named++
				if !defined[filepath.Dir(path)+" "+m[1]] {
					t.Errorf("%s:%d: there is no %s beside it", path, i+1, m[1])
				}
			}
		}
	})
	t.Logf("%d checks name their tests", named)
	if named == 0 {
		t.Error("no check names its test: the pattern finds nothing")
	}
}
