package resource_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauthcore/oauthcore/oauth/resource"
	"github.com/oauthcore/oauthcore/token"
)

func TestRemote(t *testing.T) {
	const good = `{"active":true,"iss":"https://auth.example.com","aud":"https://api.example.com","sub":"olga","client_id":"app","scope":"a b","exp":1750000060,"username":"o","token_type":"bearer"}`
	const (
		accepted   = "accepted"
		inactive   = "inactive"
		unanswered = "unanswered"
	)
	tests := []struct {
		name, body string
		status     int
		want       string
	}{
		{"an active token", good, 200, accepted},
		{"an inactive token", `{"active":false}`, 200, inactive},
		{"an inactive token with claims", strings.Replace(good, "true", "false", 1), 200, inactive},
		{"a token of another type", strings.Replace(good, `"bearer"`, `"DPoP"`, 1), 200, inactive},
		{"a type that is no string", strings.Replace(good, `"bearer"`, `1`, 1), 200, inactive},
		{"active as a string", strings.Replace(good, "true", `"true"`, 1), 200, unanswered},
		{"active as a number", strings.Replace(good, "true", "1", 1), 200, unanswered},
		{"no active", strings.Replace(good, `"active":true,`, "", 1), 200, unanswered},
		{"active in capitals", strings.Replace(good, `"active"`, `"Active"`, 1), 200, unanswered},
		{"active twice", strings.Replace(good, "{", `{"active":true,`, 1), 200, unanswered},
		{"another member twice", strings.Replace(good, "{", `{"scope":"admin",`, 1), 200, unanswered},
		{"a scope of the wrong type", strings.Replace(good, `"a b"`, `7`, 1), 200, unanswered},
		{"null", "null", 200, unanswered},
		{"an array", "[" + good + "]", 200, unanswered},
		{"trailing data", good + "{}", 200, unanswered},
		{"half an answer", good[:40], 200, unanswered},
		{"no answer", "", 200, unanswered},
		{"a page", "<html>", 200, unanswered},
		{"too long an answer", good + strings.Repeat(" ", 64<<10), 200, unanswered},
		{"a refused client", `{"error":"invalid_client"}`, 401, unanswered},
		{"an inactive token by another status", `{"active":false}`, 400, unanswered},
		{"an active token by another status", good, 201, unanswered},
		{"an active token by an error", good, 500, unanswered},
	}
	var status int
	var body string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, secret, _ := r.BasicAuth()
		if r.Method != "POST" || r.FormValue("token") != "a+b" || r.FormValue("token_type_hint") != "access_token" || r.URL.RawQuery != "" {
			t.Errorf("got %s %s %v, want a POSTed form with the token", r.Method, r.URL, r.Form)
		}
		if id != url.QueryEscape("api:1") || secret != url.QueryEscape("s e+c%r") {
			t.Errorf("got credentials %q, want them form-encoded", id)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	defer srv.Close()
	introspect, err := resource.Remote(srv.URL+"/introspect", "api:1", "s e+c%r", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, body = tt.status, tt.body
			c, err := introspect(t.Context(), "a+b")
			got := accepted
			if errors.Is(err, token.ErrInvalid) {
				got = inactive
			} else if err != nil {
				got = unanswered
			}
			if got != tt.want || (err == nil) == (c == nil) {
				t.Errorf("got %s (%+v, %v), want %s", got, c, err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "a+b") {
				t.Errorf("the error repeats the token: %v", err)
			}
		})
	}

	t.Run("the claims are the answer's", func(t *testing.T) {
		status, body = 200, good
		c, err := introspect(t.Context(), "a+b")
		if err != nil {
			t.Fatal(err)
		}
		if c.Subject != "olga" || len(c.Scopes) != 2 || c.Expires.Unix() != 1750000060 || len(c.Extra) != 1 || string(c.Extra["username"]) != `"o"` {
			t.Errorf("got %+v", c)
		}
	})
	t.Run("a guard accepts what it says", func(t *testing.T) {
		status, body = 200, good
		g := newGuard(t, func(c *resource.Config) { c.Introspect = introspect })
		if _, err := g.Check(bearer("a+b"), resource.Need{Scopes: []string{"b"}}); err != nil {
			t.Error(err)
		}
		body = strings.Replace(good, "api.example.com", "other.example.com", 1)
		_, err := g.Check(bearer("a+b"), resource.Need{})
		refusal(t, err, http.StatusUnauthorized, "invalid_token")
	})
}

func TestRemoteDoesNotFollowRedirects(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Error("the redirect was followed")
	}))
	defer other.Close()
	srv := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer srv.Close()
	introspect, err := resource.Remote(srv.URL, "api", "secret", srv.Client())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := introspect(t.Context(), "abc"); err == nil || errors.Is(err, token.ErrInvalid) {
		t.Errorf("got %v, want an error that is not ErrInvalid", err)
	}
	if srv.Client().CheckRedirect != nil {
		t.Error("Remote changed the caller's client")
	}
}

func TestRemoteIsBoundedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hc := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})}
		introspect, err := resource.Remote("https://auth.example.com/introspect", "api", "secret", hc)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		_, err = introspect(t.Context(), "abc")
		if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took != 5*time.Second {
			t.Errorf("got %v after %v, want a deadline after 5s", err, took)
		}
	})
}

func TestRemoteRefuses(t *testing.T) {
	for _, endpoint := range []string{
		"", "/introspect", "auth.example.com", "http://auth.example.com/introspect", "ftp://auth.example.com",
		"https://u:p@auth.example.com/introspect", "https://auth.example.com/#x", "https://a b/", "http://127.0.0.1.example.com/",
	} {
		if f, err := resource.Remote(endpoint, "api", "secret", nil); err == nil || f != nil {
			t.Errorf("Remote(%q): got no error", endpoint)
		} else if strings.Contains(err.Error(), "u:p") {
			t.Errorf("Remote(%q): the error repeats the password", endpoint)
		}
	}
	if _, err := resource.Remote("https://auth.example.com/introspect", "", "secret", nil); err == nil {
		t.Error("Remote without an id: got no error")
	}
	for _, endpoint := range []string{"https://auth.example.com/introspect?x=1", "http://127.0.0.1:8080/introspect", "http://[::1]/introspect"} {
		if _, err := resource.Remote(endpoint, "api", "secret", nil); err != nil {
			t.Errorf("Remote(%q): %v", endpoint, err)
		}
	}
}

// FuzzRemoteAnswer holds that only a JSON object with active true is ever accepted.
func FuzzRemoteAnswer(f *testing.F) {
	for _, s := range []string{`{"active":true}`, `{"active":false}`, `{"active":true,"active":false}`, `{"active": true,"cnf":{"jkt":"x"}}`, `{"ACTIVE":true}`, `null`, `[]`, ``} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		hc := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			w := httptest.NewRecorder()
			w.WriteString(body)
			return w.Result(), nil
		})}
		introspect, err := resource.Remote("https://auth.example.com/introspect", "api", "secret", hc)
		if err != nil {
			t.Fatal(err)
		}
		c, err := introspect(t.Context(), "abc")
		if (err == nil) == (c == nil) {
			t.Fatalf("answer %q: got %v, %v", body, c, err)
		}
		if err == nil && (!strings.Contains(body, `"active"`) && !strings.Contains(body, `\u`) || !strings.Contains(body, "true")) {
			t.Fatalf("answer %q: got accepted", body)
		}
	})
}
