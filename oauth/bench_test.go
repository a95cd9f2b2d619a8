package oauth_test

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
)

// bench is a host that is called in process, by requests that are built as a client's would arrive.
type bench struct {
	*host
	cookies []*http.Cookie
}

func newBench(t testing.TB) *bench {
	t.Helper()
	return &bench{host: newHost(t, func(c *oauth.Config) {
		c.Observe = nil
		c.Apps = apps(func(s registry.Static) { edit(s, "web").Policy.FirstParty = true })
	})}
}

// call posts a form as the app, and returns the body of the answer.
func (b *bench) call(app, path, form string) string {
	r := httptest.NewRequest("POST", path, strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(app, secret)
	w := httptest.NewRecorder()
	b.srv.ServeHTTP(w, r)
	if w.Code != 200 {
		b.t.Fatalf("%s answered %d %s", path, w.Code, w.Body)
	}
	return w.Body.String()
}

// member returns a string member of a JSON object, which json.Unmarshal would take longer to find than the
// server takes to answer.
func member(body, name string) string {
	_, rest, _ := strings.Cut(body, `"`+name+`":"`)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

func (b *bench) clientCredentials(app string) string {
	return member(b.call(app, "/token", "grant_type=client_credentials&scope=read"), "access_token")
}

func (b *bench) rotate(app, refresh string) string {
	return member(b.call(app, "/token", "grant_type=refresh_token&refresh_token="+refresh), "refresh_token")
}

// issue starts a grant and returns its tokens.
func (b *bench) issue(app string) (access, refresh string) {
	t, err := b.srv.Issue(b.t.Context(), app, oauth.Approval{Login: &oauth.Login{Subject: "alice", Time: b.clock()}})
	if err != nil {
		b.t.Fatal(err)
	}
	return t.AccessToken, t.RefreshToken
}

// authorize returns the code of a user who is signed in at an app that needs no page.
func (b *bench) authorize() string {
	if b.cookies == nil {
		b.cookies = b.signedInAs(oauth.Login{Subject: "alice"}).cookies()
	}
	r := httptest.NewRequest("GET", "/authorize?"+b.request("web").Encode(), nil)
	for _, c := range b.cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	b.srv.ServeHTTP(w, r)
	_, code, ok := strings.Cut(w.Header().Get("Location"), "code=")
	if !ok {
		b.t.Fatalf("answered %d %s", w.Code, w.Body)
	}
	code, _, _ = strings.Cut(code, "&")
	return code
}

// pool gives what is used up once, made off the clock.
func pool(b *testing.B, produce func() string) func() string {
	var ready []string
	return func() string {
		if len(ready) == 0 {
			b.StopTimer()
			for range 1000 {
				ready = append(ready, produce())
			}
			b.StartTimer()
		}
		last := ready[len(ready)-1]
		ready = ready[:len(ready)-1]
		return last
	}
}

// BenchmarkToken is the token endpoint, beside the signature that a JWT costs at least.
func BenchmarkToken(b *testing.B) {
	b.Run("the ES256 signature alone", func(b *testing.B) {
		key := newSigner(b)
		digest := sha256.Sum256(nil)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := key.Sign(rand.Reader, digest[:], nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, app := range []string{"svc", "opaque"} {
		b.Run("client credentials for "+app, func(b *testing.B) {
			h := newBench(b)
			b.ReportAllocs()
			for b.Loop() {
				h.clientCredentials(app)
			}
		})
	}
	b.Run("code exchange", func(b *testing.B) {
		h := newBench(b)
		code := pool(b, h.authorize)
		form := "grant_type=authorization_code&redirect_uri=" + url.QueryEscape(callback) + "&code_verifier=" + verifier + "&code="
		b.ReportAllocs()
		for b.Loop() {
			h.call("web", "/token", form+code())
		}
	})
	for _, app := range []string{"web", "opaque"} {
		b.Run("refresh for "+app, func(b *testing.B) {
			h := newBench(b)
			_, tok := h.issue(app)
			b.ReportAllocs()
			for b.Loop() {
				tok = h.rotate(app, tok)
			}
		})
	}
}

func BenchmarkIntrospect(b *testing.B) {
	b.Run("JWT met first", func(b *testing.B) {
		h := newBench(b)
		tok := pool(b, func() string { tok, _ := h.issue("web"); return tok })
		b.ReportAllocs()
		for b.Loop() {
			h.call("web", "/introspect", "token="+tok())
		}
	})
	for _, app := range []string{"web", "opaque"} {
		b.Run("repeated for "+app, func(b *testing.B) {
			h := newBench(b)
			tok, _ := h.issue(app)
			b.ReportAllocs()
			for b.Loop() {
				h.call(app, "/introspect", "token="+tok)
			}
		})
	}
}

func BenchmarkRevoke(b *testing.B) {
	h := newBench(b)
	tok := pool(b, func() string { _, tok := h.issue("opaque"); return tok })
	b.ReportAllocs()
	for b.Loop() {
		h.call("opaque", "/revoke", "token="+tok())
	}
}

func BenchmarkAuthorize(b *testing.B) {
	h := newBench(b)
	b.ReportAllocs()
	for b.Loop() {
		h.authorize()
	}
}

// BenchmarkHeap is the memory that a live grant takes on the memory store, at 100,000 of them.
func BenchmarkHeap(b *testing.B) {
	for b.Loop() {
		b.ReportMetric(heapPerGrant(b, 100_000), "B/grant")
	}
}

// heap is what is in use after a collection.
func heap() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

func heapPerGrant(t testing.TB, n int) float64 {
	h := newBench(t)
	h.issue("opaque")
	before := heap()
	for i := range n {
		if _, err := h.srv.Issue(t.Context(), "opaque", oauth.Approval{Login: &oauth.Login{Subject: fmt.Sprintf("user%07d", i), Time: h.clock()}}); err != nil {
			t.Fatal(err)
		}
	}
	after := heap()
	runtime.KeepAlive(h)
	return (after - before) / float64(n)
}
