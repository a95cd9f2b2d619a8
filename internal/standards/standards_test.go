package standards

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write STANDARDS.md")

const root = "../.." // from here, where tests run

// requirement is a line of checklist.md, with what is said of it elsewhere.
type requirement struct {
	document, id, scope, level, text string

	tests  []string
	reason string
}

// must reports whether a host that embeds the core may rely on it.
func (r *requirement) must() bool {
	return r.scope == "core" && strings.HasPrefix(r.level, "MUST")
}

const id = `(?:R\d+(?:bis)?|OAuth21|MCP|CIMD)-[A-Za-z0-9.-]*\d`

var (
	requirementLine = regexp.MustCompile(`^- (` + id + `) \[(core|extended)\] (MUST NOT|MUST|SHOULD NOT|SHOULD|MAY|-) (.+)$`)
	attacks         = regexp.MustCompile(` \((A\d+(, )?)+\)$`)
	reasonLine      = regexp.MustCompile(`^- (\S.*?): (host|deviation|choice|not built), (.+)$`)
	idComment       = regexp.MustCompile(`^// (` + id + `(?:, ` + id + `)*)$`)
	subtest         = regexp.MustCompile(`^\s*(?:t\.Run\(|\{(?:name: )?)?"((?:[^"\\]|\\.)+)"[:,+]`)
)

// readChecklist returns the requirements by id, and the ids in order.
func readChecklist(t *testing.T) (map[string]*requirement, []string) {
	t.Helper()
	all, ids := make(map[string]*requirement), []string(nil)
	document := ""
	for _, line := range lines(t, "checklist.md") {
		if title, ok := strings.CutPrefix(line, "## "); ok {
			document = title
		}
		if !strings.HasPrefix(line, "- ") {
			continue
		}
		m := requirementLine.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("checklist.md: %q is no requirement", line)
		}
		if all[m[1]] != nil {
			t.Fatalf("checklist.md: %s is there twice", m[1])
		}
		all[m[1]] = &requirement{document: document, id: m[1], scope: m[2], level: m[3], text: attacks.ReplaceAllString(m[4], "")}
		ids = append(ids, m[1])
	}
	return all, ids
}

func lines(t *testing.T, file string) []string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(b), "\n")
}

// readReasons gives requirements their reasons. A line may name several, and all that begin alike by a star.
func readReasons(t *testing.T, all map[string]*requirement, ids []string) {
	t.Helper()
	for _, line := range lines(t, "reasons.md") {
		if !strings.HasPrefix(line, "- ") {
			continue
		}
		m := reasonLine.FindStringSubmatch(line)
		if m == nil {
			t.Errorf("reasons.md: %q is no reason", line)
			continue
		}
		for name := range strings.SplitSeq(m[1], ", ") {
			prefix, many := strings.CutSuffix(name, "*")
			found := false
			for _, id := range ids {
				if id != name && !(many && strings.HasPrefix(id, prefix)) {
					continue
				}
				r := all[id]
				found = true
				switch {
				case r.reason != "":
					t.Errorf("reasons.md has two reasons for %s", id)
				case r.must() && m[2] != "host" && m[2] != "deviation":
					t.Errorf("reasons.md: %s is a core %s: %q does not excuse it", id, r.level, m[2])
				}
				r.reason = m[2] + ": " + m[3]
			}
			if !found {
				t.Errorf("reasons.md names %s, which is no requirement", name)
			}
		}
	}
}

// readTests finds the ids that the repository's tests and cases name.
func readTests(t *testing.T, all map[string]*requirement) {
	t.Helper()
	proves := func(ids []string, name string) {
		for _, id := range ids {
			r := all[id]
			if r == nil {
				t.Errorf("%s names %s, which is no requirement", name, id)
				continue
			}
			r.tests = append(r.tests, name)
		}
	}
	err := fs.WalkDir(os.DirFS(root), ".", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && file != "." && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case strings.HasSuffix(file, "_test.go"):
			return idsOfTests(file, proves)
		case strings.HasSuffix(file, ".json") && strings.Contains(file, "/testdata/"):
			return idsOfCases(file, proves)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		slices.Sort(r.tests)
		r.tests = slices.Compact(r.tests)
	}
}

// idsOfTests reports the comment lines of ids of a file, and the tests that they belong to.
func idsOfTests(file string, proves func(ids []string, name string)) error {
	src, err := os.ReadFile(filepath.Join(root, file))
	if err != nil || !regexp.MustCompile(`(?m)^\s*// `+id).Match(src) {
		return err
	}
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, file, src, parser.ParseComments)
	if err != nil {
		return err
	}
	text := strings.Split(string(src), "\n")
	for _, group := range f.Comments {
		below := text[fset.Position(group.End()).Line] // lines count from one: the one after the comment
		for _, c := range group.List {
			m := idComment.FindStringSubmatch(c.Text)
			if m == nil {
				continue
			}
			name := testAt(f, group)
			if name == "" {
				return fmt.Errorf("%s: %s belongs to no test", fset.Position(c.Pos()), m[1])
			}
			name = path.Dir(file) + "." + name
			if s := subtest.FindStringSubmatch(below); s != nil && !strings.HasPrefix(below, "func ") {
				name += "/" + s[1]
			}
			proves(strings.Split(m[1], ", "), name)
		}
	}
	return nil
}

// testAt returns the test that a comment is in, or is the doc comment of.
func testAt(f *ast.File, group *ast.CommentGroup) string {
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Doc != group && (group.Pos() < fn.Pos() || group.End() > fn.End()) {
			continue
		}
		for _, kind := range []string{"Test", "Fuzz", "Benchmark", "Example"} {
			if strings.HasPrefix(fn.Name.Name, kind) {
				return fn.Name.Name
			}
		}
	}
	return ""
}

// idsOfCases reports the ids of the cases in a file.
func idsOfCases(file string, proves func(ids []string, name string)) error {
	b, err := os.ReadFile(filepath.Join(root, file))
	if err != nil || !strings.Contains(string(b), `"requirements"`) {
		return err
	}
	var doc any
	if err := json.Unmarshal(b, &doc); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	var visit func(v any)
	visit = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, v := range v {
				visit(v)
			}
		case map[string]any:
			var ids []string
			if list, ok := v["requirements"].([]any); ok {
				for _, id := range list {
					ids = append(ids, fmt.Sprint(id))
				}
				proves(ids, fmt.Sprintf("%s %v", file, cmp.Or(v["id"], v["name"])))
			}
			for _, v := range v {
				visit(v)
			}
		}
	}
	visit(doc)
	return nil
}

// table writes the requirements with their tests or reasons.
func table(all map[string]*requirement, ids []string) string {
	var b strings.Builder
	tested := 0
	for _, r := range all {
		if len(r.tests) > 0 {
			tested++
		}
	}
	b.WriteString("# Standards\n\n")
	fmt.Fprintf(&b, "%d requirements of the standards: %d with the tests that prove them, %d with the reason why none does.\n", len(all), tested, len(all)-tested)
	b.WriteString("Written by `go test ./internal/standards -update` from checklist.md, reasons.md and the tests; the package's\ndocumentation says how. [core] marks what the core of OAuth 2.1 needs.\n")
	document := ""
	escape := strings.NewReplacer("|", `\|`)
	for _, id := range ids {
		r := all[id]
		if r.document != document {
			document = r.document
			fmt.Fprintf(&b, "\n## %s\n\n| id | level | requirement | test, or reason |\n|---|---|---|---|\n", document)
		}
		proof := "*" + r.reason + "*"
		if len(r.tests) > 0 {
			proof = "`" + strings.Join(r.tests, "`<br>`") + "`"
		}
		level := r.level
		if r.scope == "core" {
			level += " [core]"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", id, level, escape.Replace(r.text), escape.Replace(proof))
	}
	return b.String()
}

func TestStandards(t *testing.T) {
	all, ids := readChecklist(t)
	if len(ids) < 350 {
		t.Fatalf("checklist.md has %d requirements", len(ids))
	}
	readReasons(t, all, ids)
	readTests(t, all)
	tested := 0
	for _, id := range ids {
		r := all[id]
		switch {
		case len(r.tests) > 0 && r.reason != "":
			t.Errorf("%s has a reason (%s), which it does not need: %s proves it", id, r.reason, r.tests[0])
		case len(r.tests) == 0 && r.reason == "":
			t.Errorf("%s has neither a test nor a reason: [%s] %s %s", id, r.scope, r.level, r.text)
		case len(r.tests) > 0:
			tested++
		}
	}
	t.Logf("requirements: %d tested, %d with a reason", tested, len(ids)-tested)
	if t.Failed() {
		return
	}
	want := table(all, ids)
	if *update {
		if err := os.WriteFile("STANDARDS.md", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(lines(t, "STANDARDS.md"), "\n"); got != want {
		t.Error("STANDARDS.md is out of date: run go test ./internal/standards -update")
	}
}
