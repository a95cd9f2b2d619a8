package resource_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/oauth/resource"
	"github.com/oauthcore/oauthcore/token"
)

// recorder returns a guard that accepts every token and says which it saw last.
func recorder(t testing.TB, edit func(*resource.Config)) (*resource.Guard, *string) {
	saw := new(string)
	return newGuard(t, func(c *resource.Config) {
		c.Introspect = func(_ context.Context, tok string) (*token.Claims, error) {
			*saw = tok
			return claims(nil), nil
		}
		if edit != nil {
			edit(c)
		}
	}), saw
}

// R6750-2.1-1
func TestBearerHeader(t *testing.T) {
	b, err := os.ReadFile("testdata/bearer_header_cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []struct {
			ID, Expect, Note string
			Authorization    []string
			Token            string
		}
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) != 23 {
		t.Fatalf("got %d cases, want 23", len(file.Cases))
	}
	for _, c := range file.Cases {
		t.Run(c.ID+" "+c.Note, func(t *testing.T) {
			g, saw := recorder(t, nil)
			r := httptest.NewRequest("GET", "/", nil)
			r.Header["Authorization"] = c.Authorization
			_, err := g.Check(r, resource.Need{})
			switch c.Expect {
			case "token":
				if err != nil || *saw != c.Token {
					t.Errorf("Check: got %v and token %q, want %q", err, *saw, c.Token)
				}
			case "400 invalid_request":
				refusal(t, err, http.StatusBadRequest, "invalid_request")
			case "401 no error code", "dpop path": // DPoP is another scheme: never a bearer token
				refusal(t, err, http.StatusUnauthorized, "")
			default:
				t.Fatalf("unknown outcome %q", c.Expect)
			}
			if err != nil && *saw != "" {
				t.Errorf("Introspect was asked about a refused request")
			}
		})
	}
}

// R6750-2-1, R6750-2.2-1
func TestSources(t *testing.T) {
	const form = "application/x-www-form-urlencoded"
	request := func(method, target, contentType, body string, header ...string) *http.Request {
		r := httptest.NewRequest(method, target, strings.NewReader(body))
		if contentType != "" {
			r.Header.Set("Content-Type", contentType)
		}
		for i := 0; i < len(header); i += 2 {
			r.Header.Add(header[i], header[i+1])
		}
		return r
	}
	spellings := func(c *resource.Config) { c.Headers = []string{"authorization", "Authorisation"} }
	body := func(c *resource.Config) { c.FormBody = true }
	query := func(c *resource.Config) { c.InsecureQuery = true }
	all := func(c *resource.Config) { spellings(c); body(c); query(c) }

	tests := []struct {
		name   string
		config func(*resource.Config)
		r      *http.Request
		want   string // the token; else a status
	}{
		{"the other spelling is not read by default", nil, request("GET", "/", "", "", "Authorisation", "Bearer abc"), "401"},
		{"the other spelling", spellings, request("GET", "/", "", "", "Authorisation", "Bearer abc"), "abc"},
		{"the usual spelling beside the other", spellings, request("GET", "/", "", "", "Authorization", "Bearer abc"), "abc"},
		{"both spellings", spellings, request("GET", "/", "", "", "Authorization", "Bearer abc", "Authorisation", "Bearer abc"), "400"},
		{"another scheme in one, a token in the other", spellings, request("GET", "/", "", "", "Authorization", "Basic abc", "Authorisation", "Bearer abc"), "abc"},
		{"two schemes in one header", nil, request("GET", "/", "", "", "Authorization", "DPoP abc", "Authorization", "Bearer abc"), "400"},

		{"a body token is not read by default", nil, request("POST", "/", form, "access_token=abc"), "401"},
		{"a body token beside the header's is the API's own parameter by default", nil, request("POST", "/", form, "access_token=x", "Authorization", "Bearer abc"), "abc"},
		{"a body token", body, request("POST", "/", form+"; charset=utf-8", "note=hello&access_token=abc"), "abc"},
		{"a body token of GET", body, request("GET", "/", form, "access_token=abc"), "401"},
		{"a body token of PUT", body, request("PUT", "/", form, "access_token=abc"), "401"},
		{"a body token in JSON", body, request("POST", "/", "application/json", `{"access_token":"abc"}`), "401"},
		{"a body token in a multipart form", body, request("POST", "/", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"access_token\"\r\n\r\nabc\r\n--x--\r\n"), "401"},
		{"the query of what is no form is not looked at", body, request("POST", "/?a;b", "application/json", "{}", "Authorization", "Bearer abc"), "abc"},
		{"two body tokens", body, request("POST", "/", form, "access_token=abc&access_token=abc"), "400"},
		{"an empty body token", body, request("POST", "/", form, "access_token="), "400"},
		{"a malformed body token", body, request("POST", "/", form, "access_token=a+b"), "400"},
		{"a malformed form", body, request("POST", "/", form, "access_token=%zz"), "400"},
		{"header and body", body, request("POST", "/", form, "access_token=abc", "Authorization", "Bearer abc"), "400"},
		{"a POSTed form's query is not its body", body, request("POST", "/?access_token=abc", form, "note=hello"), "401"},

		// R6750-2.3-1, OAuth21-5.1-1, MCP-RS-5
		{"a query token is ignored by default", nil, request("GET", "/?access_token=abc", "", ""), "401"},
		{"a query token beside the header's is ignored by default", nil, request("GET", "/?access_token=x", "", "", "Authorization", "Bearer abc"), "abc"},
		{"a query token", query, request("GET", "/?access_token=abc", "", ""), "abc"},
		{"a query token of POST", query, request("POST", "/?access_token=abc", form, ""), "401"},
		{"two query tokens", query, request("GET", "/?access_token=abc&access_token=abc", "", ""), "400"},
		{"an encoded query token", query, request("GET", "/?access%5Ftoken=a%2Bb", "", ""), "a+b"},
		{"header and query", query, request("GET", "/?access_token=abc", "", "", "Authorization", "Bearer abc"), "400"},

		{"everything allowed and nothing sent", all, request("POST", "/?access_token=abc", form, "note=hello"), "401"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, saw := recorder(t, tt.config)
			_, err := g.Check(tt.r, resource.Need{})
			switch tt.want {
			case "400":
				refusal(t, err, http.StatusBadRequest, "invalid_request")
			case "401":
				refusal(t, err, http.StatusUnauthorized, "")
			default:
				if err != nil || *saw != tt.want {
					t.Errorf("Check: got %v and token %q, want %q", err, *saw, tt.want)
				}
			}
		})
	}

	t.Run("the handler still has the form", func(t *testing.T) {
		w := do(newGuard(t, body), resource.Need{}, request("POST", "/", form, "note=hello&access_token=abc"))
		if w.Code != 200 || w.Body.String() != "olga hello" {
			t.Errorf("got %d %q", w.Code, w.Body)
		}
	})
	t.Run("the handler still has a body that is no form", func(t *testing.T) {
		w := do(newGuard(t, all), resource.Need{}, request("POST", "/", "text/plain", "hello", "Authorization", "Bearer abc"))
		if w.Code != 200 || w.Body.String() != "olga hello" {
			t.Errorf("got %d %q", w.Code, w.Body)
		}
	})
	t.Run("an answer to a query token is private", func(t *testing.T) {
		g := newGuard(t, query)
		if w := do(g, resource.Need{}, request("GET", "/?access_token=abc", "", "")); w.Header().Get("Cache-Control") != "private" {
			t.Errorf("Cache-Control: got %q, want private", w.Header().Get("Cache-Control"))
		}
		if w := do(g, resource.Need{}, bearer("abc")); w.Header().Get("Cache-Control") != "" {
			t.Errorf("Cache-Control: got %q, want none", w.Header().Get("Cache-Control"))
		}
	})
}

var grammar = regexp.MustCompile(`^(?i:bearer) ([A-Za-z0-9._~+/-]+=*)$`)

// FuzzBearer compares the parser with the grammar of RFC 6750, Section 2.1.
func FuzzBearer(f *testing.F) {
	for _, s := range []string{"", "Bearer", "Bearer abc", "bEaReR a.b-c_d~e+f/g==", "Bearer  abc", "Bearer a=b", "Bearer abc\n", "Bearer ==", "Basic abc", "bearerabc", "DPoP abc", "Bearer \u017f", "\u212aearer a"} {
		f.Add(s)
	}
	g, saw := recorder(f, nil)
	f.Fuzz(func(t *testing.T, v string) {
		*saw = ""
		r := &http.Request{Method: "GET", Header: http.Header{"Authorization": {v}}}
		_, err := g.Check(r, resource.Need{})
		want := ""
		if m := grammar.FindStringSubmatch(v); m != nil && len(m[1]) <= 16<<10 {
			want = m[1]
		}
		if *saw != want || (err == nil) != (want != "") {
			t.Fatalf("Authorization %q: got token %q and %v, want %q", v, *saw, err, want)
		}
		if err == nil {
			return
		}
		wantStatus := http.StatusUnauthorized
		if len(v) >= 6 && strings.ToLower(v[:6]) == "bearer" {
			wantStatus = http.StatusBadRequest
		}
		if e := err.(*resource.Error); e.Status != wantStatus {
			t.Fatalf("Authorization %q: got status %d, want %d", v, e.Status, wantStatus)
		}
	})
}
