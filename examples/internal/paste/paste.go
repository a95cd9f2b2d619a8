// Package paste does in tests what a reader of an example's README does: it starts the program, pastes the
// lines into a shell and looks at what they print.
package paste

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A Run is the run function of an example: it serves until ctx ends.
type Run func(ctx context.Context, args []string, stdout, stderr io.Writer) error

// A Program is a running example.
type Program struct {
	Address string // as the first line says: "Listening on " and the address

	// Stop ends the program, which must then end without an error, and returns all that it printed to stdout. If
	// the test does not call it, its end does.
	Stop func() string
}

// Start runs a program until the test ends.
func Start(t testing.TB, run Run, args ...string) *Program {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	var stderr bytes.Buffer // to be read when the program has ended
	go func() {
		err := run(ctx, args, w, &stderr)
		w.Close()
		ended <- err
	}()
	var stdout strings.Builder
	lines := bufio.NewReader(r)
	first, err := lines.ReadString('\n')
	address, ok := strings.CutPrefix(strings.TrimSpace(first), "Listening on ")
	if err != nil || !ok {
		cancel()
		go io.Copy(io.Discard, lines)
		t.Fatalf("run(%q): the first line is %q, wanted the address; it ended with %v, and its log is\n%s", args, first, <-ended, &stderr)
	}
	stdout.WriteString(first)
	drained := make(chan struct{})
	go func() {
		io.Copy(&stdout, lines)
		close(drained)
	}()
	stop := sync.OnceValue(func() string {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run(%q) ended with %v; its log is\n%s", args, err, &stderr)
		}
		<-drained
		return stdout.String()
	})
	t.Cleanup(func() { stop() })
	return &Program{address, stop}
}

var block = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

// Readme pastes the shell blocks of README.md, one after the other into one shell in that folder, with address
// for the one that is printed there, and checks that each prints what prints has for it.
func Readme(t testing.TB, folder, printed, address string, prints ...[]string) {
	t.Helper()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := block.FindAllStringSubmatch(string(readme), -1)
	if len(blocks) != len(prints) {
		t.Fatalf("README.md has %d shell blocks, wanted %d", len(blocks), len(prints))
	}
	const end = "\x00"
	var lines strings.Builder
	for _, b := range blocks {
		lines.WriteString(strings.ReplaceAll(b[1], printed, address) + `printf '\0'` + "\n")
	}
	outputs := strings.Split(Shell(t, folder, lines.String()), end)
	for i, b := range blocks {
		if !strings.Contains(b[1], printed) {
			t.Errorf("README.md: this block does not speak to %s:\n%s", printed, b[1])
		}
		for _, want := range prints[i] {
			if !strings.Contains(outputs[i], want) {
				t.Errorf("%sprinted\n%s\nwanted %s in it", b[1], outputs[i], want)
			}
		}
	}
}

// Shell pastes lines into a shell in a folder and returns what they print.
func Shell(t testing.TB, folder, lines string) string {
	t.Helper()
	cmd := exec.Command("bash", "-e", "-o", "pipefail", "-c", lines)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "no_proxy=*", "TMPDIR="+folder)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s\nended with %v and printed\n%s%s", lines, err, out, &stderr)
	}
	return string(out)
}

// An Answer is what curl -i printed.
type Answer struct {
	Status string // such as "200"
	Header map[string]string
	Body   string
}

// Curl pastes one command line that has -i among its flags.
func Curl(t testing.TB, line string) Answer {
	t.Helper()
	out := Shell(t, t.TempDir(), line)
	head, body, _ := strings.Cut(out, "\r\n\r\n")
	fields := strings.Split(head, "\r\n")
	words := strings.Fields(fields[0])
	if len(words) < 2 || !strings.HasPrefix(words[0], "HTTP/") {
		t.Fatalf("%s\nprinted no status:\n%s", line, out)
	}
	a := Answer{Status: words[1], Header: make(map[string]string), Body: body}
	for _, f := range fields[1:] {
		name, value, _ := strings.Cut(f, ": ")
		a.Header[strings.ToLower(name)] = value
	}
	return a
}

// Want checks status and body, byte for byte but for the end of the line.
func (a Answer) Want(t testing.TB, status, body string) {
	t.Helper()
	if got := strings.TrimSuffix(a.Body, "\n"); a.Status != status || got != body {
		t.Errorf("got %s with %s, wanted %s with %s", a.Status, got, status, body)
	}
}

// Members checks that an answer of success is a JSON object with these members and no others, each
// of its type: string, number, bool, array, object or null. It returns the members.
func (a Answer) Members(t testing.TB, want map[string]string) map[string]any {
	t.Helper()
	if a.Status != "200" && a.Status != "201" {
		t.Fatalf("got %s with %s, wanted 200 or 201", a.Status, a.Body)
	}
	if typ := a.Header["content-type"]; !strings.HasPrefix(typ, "application/json") {
		t.Errorf("got content type %q, wanted JSON", typ)
	}
	var m map[string]any
	if err := json.Unmarshal([]byte(a.Body), &m); err != nil {
		t.Fatalf("got %s: %v", a.Body, err)
	}
	Kinds(t, m, want)
	return m
}

// Kinds is Members of an object within an answer.
func Kinds(t testing.TB, object any, want map[string]string) map[string]any {
	t.Helper()
	m, _ := object.(map[string]any)
	if got, wanted := slices.Sorted(maps.Keys(m)), slices.Sorted(maps.Keys(want)); !slices.Equal(got, wanted) {
		t.Fatalf("got the members %q, wanted %q", got, wanted)
	}
	for name, kind := range want {
		if got := kindOf(m[name]); got != kind {
			t.Errorf("%s is a %s, wanted a %s", name, got, kind)
		}
	}
	return m
}

func kindOf(v any) string {
	switch v.(type) {
	case string:
		return "string"
	case float64:
		return "number"
	case bool:
		return "bool"
	case []any:
		return "array"
	case map[string]any:
		return "object"
	}
	return "null"
}
