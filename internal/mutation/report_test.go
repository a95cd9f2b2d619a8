package mutation_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// report is REPORT.md: for each weakening the test that caught it. A run replaces the rows of what it applied and
// keeps the others, one by one, so that a run that is cut short is not lost.
type report struct {
	list []*weakening

	mu   sync.Mutex
	rows map[string]string // by name
}

// begins is how the row of w begins: one that was made of another sentence or another change is not its row.
func (w *weakening) begins() string {
	return fmt.Sprintf("| %s | %s | %s → %s | ", w.name, w.gain, code(w.from), code(w.to))
}

// code is s as code in a table, whatever it holds.
func code(s string) string {
	if s == "" {
		return "nothing"
	}
	s = strings.ReplaceAll(strings.TrimSpace(s), "|", `\|`)
	if strings.Contains(s, "`") {
		return "`` " + s + " ``"
	}
	return "`" + s + "`"
}

func readReport(t *testing.T, list []*weakening) *report {
	t.Helper()
	b, err := os.ReadFile("REPORT.md")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	r := &report{list: list, rows: make(map[string]string)}
	lines := strings.Split(string(b), "\n")
	for _, w := range list {
		for _, line := range lines {
			if strings.HasPrefix(line, w.begins()) {
				r.rows[w.name] = line
			}
		}
	}
	return r
}

// add writes down that w was caught.
func (r *report) add(w *weakening, test string, took time.Duration) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rows[w.name] = fmt.Sprintf("%s%s | %.1f s |", w.begins(), code(test), took.Seconds())
	return os.WriteFile("REPORT.md", r.text(), 0o644)
}

func (r *report) text() []byte {
	var packages []string
	tables, count := make(map[string]*bytes.Buffer), make(map[string]int)
	for _, w := range r.list {
		row, ok := r.rows[w.name]
		if !ok {
			continue
		}
		pkg := strings.TrimPrefix(w.pkg(), "./")
		if tables[pkg] == nil {
			packages, tables[pkg] = append(packages, pkg), new(bytes.Buffer)
		}
		count[pkg]++
		fmt.Fprintln(tables[pkg], row)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Mutation report\n\nWritten by `go test ./internal/mutation -apply`. Each of these %d weakenings was applied alone, and the tests of its own\n"+
		"package failed: the first to do so is named, with the time until then, the build included.\n\n| Package | Weakenings, all caught |\n|---|---|\n", len(r.rows))
	for _, pkg := range packages {
		fmt.Fprintf(&b, "| %s | %d |\n", pkg, count[pkg])
	}
	for _, pkg := range packages {
		fmt.Fprintf(&b, "\n## %s\n\n| Weakening | What it gives away | Change | Caught by | After |\n|---|---|---|---|---|\n%s", pkg, tables[pkg])
	}
	return b.Bytes()
}

// TestReportIsWhole fails for a weakening that is new or was changed, and has not been applied since.
func TestReportIsWhole(t *testing.T) {
	list := weakenings(t)
	r := readReport(t, list)
	for _, w := range list {
		if r.rows[w.name] == "" {
			t.Errorf("%s is not in REPORT.md: apply it, see the package's documentation", w.name)
		}
	}
}
