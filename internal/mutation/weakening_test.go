package mutation_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.." // from here, where tests run

// weakening is an entry of weakenings.txt.
type weakening struct {
	name, file string
	gain       string // of an attacker
	from, to   string // parts of one line
}

// pkg is the package whose tests have to catch w.
func (w *weakening) pkg() string { return "./" + path.Dir(w.file) }

// weakenings reads the list.
func weakenings(t *testing.T) []*weakening {
	t.Helper()
	b, err := os.ReadFile("weakenings.txt")
	if err != nil {
		t.Fatal(err)
	}
	list, err := parseList(string(b))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func parseList(text string) (list []*weakening, err error) {
	names := make(map[string]bool)
	for entry := range strings.SplitSeq(text, "\n\n") {
		entry = strings.TrimSpace(entry)
		if entry == "" || strings.HasPrefix(entry, "#") {
			continue
		}
		lines := strings.Split(entry, "\n")
		if len(lines) != 4 {
			return nil, fmt.Errorf("%d lines, want 4: %q", len(lines), entry)
		}
		w := &weakening{gain: lines[1]}
		var ok, from, to bool
		w.name, w.file, ok = strings.Cut(lines[0], " ")
		w.from, from = strings.CutPrefix(lines[2], "- ")
		w.to, to = strings.CutPrefix(lines[3], "+")
		w.to = strings.TrimPrefix(w.to, " ")
		switch {
		case !ok || !from || !to || !strings.HasSuffix(w.gain, ".") || strings.TrimSpace(w.from) == "":
			return nil, fmt.Errorf("not a name and file, a sentence, - and +: %q", entry)
		case names[w.name]:
			return nil, fmt.Errorf("%q is there twice", w.name)
		}
		names[w.name] = true
		list = append(list, w)
	}
	return list, nil
}

// apply returns the file with the weakening in it.
func (w *weakening) apply() ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(root, w.file))
	if err != nil {
		return nil, err
	}
	if n := bytes.Count(b, []byte(w.from)); n != 1 {
		return nil, fmt.Errorf("%s has %q %d times, want once", w.file, w.from, n)
	}
	return bytes.Replace(b, []byte(w.from), []byte(w.to), 1), nil
}

var (
	testNamed   = regexp.MustCompile(`\bTest[A-Z]\w*`)
	testDefined = regexp.MustCompile(`(?m)^func (Test[A-Z]\w*)\(`)
)

// likely matches the tests that should catch w, as go test's -run: those that a comment on its line names, and
// those of the test file beside its file; "" if there are none.
func (w *weakening) likely() string {
	var names []string
	b, _ := os.ReadFile(filepath.Join(root, w.file))
	for line := range strings.Lines(string(b)) {
		if _, comment, ok := strings.Cut(line, " //"); ok && strings.Contains(line, w.from) {
			names = testNamed.FindAllString(comment, -1)
		}
	}
	b, _ = os.ReadFile(filepath.Join(root, strings.TrimSuffix(w.file, ".go")+"_test.go"))
	for _, m := range testDefined.FindAllStringSubmatch(string(b), -1) {
		names = append(names, m[1])
	}
	if names == nil {
		return ""
	}
	return "^(" + strings.Join(names, "|") + ")$"
}

func TestParseList(t *testing.T) {
	const good = "a/b a.go\nIt gives.\n- x\n+ y\n"
	for _, test := range []struct {
		name, text string
		n          int // negative: an error
	}{
		{"an entry and a comment", "# Words.\n\n" + good, 1},
		{"nothing takes its place", "a/b a.go\nIt gives.\n- x\n+\n", 1},
		{"a name twice", good + "\n" + good, -1},
		{"no file", "a/b\nIt gives.\n- x\n+ y\n", -1},
		{"no sentence", "a/b a.go\n- x\n+ y\n", -1},
		{"nothing to find", "a/b a.go\nIt gives.\n- \n+ y\n", -1},
	} {
		list, err := parseList(test.text)
		if err != nil != (test.n < 0) || err == nil && len(list) != test.n {
			t.Errorf("%s: got %d entries and %v, want %d", test.name, len(list), err, test.n)
		}
	}
}

// TestEachApplies keeps the list from rotting: each weakening is found once in its file and compiles.
func TestEachApplies(t *testing.T) {
	list := weakenings(t)
	check := checker(t, list)
	for _, w := range list {
		src, err := w.apply()
		if err == nil {
			err = check(w, src)
		}
		if err != nil {
			t.Errorf("%s: %v", w.name, err)
		}
	}
	t.Logf("%d weakenings", len(list))
}

// checker returns a function that type-checks the package of a weakening with src in the place of its file.
func checker(t *testing.T, list []*weakening) func(w *weakening, src []byte) error {
	t.Helper()
	args := []string{"list", "-deps", "-export", "-json=ImportPath,Dir,Export,GoFiles"}
	seen := make(map[string]bool)
	for _, w := range list {
		if !seen[w.pkg()] {
			args, seen[w.pkg()] = append(args, w.pkg()), true
		}
	}
	cmd := exec.Command("go", args...)
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	type listed struct {
		ImportPath, Dir, Export string
		GoFiles                 []string
	}
	exports, byDir := make(map[string]string), make(map[string]listed)
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		exports[p.ImportPath], byDir[p.Dir] = p.Export, p
	}
	top, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	imp := importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	parsed := make(map[string]*ast.File)

	return func(w *weakening, src []byte) error {
		p := byDir[filepath.Join(top, path.Dir(w.file))]
		var files []*ast.File
		for _, name := range p.GoFiles {
			full := filepath.Join(p.Dir, name)
			if name == path.Base(w.file) {
				f, err := parser.ParseFile(fset, full, src, parser.SkipObjectResolution)
				if err != nil {
					return err
				}
				files = append(files, f)
				continue
			}
			if parsed[full] == nil {
				f, err := parser.ParseFile(fset, full, nil, parser.SkipObjectResolution)
				if err != nil {
					return err
				}
				parsed[full] = f
			}
			files = append(files, parsed[full])
		}
		_, err := (&types.Config{Importer: imp}).Check(p.ImportPath, fset, files, nil)
		return err
	}
}
