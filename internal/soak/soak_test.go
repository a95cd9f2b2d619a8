package soak

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/sha256"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/oauth/resource"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/memory"
	"github.com/oauthcore/oauthcore/token"
)

const (
	speed    = 1200 // of the server's clock
	workers  = 8
	api      = "https://api.example.com"
	callback = "https://app.example.com/cb"
	secret   = "a secret of 256 bits, as they come from NewSecret"
)

// duration of the traffic.
func duration(t *testing.T) time.Duration {
	s := os.Getenv("OAUTHCORE_SOAK")
	if s == "" {
		return 12 * time.Second
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 12*time.Second {
		t.Fatalf("OAUTHCORE_SOAK is %q, want a duration of at least 12s", s)
	}
	return d
}

// faulty is a store that counts its records and now and then fails.
type faulty struct {
	store.Store
	calm    atomic.Bool
	records atomic.Int64
	faults  atomic.Int64
}

var errInjected = errors.New("injected")

// fault decides whether a call fails, and whether before its effect.
func (f *faulty) fault() (before, after error) {
	if f.calm.Load() || rand.IntN(400) != 0 {
		return nil, nil
	}
	f.faults.Add(1)
	if rand.IntN(2) == 0 {
		return errInjected, nil
	}
	return nil, errInjected
}

func (f *faulty) Create(ctx context.Context, r store.Record) error {
	before, after := f.fault()
	if before != nil {
		return before
	}
	if err := f.Store.Create(ctx, r); err != nil {
		return err
	}
	f.records.Add(1)
	return after
}

func (f *faulty) Swap(ctx context.Context, r store.Record) error {
	before, after := f.fault()
	if before != nil {
		return before
	}
	if err := f.Store.Swap(ctx, r); err != nil {
		return err
	}
	return after
}

func (f *faulty) Get(ctx context.Context, keys ...string) ([]store.Record, error) {
	if before, after := f.fault(); before != nil || after != nil {
		return nil, errInjected
	}
	return f.Store.Get(ctx, keys...)
}

func (f *faulty) Sweep(ctx context.Context, before int64, limit int) (int, error) {
	n, err := f.Store.Sweep(ctx, before, limit)
	f.records.Add(int64(-n))
	return n, err
}

// world is a host with its server and an API.
type world struct {
	t      *testing.T
	began  time.Time
	store  *faulty
	url    string
	keys   *token.Keys
	counts sync.Map // of answers, by what was asked and status
}

// now is the time of the server's clock.
func (w *world) now() time.Time { return w.began.Add(time.Since(w.began) * speed) }

func (w *world) count(what string) {
	n, _ := w.counts.LoadOrStore(what, new(atomic.Int64))
	n.(*atomic.Int64).Add(1)
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, began: time.Now(), store: &faulty{Store: memory.New()}}
	signer, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if w.keys, err = token.NewKeys(token.Key{Signer: signer}); err != nil {
		t.Fatal(err)
	}
	ts := httptest.NewUnstartedServer(nil)
	w.url = "http://" + ts.Listener.Addr().String()
	srv, err := oauth.New(oauth.Config{
		Issuer: w.url, Store: w.store, Keys: w.keys, Apps: apps(), Resources: []string{api}, Secrets: [][]byte{[]byte(secret)[:32]},
		SignedIn: signedIn, Interact: consent, Now: w.now,
		Address:      func(r *http.Request) string { return r.Header.Get("X-Test-Address") },
		CodeLifetime: 10 * time.Minute, GrantLifetime: 20 * time.Minute, RefreshLifetime: 15 * time.Minute, AccessLifetime: 10 * time.Minute,
		Observe: func(_ context.Context, e oauth.Event) {
			if refused := (*oauth.Error)(nil); errors.As(e.Err, &refused) && refused.Code == "server_error" {
				t.Errorf("the event of a fault of ours: %v", e.Err)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	guard, err := resource.New(resource.Config{Introspect: srv.Introspect, CacheFor: time.Second,
		Accept: token.VerifierConfig{Issuer: w.url, Audience: api, Keys: w.keys, Now: w.now}})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", srv)
	mux.Handle("/api", guard.Require(resource.Need{Scopes: []string{"read"}}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	ts.Config.Handler = mux
	ts.Start()
	t.Cleanup(ts.Close)
	return w
}

func apps() registry.Static {
	sum := sha256.Sum256([]byte(secret))
	secrets := []registry.Secret{{ID: "1", Hash: sum[:]}}
	web := registry.Manifest{Name: "Web", RedirectURIs: []string{callback}, Scopes: []string{"read", "write"},
		GrantTypes: []string{"authorization_code", "refresh_token", "client_credentials"}}
	return registry.Static{
		{ID: "web", Secrets: secrets, Manifest: web},
		{ID: "opaque", Secrets: secrets, Manifest: web, Policy: registry.Policy{Opaque: true, MayIntrospect: true}},
	}
}

func signedIn(r *http.Request) (*oauth.Login, error) {
	c, err := r.Cookie("user")
	if err != nil {
		return nil, nil
	}
	return &oauth.Login{Subject: c.Value, Session: c.Value, Time: time.Unix(1, 0)}, nil
}

// consent is a page whose form is posted unread.
func consent(w http.ResponseWriter, r *http.Request, a *oauth.Authorization) {
	if r.Method == http.MethodPost {
		a.Approve(w, r, &oauth.Approval{})
		return
	}
	w.Write([]byte(a.URL))
}

// sample is what is in use at one time.
type sample struct {
	heap       uint64
	records    int64
	goroutines int
}

func (w *world) sample() sample {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return sample{m.HeapAlloc, w.store.records.Load(), runtime.NumGoroutine()}
}

// sweep drops what has expired by the server's clock.
func (w *world) sweep() {
	for {
		if n, err := w.store.Sweep(context.Background(), w.now().Unix(), 1000); err != nil || n < 1000 {
			if err != nil {
				w.t.Error(err)
			}
			return
		}
	}
}

func TestSoak(t *testing.T) {
	d := duration(t)
	w := newWorld(t)
	before := w.sample()

	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() { w.traffic(ctx, i) })
	}
	wg.Go(func() { // as a host does, only faster
		for ctx.Err() == nil {
			w.sweep()
			wait(ctx, 100*time.Millisecond)
		}
	})
	// Everything has lived its life by a third of the time.
	wait(ctx, d/3)
	var samples []sample
	for range 20 {
		wait(ctx, d/32)
		samples = append(samples, w.sample())
	}
	<-ctx.Done()
	wg.Wait()

	earlier, later := samples[:10], samples[10:]
	heap := func(s sample) float64 { return float64(s.heap) }
	records := func(s sample) float64 { return float64(s.records) }
	for name, m := range map[string]struct {
		of    func(sample) float64
		slack float64
	}{"heap": {heap, 4 << 20}, "records": {records, 500}} {
		if a, b := median(earlier, m.of), median(later, m.of); b > 1.5*a+m.slack {
			t.Errorf("%s grew from %.0f to %.0f", name, a, b)
		}
	}

	// Once all is over nothing may be left but what has no end.
	http.DefaultClient.CloseIdleConnections()
	w.store.calm.Store(true)
	wait(t.Context(), 90*time.Minute/speed) // a record outlives its last need by an hour
	w.sweep()
	var after sample
	for range 50 { // goroutines of closed connections end soon, not at once
		if after = w.sample(); after.goroutines <= before.goroutines+2 {
			break
		}
		wait(t.Context(), 100*time.Millisecond)
	}
	if after.goroutines > before.goroutines+2 {
		t.Errorf("%d goroutines, %d before", after.goroutines, before.goroutines)
	}
	if max := int64(2 * users); after.records > max { // the consents of each user to each app
		t.Errorf("%d records are left, want at most %d consents", after.records, max)
	}
	if max := before.heap + 32<<20; after.heap > max { // the limiter and the caches of the guard at their bounds
		t.Errorf("the heap holds %d bytes, before the traffic %d", after.heap, before.heap)
	}
	w.report(t, d)
	t.Logf("before %+v, median under load %.0f bytes and %.0f records, after %+v", before, median(later, heap), median(later, records), after)
}

// report checks what was answered.
func (w *world) report(t *testing.T, d time.Duration) {
	var lines []string
	var total, unavailable int64
	ok := make(map[string]bool)
	w.counts.Range(func(key, n any) bool {
		what, count := key.(string), n.(*atomic.Int64).Load()
		lines = append(lines, what)
		total += count
		name, status, _ := strings.Cut(what, " ")
		if name == "cancelled" {
			ok[what] = true
			return true
		}
		switch {
		case status == "503":
			unavailable += count
		case strings.HasPrefix(status, "5"):
			t.Errorf("%d answers %s", count, what)
		case strings.HasPrefix(status, "2"), strings.HasPrefix(status, "3"):
			ok[name] = true
		}
		return true
	})
	slices.Sort(lines)
	for _, l := range lines {
		n, _ := w.counts.Load(l)
		t.Logf("%9d %s", n.(*atomic.Int64).Load(), l)
	}
	if faults := w.store.faults.Load(); unavailable > faults {
		t.Errorf("%d answers of 503 for %d faults of the store", unavailable, faults)
	}
	for _, name := range []string{"authorize", "consent", "exchange", "refresh", "retry", "introspect", "revoke", "api", "machine",
		"cancelled authorize", "cancelled exchange", "cancelled refresh", "cancelled introspect"} {
		if !ok[name] {
			t.Errorf("no %s succeeded", name)
		}
	}
	t.Logf("%d requests in %v, %d a second; %d faults of the store", total, d, int(float64(total)/d.Seconds()), w.store.faults.Load())
}

func median(s []sample, of func(sample) float64) float64 {
	v := make([]float64, len(s))
	for i := range s {
		v[i] = of(s[i])
	}
	slices.Sort(v)
	return v[len(v)/2]
}

// wait is for real time to pass, which is what a soak is made of.
func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
