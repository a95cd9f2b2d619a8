package attack

import (
	"bytes"
	"compress/gzip"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/internal/fetch"
	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
)

// inside is a server on a private address, and how often something connected to it.
func inside(t *testing.T, h http.HandlerFunc) (srv *httptest.Server, reached *atomic.Int64) {
	reached = new(atomic.Int64)
	srv = httptest.NewUnstartedServer(h)
	srv.Config.ConnState = func(net.Conn, http.ConnState) { reached.Add(1) }
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv, reached
}

func TestA268(t *testing.T) { run(t) }

func TestA271(t *testing.T) { run(t) }

func TestA270(t *testing.T) {
	target, reached := inside(t, func(http.ResponseWriter, *http.Request) {})
	for _, to := range []string{target.URL, "http://127.0.0.1/", "file:///etc/passwd", "/other", "//127.0.0.1/"} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			srv, _ := inside(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", to)
				w.WriteHeader(status)
				io.WriteString(w, `{"keys":[]}`)
			})
			if d, err := fetch.NewGuarded(srv.Client(), false).Get(t.Context(), srv.URL, 1000); err == nil {
				t.Errorf("%d to %q gave %s", status, to, d.Body)
			}
		}
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("%d redirects were followed", n)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestA272 is answered without end, packed, and with too much of everything. That a slow server is left after five
// seconds is TestGetEnds of package fetch, whose clock can be turned.
func TestA272(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	z.Write(make([]byte, 32<<20))
	z.Close()
	const limit = 64 << 10 // what is sent would fit, what is in it not
	if bomb.Len() > limit {
		t.Fatalf("32 MiB of nothing take %d bytes", bomb.Len())
	}
	for name, h := range map[string]http.HandlerFunc{
		"too long, and says so": func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, limit+1)) },
		"without end": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		},
		"packed": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(bomb.Bytes())
		},
		"no success": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) },
	} {
		t.Run(name, func(t *testing.T) {
			srv, _ := inside(t, h)
			began := time.Now()
			bytes := allocated(func() {
				if d, err := fetch.NewGuarded(srv.Client(), false).Get(t.Context(), srv.URL, limit); err == nil {
					t.Errorf("got %d bytes", len(d.Body))
				}
			})
			if bytes > 8<<20 {
				t.Errorf("%d bytes were allocated", bytes)
			}
			if took := time.Since(began); took > fetch.Timeout {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// TestA273 has an app whose keys are elsewhere, and a server that was given nothing to fetch them with.
func TestA273(t *testing.T) {
	srv, reached := inside(t, func(http.ResponseWriter, *http.Request) {})
	app := registry.App{ID: "remote", Manifest: registry.Manifest{Name: "Remote", AuthMethod: "private_key_jwt", JWKSURI: srv.URL + "/jwks",
		LogoURI: srv.URL + "/logo", RedirectURIs: []string{"https://remote.example.com/cb"}, Scopes: []string{"read"}, GrantTypes: []string{"authorization_code", "client_credentials"}}}
	w := newWorld(t, func(c *oauth.Config) { c.Apps = append(apps(), app) })
	defer w.tight()
	r := w.credentials("job").with("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "client_assertion", "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJyZW1vdGUiLCJzdWIiOiJyZW1vdGUifQ.AAAA")
	r.header.Del("Authorization")
	w.refused(w.do(r), 401, "invalid_client")
	w.do(w.authorizeRequest(&session{app: "remote", verifier: strings.Repeat("v", 43)}))
	if n := reached.Load(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
}
