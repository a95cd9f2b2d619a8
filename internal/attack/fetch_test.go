package attack

import (
	"bytes"
	"compress/gzip"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
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

// TestA268 goes through all the ways to write a private address, at the dial and, with a port, against a server
// that is there.
func TestA268(t *testing.T) {
	for _, a := range []string{"127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "255.255.255.255", "224.0.0.1",
		"192.0.2.1", "198.18.0.1", "::1", "::", "fd00::1", "fe80::1", "ff02::1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a00:1", "2002:a00:1::", "2001:db8::1"} {
		if fetch.Public(netip.MustParseAddr(a)) {
			t.Errorf("%s passes for public", a)
		}
	}
	for _, a := range []string{"192.0.33.8", "8.8.8.8", "2606:4700:4700::1111"} {
		if !fetch.Public(netip.MustParseAddr(a)) {
			t.Errorf("%s does not pass for public", a)
		}
	}
	srv, reached := inside(t, func(http.ResponseWriter, *http.Request) {})
	_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
	guarded := fetch.NewGuarded(nil, false)
	for _, host := range []string{"127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "[::ffff:127.0.0.1]", "0.0.0.0", "0"} {
		if _, err := guarded.Get(t.Context(), "https://"+host+":"+port+"/", 100); err == nil {
			t.Errorf("%s was fetched", host)
		}
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
}

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

func TestA271(t *testing.T) {
	anything := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		t.Errorf("%s was asked for", r.URL)
		return nil, io.EOF
	})}
	for _, uri := range []string{"file:///etc/passwd", "gopher://app.example.com/", "http://app.example.com/", "http://127.0.0.1/", "https://user@app.example.com/",
		"https://user:secret@app.example.com/", "unix:/run/x", "//app.example.com/", "app.example.com", "https:app.example.com", "https:///x", "https://app.example.com/#x", "ftp://app.example.com/", ""} {
		if _, err := fetch.NewGuarded(anything, false).Get(t.Context(), uri, 100); err == nil {
			t.Errorf("%q was fetched", uri)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("the error says %v", err)
		}
		m := registry.Manifest{Name: "App", AuthMethod: "private_key_jwt", JWKSURI: uri, Scopes: []string{"read"}, GrantTypes: []string{"client_credentials"}}
		if err := m.Validate(); err == nil {
			t.Errorf("a manifest with %q was accepted", uri)
		}
	}
	// The port is judged before anything is sent, and after the address.
	for _, port := range []string{"22", "25", "80", "1023"} {
		if _, err := fetch.NewGuarded(nil, false).Get(t.Context(), "https://192.0.33.8:"+port+"/", 100); err == nil || !strings.Contains(err.Error(), "port "+port) {
			t.Errorf("port %s: %v", port, err)
		}
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
