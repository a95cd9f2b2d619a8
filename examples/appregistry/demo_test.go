package main

import (
	"html"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/examples/internal/paste"
)

// commands returns the indented lines of the printed text in their blocks.
func commands(text string) []string {
	var blocks []string
	for block := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		if strings.HasPrefix(block, "  ") {
			blocks = append(blocks, strings.TrimPrefix(strings.ReplaceAll(block, "\n  ", "\n"), "  "))
		}
	}
	return blocks
}

// sh pastes lines into a shell, and returns what they print without the last end of line.
func sh(t *testing.T, lines string) string {
	t.Helper()
	return strings.TrimSpace(paste.Shell(t, t.TempDir(), lines))
}

// The printed lines do what the text around them says.
func TestLinesToTry(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"", "/tenants/one"} {
		s := serve(t, demonstration(), path)
		blocks := commands(linesToTry(s.issuer))
		if len(blocks) != 3 {
			t.Fatalf("got %d blocks of commands, wanted 3:\n%s", len(blocks), linesToTry(s.issuer))
		}

		// A user signs in between the two pastes; the shell keeps the verifier.
		printed := sh(t, blocks[0]+"\necho \"$verifier\"")
		address, verifier, _ := strings.Cut(printed, "\n")
		c := newBrowser(t)
		back := submit(t, c, get(t, c, address), url.Values{"email": {"organizer@eventzr.com"}, "password": {"Password123!"}})
		for back.StatusCode == http.StatusSeeOther || back.StatusCode == http.StatusOK && !strings.Contains(back.body, "<pre") {
			if back.StatusCode == http.StatusOK {
				back = submit(t, c, back, url.Values{"decision": {"allow"}, "scope": {"write:events"}})
				continue
			}
			to, err := back.Location()
			if err != nil {
				t.Fatal(err)
			}
			back = get(t, c, to.String())
		}
		pasted := regexp.MustCompile(`(?s)<pre[^>]*>(.*)</pre>`).FindStringSubmatch(back.body)
		if pasted == nil {
			t.Fatalf("the last page, of status %d, shows no lines:\n%s", back.StatusCode, back.body)
		}
		got := sh(t, "verifier="+verifier+"\n"+html.UnescapeString(pasted[1]))
		for _, want := range []string{`"sub":"organizer@eventzr.com"`, `"client_id":"demo-cli"`, `"roles":["organizer"]`, `"tenant":"00000000-0000-0000-0000-000000000001"`} {
			if !strings.Contains(got, want) {
				t.Errorf("the page's lines print %q, wanted %s in it", got, want)
			}
		}

		got = sh(t, blocks[1])
		for _, want := range []string{`"sub":"demo-job"`, `"active":true`, "HTTP/1.1 401"} {
			if !strings.Contains(got, want) {
				t.Errorf("the second block prints %q, wanted %s in it", got, want)
			}
		}
		got = sh(t, blocks[2])
		for _, want := range []string{`"client_secret":"ocs_`, `"client_name":"First App"`, `"client_id":"my-app"`} {
			if !strings.Contains(got, want) {
				t.Errorf("the third block does not print %s", want)
			}
		}
	}
}

// README.md has the same lines.
func TestReadmeLines(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range commands(linesToTry("http://127.0.0.1:8080")) {
		if !strings.Contains(string(readme), "```sh\n"+block+"\n```") {
			t.Errorf("README.md does not have\n%s", block)
		}
	}
}

// The lines that only README.md has do what the text before them says.
func TestReadmeInstalls(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(readme), -1)
	s := serve(t, demonstration(), "")
	got := sh(t, strings.ReplaceAll(blocks[len(blocks)-1][1], "http://127.0.0.1:8080", s.issuer))
	for _, want := range []string{`"client_name":"Seat Planner"`, `"status":"requested"`, `"status":"active"`, `"signing_secret":"whsec_`} {
		if !strings.Contains(got, want) {
			t.Errorf("the block prints %s\nwanted %s in it", got, want)
		}
	}
}
