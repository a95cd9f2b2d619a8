package main

import (
	"encoding/json"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/pkce"
	"github.com/oauthcore/oauthcore/token"
)

// TestMain is the program itself when a test starts this binary again.
func TestMain(m *testing.M) {
	if os.Getenv("QUICKSTART") != "" {
		main()
	}
	os.Exit(m.Run())
}

// start runs main in a process of its own and returns the issuer.
func start(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	cmd := exec.Command(os.Args[0], "-addr", addr)
	cmd.Env = append(os.Environ(), "QUICKSTART=1")
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	log.Read(make([]byte, 1)) // its first words: it is about to listen
	go io.Copy(io.Discard, log)
	for range 100 {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			c.Close()
			return "http://" + addr
		}
		time.Sleep(10 * time.Millisecond) // another process opens the port
	}
	t.Fatalf("nothing listens on %s", addr)
	return ""
}

var formAction = regexp.MustCompile(`<form method="post" action="([^"]*)">`)

// submit posts the fields to the form of a page.
func submit(t *testing.T, c *http.Client, resp *http.Response, fields url.Values) *http.Response {
	t.Helper()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	action := formAction.FindSubmatch(page)
	if action == nil {
		t.Fatalf("%s has no form: status %d, body\n%s", resp.Request.URL.Path, resp.StatusCode, page)
	}
	u, err := resp.Request.URL.Parse(html.UnescapeString(string(action[1])))
	if err != nil {
		t.Fatal(err)
	}
	resp, err = c.PostForm(u.String(), fields)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func TestQuickstart(t *testing.T) {
	issuer := start(t)
	jar, _ := cookiejar.New(nil)
	browser := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if r.URL.Path == "/callback" {
			return http.ErrUseLastResponse // the app's address: nothing listens there
		}
		return nil
	}}
	open := func(t *testing.T, verifier string) *http.Response {
		t.Helper()
		resp, err := browser.Get(issuer + "/authorize?" + url.Values{
			"response_type": {"code"}, "client_id": {"cli"}, "redirect_uri": {"http://127.0.0.1:4711/callback"},
			"scope": {"read:events"}, "state": {"s1"},
			"code_challenge": {pkce.Challenge(verifier)}, "code_challenge_method": {"S256"},
		}.Encode())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		return resp
	}

	t.Run("a wrong password signs nobody in", func(t *testing.T) {
		again := submit(t, browser, open(t, pkce.NewVerifier()), url.Values{"email": {user}, "password": {"wrong"}})
		if body, _ := io.ReadAll(again.Body); !strings.Contains(string(body), `name="password"`) {
			t.Errorf("after a wrong password: got status %d and %q, wanted the sign-in form", again.StatusCode, body)
		}
	})
	t.Run("a user signs in and allows", func(t *testing.T) {
		verifier := pkce.NewVerifier()
		consent := submit(t, browser, open(t, verifier), url.Values{"email": {user}, "password": {password}})
		back := submit(t, browser, consent, url.Values{"decision": {"allow"}})
		to, err := back.Location()
		if err != nil {
			t.Fatalf("after consent: status %d, %v", back.StatusCode, err)
		}
		q := to.Query()
		if q.Get("code") == "" || q.Get("state") != "s1" || q.Get("iss") != issuer {
			t.Fatalf("redirect has code %t, state %q, iss %q; wanted a code, %q, %q", q.Has("code"), q.Get("state"), q.Get("iss"), "s1", issuer)
		}
		resp, err := http.PostForm(issuer+"/token", url.Values{
			"grant_type": {"authorization_code"}, "client_id": {"cli"}, "code": {q.Get("code")},
			"redirect_uri": {"http://127.0.0.1:4711/callback"}, "code_verifier": {verifier},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var tokens struct {
			AccessToken  string `json:"access_token"`
			RefreshToken string `json:"refresh_token"`
		}
		if err := json.NewDecoder(resp.Body).Decode(&tokens); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("token endpoint: status %d, %v", resp.StatusCode, err)
		}
		if tokens.RefreshToken == "" {
			t.Error("no refresh token")
		}
		v, err := token.NewVerifier(token.VerifierConfig{Issuer: issuer, Audience: issuer + "/api"})
		if err != nil {
			t.Fatal(err)
		}
		c, err := v.Verify(t.Context(), tokens.AccessToken)
		if err != nil {
			t.Fatalf("Verify: %v", err)
		}
		if c.Subject != user || c.ClientID != "cli" {
			t.Errorf("token is of %q for %q, wanted %q for %q", c.Subject, c.ClientID, user, "cli")
		}
	})
	t.Run("a user who is signed in denies", func(t *testing.T) {
		back := submit(t, browser, open(t, pkce.NewVerifier()), url.Values{"decision": {"deny"}})
		to, err := back.Location()
		if err != nil {
			t.Fatalf("after denial: status %d, %v", back.StatusCode, err)
		}
		if got := to.Query().Get("error"); got != "access_denied" {
			t.Errorf("redirect has error %q, wanted access_denied", got)
		}
	})
}
