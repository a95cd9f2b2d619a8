package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The program says where it listens, serves there, and ends when it is told to.
func TestRun(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		defer w.Close()
		done <- run(ctx, []string{"-addr", "127.0.0.1:0"}, w, io.Discard)
	}()
	lines := bufio.NewScanner(r)
	if !lines.Scan() {
		t.Fatalf("nothing was printed: %v", <-done)
	}
	address, ok := strings.CutPrefix(lines.Text(), "Listening on ")
	if !ok {
		t.Fatalf("the first line is %q, wanted the address", lines.Text())
	}
	var printed strings.Builder
	for lines.Scan() && !strings.Contains(lines.Text(), "/auth/v1/login") {
		printed.WriteString(lines.Text() + "\n")
	}
	go io.Copy(io.Discard, r)
	if !strings.Contains(printed.String(), address+oauthPaths.Token) {
		t.Errorf("the lines to try are not of %s:\n%s", address, printed.String())
	}
	if a := get(t, http.DefaultClient, address+"/.well-known/oauth-authorization-server"); a.StatusCode != http.StatusOK || !strings.Contains(a.body, `"`+address+`"`) {
		t.Errorf("metadata: status %d, %s; wanted the issuer %s", a.StatusCode, a.body, address)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("run ended with %v", err)
	}
}

func TestRunRefuses(t *testing.T) {
	t.Parallel()
	bad := filepath.Join(t.TempDir(), "bad.json")
	if err := os.WriteFile(bad, []byte(`{"apps": [{"id": "a", "auth_method": "none", "redirct_uris": []}], "isuer": ""}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		args []string
		want string
	}{
		{"an unknown flag", []string{"-port", "1"}, "flag provided but not defined"},
		{"an argument", []string{"serve"}, `got argument "serve"`},
		{"a file that is not there", []string{"-config", bad + "x"}, "no such file"},
		{"a configuration with faults", []string{"-config", bad}, "bad.json:\napps[0].redirct_uris: unknown member\nisuer: unknown member"},
		{"an address that cannot be listened on", []string{"-addr", "nowhere"}, "nowhere"},
		{"a database that is no file", []string{"-store", ":memory:", "-addr", "nowhere"}, `-store: got ":memory:"`},
		{"the address of a file", []string{"-store", "file:x.db", "-addr", "nowhere"}, `-store: got "file:x.db"`},
		{"an issuer that is not https", []string{"-addr", "127.0.0.1:0", "-issuer", "http://auth.example.com"}, "http://auth.example.com"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var stdout bytes.Buffer
			err := run(t.Context(), test.args, &stdout, io.Discard)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("run(%q): got %v, wanted an error with %q", test.args, err, test.want)
			}
			if stdout.Len() > 0 {
				t.Errorf("run(%q) printed %q before it failed", test.args, stdout.String())
			}
		})
	}
	t.Run("help is no failure", func(t *testing.T) {
		if err := run(t.Context(), []string{"-h"}, io.Discard, io.Discard); !errors.Is(err, flag.ErrHelp) {
			t.Errorf("run(-h): got %v, wanted flag.ErrHelp", err)
		}
	})
}
