package resource_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/oauth/resource"
)

func TestMetadata(t *testing.T) {
	serve := func(t *testing.T, g *resource.Guard, method, target string) *httptest.ResponseRecorder {
		t.Helper()
		mux := http.NewServeMux()
		mux.Handle(g.Metadata())
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(method, target, nil))
		return w
	}
	const path = "/.well-known/oauth-protected-resource"

	// R9728-2-1, R9728-2-2, R9728-3.2-1, MCP-RS-1
	t.Run("the document states what is wired", func(t *testing.T) {
		for want, edit := range map[string]func(*resource.Config){
			`{"resource":"https://api.example.com","authorization_servers":["https://auth.example.com"],"bearer_methods_supported":["header"]}`: nil,
			`{"resource":"https://api.example.com","authorization_servers":["https://auth.example.com"],"scopes_supported":["a","b"],"bearer_methods_supported":["header","body","query"]}`: func(c *resource.Config) {
				c.Scopes, c.FormBody, c.InsecureQuery = []string{"a", "b"}, true, true
			},
			`{"resource":"https://api.example.com","authorization_servers":["https://auth.example.com"]}`: func(c *resource.Config) {
				c.Headers = []string{"Authorisation"}
			},
		} {
			g := newGuard(t, func(c *resource.Config) {
				c.Metadata = true
				if edit != nil {
					edit(c)
				}
			})
			w := serve(t, g, "GET", path)
			if w.Code != 200 || w.Body.String() != want {
				t.Errorf("got %d %s\nwant %s", w.Code, w.Body, want)
			}
			for name, want := range map[string]string{
				"Content-Type": "application/json", "Cache-Control": "public, max-age=300",
				"Access-Control-Allow-Origin": "*", "X-Content-Type-Options": "nosniff",
			} {
				if got := w.Header().Get(name); got != want {
					t.Errorf("%s: got %q, want %q", name, got, want)
				}
			}
		}
	})

	// R9728-3-1, R9728-3.3-1
	t.Run("it is where its URL says", func(t *testing.T) {
		b, err := os.ReadFile("testdata/metadata_url_cases.json")
		if err != nil {
			t.Fatal(err)
		}
		var file struct {
			Cases []struct {
				ID, Identifier string
				URL            string `json:"metadata_url"`
			}
		}
		if err := json.Unmarshal(b, &file); err != nil {
			t.Fatal(err)
		}
		cases := append(file.Cases, struct {
			ID, Identifier string
			URL            string `json:"metadata_url"`
		}{"a slash at the end", "https://rs.example/a/", "https://rs.example" + path + "/a/"})
		if len(cases) != 6 {
			t.Fatalf("got %d cases, want 6", len(cases))
		}
		for _, c := range cases {
			g := newGuard(t, func(rc *resource.Config) { rc.Metadata, rc.Accept.Audience = true, c.Identifier })
			_, err := g.Check(httptest.NewRequest("GET", "/", nil), resource.Need{})
			want := `Bearer realm="` + c.Identifier + `", resource_metadata="` + c.URL + `"`
			if got := err.(*resource.Error).Challenge; got != want {
				t.Errorf("%s: got challenge %s\nwant %s", c.ID, got, want)
			}
			u, err := url.Parse(c.URL)
			if err != nil {
				t.Fatal(err)
			}
			var doc struct{ Resource string }
			w := serve(t, g, "GET", u.RequestURI())
			if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || w.Code != 200 || doc.Resource != c.Identifier {
				t.Errorf("%s: got %d %s, %v", c.ID, w.Code, w.Body, err)
			}
			if w := serve(t, g, "GET", strings.TrimSuffix(u.Path, "/")+"/x"); w.Code != 404 {
				t.Errorf("%s: below it: got %d, want 404", c.ID, w.Code)
			}
		}
	})

	g := newGuard(t, func(c *resource.Config) { c.Metadata = true })
	t.Run("methods", func(t *testing.T) {
		for method, want := range map[string]int{"GET": 200, "HEAD": 200, "OPTIONS": 204, "POST": 405, "DELETE": 405} {
			if w := serve(t, g, method, path); w.Code != want {
				t.Errorf("%s: got %d, want %d", method, w.Code, want)
			}
		}
	})
	t.Run("other paths are not its own", func(t *testing.T) {
		for _, p := range []string{"/", path + "/", path + "/x"} {
			if w := serve(t, g, "GET", p); w.Code != 404 {
				t.Errorf("%s: got %d, want 404", p, w.Code)
			}
		}
	})
	t.Run("without Config.Metadata it panics", func(t *testing.T) {
		defer func() {
			if recover() == nil {
				t.Error("got no panic")
			}
		}()
		newGuard(t, nil).Metadata()
	})
}
