package oauthtest

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
)

// Benchmark measures a whole server on a store, in process: refreshes with rotation, code exchanges and
// introspections of JWTs, by 1, 8 and 64 clients at once, among Options.Grants grants that are picked at
// random. newStore is called once; it gives an empty store. Reported are requests per second and, in
// milliseconds, the median and the 99th percentile of what one takes.
func Benchmark(b *testing.B, newStore func(testing.TB) store.Store, o *Options) {
	m := newMeasure(b, newStore(b), o)
	for _, op := range []struct {
		name    string
		prepare func(n int) func(i int) // returns the i-th of n requests, of a client i%clients
	}{
		{"refresh", m.refreshes},
		{"exchange", m.exchanges},
		{"introspect", m.introspections},
	} {
		for _, clients := range []int{1, 8, 64} {
			b.Run(fmt.Sprintf("%s/%d clients", op.name, clients), func(b *testing.B) {
				m.measure(b, clients, op.prepare(b.N))
			})
		}
	}
}

// measure is a server with grants to be measured.
type measure struct {
	testing.TB
	handler http.Handler
	cookie  *http.Cookie
	grants  []measured
}

// measured is a grant. Its lock keeps two clients from rotating one token, which no client does.
type measured struct {
	mu              sync.Mutex
	access, refresh string
}

func newMeasure(b *testing.B, s store.Store, o *Options) *measure {
	b.Helper()
	n := 1000
	if o != nil && o.Grants > 0 {
		n = o.Grants
	}
	now := time.Now() // stands still: nothing expires while it is measured
	h := &host{TB: b, now: now, keys: newKeys(b, newSigner(b)), strange: newKeys(b, newSigner(b)), sessions: make(map[string]*oauth.Login)}
	apps := h.apps()
	apps[slices.IndexFunc(apps, func(a registry.App) bool { return a.ID == "web" })].Policy.FirstParty = true // needs no page
	handler, err := o.serve()(oauth.Config{
		Issuer: "http://127.0.0.1", Store: s, Keys: newKeys(b, newSigner(b)), Apps: apps, Secrets: [][]byte{[]byte(secret)},
		Resources: []string{api}, Now: h.clock, SignedIn: h.signedIn, Interact: h.page,
	})
	if err != nil {
		b.Fatal(err)
	}
	m := &measure{TB: b, handler: handler, cookie: h.startSession("user"), grants: make([]measured, n)}
	m.spread(64, n, func(i int) {
		m.grants[i].access, m.grants[i].refresh = m.exchange(m.code())
	})
	return m
}

// spread calls f for 0 to n-1, from so many clients.
func (m *measure) spread(clients, n int, f func(i int)) {
	var all sync.WaitGroup
	var next atomic.Int64
	for range clients {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	all.Wait()
}

// measure times b.N requests of so many clients.
func (m *measure) measure(b *testing.B, clients int, request func(i int)) {
	took := make([]time.Duration, b.N)
	b.ReportAllocs()
	b.ResetTimer()
	m.spread(clients, b.N, func(i int) {
		start := time.Now()
		request(i)
		took[i] = time.Since(start)
	})
	b.StopTimer()
	slices.Sort(took)
	ms := func(part float64) float64 { return took[int(part*float64(len(took)-1))].Seconds() * 1000 }
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
	b.ReportMetric(ms(0.5), "p50-ms")
	b.ReportMetric(ms(0.99), "p99-ms")
}

func (m *measure) refreshes(int) func(int) {
	return func(int) {
		g := &m.grants[rand.IntN(len(m.grants))]
		for !g.mu.TryLock() {
			g = &m.grants[rand.IntN(len(m.grants))]
		}
		defer g.mu.Unlock()
		g.access, g.refresh = m.token("grant_type=refresh_token&refresh_token=" + g.refresh)
	}
}

func (m *measure) exchanges(n int) func(int) {
	codes := make([]string, n)
	m.spread(64, n, func(i int) { codes[i] = m.code() })
	return func(i int) { m.exchange(codes[i]) }
}

func (m *measure) introspections(int) func(int) {
	return func(int) {
		g := &m.grants[rand.IntN(len(m.grants))]
		if body := m.post("/introspect", "token="+g.access); !strings.HasPrefix(body, `{"active":true`) {
			m.Error("a good token is inactive")
		}
	}
}

// code returns the code of a user who is signed in at an app that needs no page.
func (m *measure) code() string {
	r := httptest.NewRequest("GET", "/authorize?"+authorization("web").Encode(), nil)
	r.AddCookie(m.cookie)
	w := httptest.NewRecorder()
	m.handler.ServeHTTP(w, r)
	_, code, ok := strings.Cut(w.Header().Get("Location"), "code=")
	if !ok {
		m.Errorf("the authorization endpoint answered %d", w.Code)
	}
	code, _, _ = strings.Cut(code, "&")
	return code
}

func (m *measure) exchange(code string) (access, refresh string) {
	return m.token("grant_type=authorization_code&redirect_uri=" + url.QueryEscape(callback) + "&code_verifier=" + verifier + "&code=" + code)
}

func (m *measure) token(form string) (access, refresh string) {
	body := m.post("/token", form)
	return member(body, "access_token"), member(body, "refresh_token")
}

func (m *measure) post(path, form string) string {
	r := httptest.NewRequest("POST", path, strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("web", secret)
	w := httptest.NewRecorder()
	m.handler.ServeHTTP(w, r)
	if w.Code != 200 {
		m.Errorf("%s answered %d", path, w.Code)
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
