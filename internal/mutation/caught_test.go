package mutation_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

var apply = flag.Bool("apply", false, "apply each weakening, run the tests, and write REPORT.md")

// patience is how long the tests of one package may take.
const patience = "5m"

// TestEachIsCaught applies the weakenings and runs the tests of their packages.
func TestEachIsCaught(t *testing.T) {
	if !*apply {
		return // a skip would be taken for something that this machine lacks
	}
	list := weakenings(t)
	r := readReport(t, list)
	var mu sync.Mutex
	sound := make(map[string]func() error) // the tests of a package pass without a weakening
	for _, w := range list {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			mu.Lock()
			if sound[w.pkg()] == nil {
				sound[w.pkg()] = sync.OnceValue(func() error { return passes(t, w.pkg()) })
			}
			passes := sound[w.pkg()]
			mu.Unlock()
			if err := passes(); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			test, err := caught(t, w)
			if err != nil {
				t.Fatalf("%s\n%s\n- %s\n+ %s\n%v", w.gain, w.file, w.from, w.to, err)
			}
			t.Logf("caught by %s", test)
			if err := r.add(w, test, time.Since(began)); err != nil {
				t.Error(err)
			}
		})
	}
}

// passes returns an error unless the tests of a package pass as they are.
func passes(t *testing.T, pkg string) error {
	out, err := goTest(t, pkg)
	if err != nil {
		return fmt.Errorf("the tests of %s fail without a weakening: %v\n%s", pkg, err, out)
	}
	return nil
}

// caught returns the name of a test that fails with w.
func caught(t *testing.T, w *weakening) (string, error) {
	src, err := w.apply()
	if err != nil {
		return "", err
	}
	dir := t.TempDir()
	file, overlay := filepath.Join(dir, "weakened.go"), filepath.Join(dir, "overlay.json")
	original, err := filepath.Abs(filepath.Join(root, w.file))
	if err != nil {
		return "", err
	}
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{original: file}})
	if err != nil {
		return "", err
	}
	if err := errors.Join(os.WriteFile(file, src, 0o600), os.WriteFile(overlay, replace, 0o600)); err != nil {
		return "", err
	}
	// The likely tests come first: the whole may take long.
	if likely := w.likely(); likely != "" {
		if out, err := goTest(t, "-overlay", overlay, "-run", likely, w.pkg()); err != nil {
			return verdict(out)
		}
	}
	out, err := goTest(t, "-overlay", overlay, w.pkg())
	if err == nil {
		return "", errors.New("it survived: no test noticed")
	}
	return verdict(out)
}

func goTest(t *testing.T, args ...string) (string, error) {
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"test", "-count=1", "-failfast", "-vet=off", "-timeout", patience}, args...)...)
	cmd.Dir = root
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

var failed = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+) \(`)

// verdict returns the test that failed first, by the output of a go test that did.
func verdict(out string) (string, error) {
	test := ""
	for _, m := range failed.FindAllStringSubmatch(out, -1) {
		if test == "" || strings.HasPrefix(m[1], test+"/") {
			test = m[1]
		}
	}
	switch {
	case test != "":
		return test, nil
	case strings.Contains(out, "panic: test timed out"):
		return "", fmt.Errorf("it ran out of time, which proves nothing:\n%s", head(out))
	case strings.Contains(out, "\npanic: ") || strings.HasPrefix(out, "panic: "):
		return "a panic", nil
	}
	return "", fmt.Errorf("no test failed, and yet:\n%s", head(out))
}

func head(out string) string { return out[:min(len(out), 2000)] }

func TestVerdict(t *testing.T) {
	for _, test := range []struct{ name, out, want string }{
		{"a test", "--- FAIL: TestA (0.00s)\n    a_test.go:1: no\nFAIL\n", "TestA"},
		{"a subtest", "--- FAIL: TestA (0.00s)\n    --- FAIL: TestA/b_c (0.00s)\n--- FAIL: TestD (0.00s)\n", "TestA/b_c"},
		{"a panic in a test", "--- FAIL: TestA (0.00s)\npanic: x [recovered]\n", "TestA"},
		{"a panic beside one", "panic: x\n\ngoroutine 8 [running]:\n", "a panic"},
		{"out of time", "panic: test timed out after 5m0s\n", ""},
		{"a build that fails", "# p\n./a.go:1: undefined: x\nFAIL\tp [build failed]\n", ""},
	} {
		if got, err := verdict(test.out); got != test.want || err == nil != (test.want != "") {
			t.Errorf("%s: got %q, %v, want %q", test.name, got, err, test.want)
		}
	}
}
