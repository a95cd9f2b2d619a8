package attack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/memory"
)

// faulty is a store that goes wrong as a test says. Hooks are nil or set while nobody asks.
type faulty struct {
	store.Store
	before func(call, key string) error // nothing happens if it fails
	after  func(call, key string) error // it has happened, and nobody is told
	got    func(asked []string, r []store.Record) []store.Record

	mu     sync.Mutex
	calls  int
	writes int // of calls: those that were to change something
}

func (s *faulty) call(name, key string, do func() error) error {
	s.mu.Lock()
	s.calls++
	if isWrite(name) {
		s.writes++
	}
	s.mu.Unlock()
	if s.before != nil {
		if err := s.before(name, key); err != nil {
			return err
		}
	}
	if err := do(); err != nil || s.after == nil {
		return err
	}
	return s.after(name, key)
}

func (s *faulty) Create(ctx context.Context, r store.Record) error {
	return s.call("create", r.Key, func() error { return s.Store.Create(ctx, r) })
}

func (s *faulty) Swap(ctx context.Context, r store.Record) error {
	return s.call("swap", r.Key, func() error { return s.Store.Swap(ctx, r) })
}

func (s *faulty) Get(ctx context.Context, keys ...string) (list []store.Record, err error) {
	err = s.call("get", keys[0], func() (err error) { list, err = s.Store.Get(ctx, keys...); return err })
	if err == nil && s.got != nil {
		list = s.got(keys, list)
	}
	return list, err
}

// heal ends all faults.
func (s *faulty) heal() { s.before, s.after, s.got, s.calls, s.writes = nil, nil, nil, 0, 0 }

// grants has f look at, or change, each grant that is read.
func (s *faulty) grants(f func(r *store.Record)) {
	s.got = func(asked []string, list []store.Record) []store.Record {
		for i, key := range asked {
			if strings.HasPrefix(key, "g/") {
				f(&list[i])
			}
		}
		return list
	}
}

// faultyWorld is a world on a store that can go wrong.
func faultyWorld(t *testing.T, change ...func(*oauth.Config)) (*world, *faulty) {
	s := new(faulty)
	w := newWorld(t, append(change, func(c *oauth.Config) { s.Store, c.Store = c.Store, s })...)
	return w, s
}

// isWrite tells the calls that change something.
func isWrite(call string) bool { return call == "create" || call == "swap" }

// TestA368 has others always be first, up to three times and then for ever.
func TestA368(t *testing.T) {
	for _, times := range []int{1, 2, 3, 1 << 30} {
		w, f := faultyWorld(t)
		s, begun := w.signIn("web"), w.begin("web")
		for _, r := range []*request{w.refreshRequest(s), w.exchangeRequest(begun), w.as("web", &request{method: http.MethodPost, path: "/revoke", params: url.Values{"token": {s.refresh}}})} {
			left := times
			f.before = func(call, _ string) error {
				if call == "swap" && left > 0 {
					left--
					return store.ErrConflict
				}
				return nil
			}
			a := w.do(r)
			if times == 1<<30 {
				w.refused(a, 503, "temporarily_unavailable")
			} else {
				w.good(a)
			}
			f.heal()
		}
		w.tight()
	}
}

// TestA369 has a store that answers with the wrong record, with none, or with too few.
func TestA369(t *testing.T) {
	for name, got := range map[string]func(other store.Record, asked []string, list []store.Record) []store.Record{
		"another's record": func(other store.Record, asked []string, list []store.Record) []store.Record {
			for i := range list {
				if strings.HasPrefix(asked[i], "g/") {
					list[i] = other
				}
			}
			return list
		},
		"another's value under the right key": func(other store.Record, asked []string, list []store.Record) []store.Record {
			for i := range list {
				if strings.HasPrefix(asked[i], "g/") {
					list[i].Value = other.Value
				}
			}
			return list
		},
		"another kind": func(other store.Record, asked []string, list []store.Record) []store.Record {
			for i := range list {
				if !strings.HasPrefix(asked[i], "g/") {
					list[i].Value, list[i].Version = other.Value, 1
				}
			}
			return list
		},
		"zero records": func(_ store.Record, _ []string, list []store.Record) []store.Record {
			return make([]store.Record, len(list))
		},
		"too few": func(store.Record, []string, []store.Record) []store.Record { return nil },
		"no value": func(_ store.Record, _ []string, list []store.Record) []store.Record {
			for i := range list {
				list[i].Value = nil
			}
			return list
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, f := faultyWorld(t)
			var other store.Record
			w.signIn("rival")
			f.grants(func(r *store.Record) { other = *r })
			w.signIn("rival")
			if other.Version == 0 {
				t.Fatal("no grant was read")
			}
			s, begun := w.signIn("web"), w.begin("web")
			w.signIn("rival")
			f.got = func(asked []string, list []store.Record) []store.Record { return got(other, asked, list) }
			for _, r := range []*request{w.refreshRequest(s), w.exchangeRequest(begun)} {
				before := w.store.written()
				if a := w.do(r); a.status == http.StatusOK && name != "another kind" || a.str("access_token") != "" && name != "another kind" {
					t.Errorf("got %d", a.status)
				} else if a.status == http.StatusBadRequest {
					w.refused(a, 400, "invalid_grant")
				} else if a.status != http.StatusOK {
					w.unavailable(a)
				}
				if name != "another kind" && w.store.written() != before {
					t.Error("it wrote on the strength of that")
				}
			}
			w.tight()
		})
	}
}

// TestA370 reads from a copy that lags behind: what is spent stays spent, for the write decides.
func TestA370(t *testing.T) {
	w, f := faultyWorld(t, strict)
	defer w.tight()
	s, begun := w.signIn("web"), w.begin("web")
	stale := make(map[string]store.Record)
	f.got = func(asked []string, list []store.Record) []store.Record {
		for i, key := range asked {
			if old, ok := stale[key]; ok {
				list[i] = old
			} else if strings.HasPrefix(key, "g/") {
				stale[key] = list[i]
			}
		}
		return list
	}
	for _, r := range []*request{w.refreshRequest(s), w.exchangeRequest(begun)} {
		if a := w.do(r); a.status != http.StatusOK {
			t.Fatalf("got %d %s", a.status, a.body)
		}
		for range 3 {
			if a := w.do(r); a.status == http.StatusOK {
				t.Error("it worked twice")
			} else if a.status != 400 && a.status != 503 {
				t.Errorf("got %d %s", a.status, a.body)
			}
		}
	}
}

// TestA371 scribbles over all that was given to the memory store and came from it.
func TestA371(t *testing.T) {
	s := memory.New()
	r := store.Record{Key: "a", Version: 1, Labels: []string{"l"}, Value: []byte("value")}
	if err := s.Create(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	r.Labels[0], r.Value[0] = "x", 'X'
	for range 2 {
		list, err := s.Get(t.Context(), "a")
		if err != nil || string(list[0].Value) != "value" {
			t.Fatalf("Get: %+v, %v", list, err)
		}
		list[0].Value[0] = 'X'
		page, _, err := s.List(t.Context(), "l", "", 1)
		if err != nil || len(page) != 1 || string(page[0].Value) != "value" || page[0].Labels[0] != "l" {
			t.Fatalf("List: %+v, %v", page, err)
		}
		page[0].Value[0], page[0].Labels[0] = 'X', "x"
	}
}

// TestA372 finds what kind of thing a record is in its key, and one thing under each kind.
func TestA372(t *testing.T) {
	keys := make(map[string]string)
	w, f := faultyWorld(t)
	f.before = func(call, key string) error {
		if call == "create" {
			kind, name, ok := strings.Cut(key, "/")
			if other, twice := keys[name]; !ok || twice && other != kind {
				t.Errorf("a key of kind %q that %q has too", kind, other)
			}
			keys[name] = kind
		}
		return nil
	}
	s := w.signIn("web")
	cc := w.good(w.do(w.credentials("job")))
	for _, tok := range []string{cc.str("access_token"), s.access} {
		w.good(w.do(w.as(map[bool]string{true: "web", false: "job"}[tok == s.access], &request{method: http.MethodPost, path: "/revoke", params: url.Values{"token": {tok}}})))
	}
	if err := w.server.EndSubject(t.Context(), s.app); err != nil { // whose name is an app's
		t.Fatal(err)
	}
	w.good(w.do(w.refreshRequest(s)))
	kinds := make(map[string]bool)
	for _, kind := range keys {
		kinds[kind] = true
	}
	if len(kinds) < 3 {
		t.Errorf("kinds %v", kinds)
	}
}

// TestA374 has a store that drops nothing, then one that drops too early.
func TestA374(t *testing.T) {
	w, f := faultyWorld(t)
	defer w.tight()
	late, s := w.begin("web"), w.signIn("web")
	w.pass(time.Minute)
	w.refused(w.do(w.exchangeRequest(late)), 400, "invalid_grant")
	w.pass(30 * 24 * time.Hour)
	w.refused(w.do(w.refreshRequest(s)), 400, "invalid_grant")
	if w.active(s.access) {
		t.Error("an expired token is active")
	}

	s, begun := w.signIn("web"), w.begin("web")
	f.grants(func(r *store.Record) { *r = store.Record{Key: r.Key} })
	w.refused(w.do(w.exchangeRequest(begun)), 400, "invalid_grant")
	w.refused(w.do(w.refreshRequest(s)), 400, "invalid_grant")
	if w.active(s.access) {
		t.Error("a token without its grant is active")
	}
}

// TestA375 moves the clock about.
func TestA375(t *testing.T) {
	w := newWorld(t)
	defer w.tight()
	s := w.signIn("web")
	spent := w.refreshRequest(s)
	s.take(t, w.do(spent))
	began := w.now
	for _, jump := range []time.Duration{-time.Hour, 5 * time.Minute, -5 * time.Minute, time.Second, 24 * time.Hour, -24 * time.Hour} {
		w.pass(jump)
		if a := w.do(w.credentials("job")); a.status == http.StatusOK && a.json["expires_in"] != 900.0 {
			t.Errorf("a token for %v s", a.json["expires_in"])
		}
		if w.now.Sub(began) >= 15*time.Minute && w.active(s.access) {
			t.Errorf("%v on, the token is active", w.now.Sub(began))
		}
	}
	for _, now := range []time.Time{{}, time.Unix(0, 0), time.Unix(1<<40, 0)} {
		w.mu.Lock()
		w.now = now
		w.mu.Unlock()
		if now.After(began) && w.active(s.access) {
			t.Errorf("at %v the token is active", now)
		}
		w.do(w.refreshRequest(s).with("refresh_token", "x"))
	}
	w.mu.Lock()
	w.now = began.Add(time.Minute)
	w.mu.Unlock()
	w.refused(w.do(spent), 400, "invalid_grant")
	w.dead(s)
}

// TestA376 looks for a second clock. store.Probe alone asks the time itself, for a record that it drops at once.
func TestA376(t *testing.T) {
	direct := regexp.MustCompile(`time\.(Now|Since|Until)\(`)
	for _, folder := range []string{"oauth", "token", "registry", "store", "pkce", "internal/chain", "internal/table", "internal/seal"} {
		err := filepath.WalkDir("../../"+folder, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") || path == "../../store/probe.go" || strings.Contains(path, "oauthtest") ||
				strings.Contains(path, "sqlstore") || strings.Contains(path, "redisstore") {
				return err
			}
			b, err := os.ReadFile(path)
			for line := range bytes.Lines(b) {
				if direct.Match(line) && !bytes.HasPrefix(bytes.TrimSpace(line), []byte("//")) {
					t.Errorf("%s: %s", path, bytes.TrimSpace(line))
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// folding is a store with a collation that takes different keys for the same.
type folding struct {
	store.Store
	fold func(string) string
}

func (s folding) Create(ctx context.Context, r store.Record) error {
	r.Key = s.fold(r.Key)
	return s.Store.Create(ctx, r)
}

func (s folding) Swap(ctx context.Context, r store.Record) error {
	r.Key = s.fold(r.Key)
	return s.Store.Swap(ctx, r)
}

func (s folding) Get(ctx context.Context, keys ...string) ([]store.Record, error) {
	folded := make([]string, len(keys))
	for i, key := range keys {
		folded[i] = s.fold(key)
	}
	list, err := s.Store.Get(ctx, folded...)
	for i := range list {
		if list[i].Version != 0 {
			list[i].Key = keys[i]
		}
	}
	return list, err
}

// TestA377 is what finds such a store when the program starts; storetest finds it before.
func TestA377(t *testing.T) {
	if err := store.Probe(t.Context(), memory.New()); err != nil {
		t.Errorf("a good store: %v", err)
	}
	if err := store.Probe(t.Context(), folding{memory.New(), strings.ToLower}); err == nil {
		t.Error("a store that folds case was accepted")
	}
}

func TestA378(t *testing.T) {
	w := newWorld(t)
	for _, subject := range []string{"a\x00b", "a", "a\xffb", "\U0001F600", strings.Repeat("x", 64<<10), "a/b", "a ", " a", "A", "é", "e\u0301"} {
		r, err := w.server.Issue(t.Context(), "web", oauth.Approval{Login: &oauth.Login{Subject: subject, Session: "a-session", Time: w.now}})
		if err != nil {
			var refused *oauth.Error
			if !errors.As(err, &refused) {
				t.Errorf("%.20q: %v", subject, err)
			}
			continue
		}
		if c, err := w.server.Introspect(t.Context(), r.AccessToken); err != nil || c.Subject != subject {
			t.Errorf("%.20q came back as %+v, %v", subject, c, err)
		}
		if err := w.server.EndSubject(t.Context(), subject+"x"); err != nil {
			t.Logf("%.20q: %v", subject, err)
		}
		if !w.active(r.AccessToken) {
			t.Errorf("%.20q was ended by another's end", subject)
		}
	}
}

func TestA379(t *testing.T) {
	w := newWorld(t)
	defer w.tight()
	acme := w.signIn("web")
	w.signedIn(&oauth.Login{Subject: "alice", Tenant: "other", Session: "session-in-other", Time: w.now})
	other := w.signIn("web")
	w.signedIn(&oauth.Login{Subject: "bob", Tenant: "acme", Session: "session-of-bob", Time: w.now})
	bob := w.signIn("web")
	if err := w.server.Disconnect(t.Context(), oauth.Consent{App: "web", Subject: "alice", Tenant: "acme"}); err != nil {
		t.Fatal(err)
	}
	w.dead(acme)
	for _, s := range []*session{other, bob} {
		if !w.active(s.access) {
			t.Error("a grant in another tenant, or of another user, is over")
		}
	}
	list, _, err := w.server.Consents(t.Context(), "bob", "")
	if err != nil || len(list) != 1 || list[0].Subject != "bob" {
		t.Errorf("bob's consents are %+v, %v", list, err)
	}
}

// TestA380 writes SQL into every field, and turns pages with cursors of its own making. TestStore of package
// sqlstore holds the adapters to the same with odd keys and values.
func TestA380(t *testing.T) {
	w := newWorld(t)
	defer w.tight()
	w.signIn("web")
	const sql = `' OR 1=1--`
	s := &session{app: "web", verifier: strings.Repeat("v", 43)}
	w.unchanged(func() {
		for name := range w.authorizeRequest(s).params {
			if name != "state" {
				w.do(w.authorizeRequest(s).with(name, sql))
			}
		}
		for _, p := range []string{"code", "code_verifier", "redirect_uri", "grant_type", "client_id"} {
			if a := w.do(w.exchangeRequest(&session{app: "web", code: "x", verifier: "x"}).with(p, sql)); a.status < 400 || a.status >= 500 {
				t.Errorf("%s: %d %s", p, a.status, a.body)
			}
		}
		for _, subject := range []string{sql, "alice'--", "%", "_____"} {
			if list, _, err := w.server.Consents(t.Context(), subject, ""); err == nil && len(list) > 0 {
				t.Errorf("%q has the consents %+v", subject, list)
			}
		}
		for _, cursor := range []string{sql, "%", "../", "c/", strings.Repeat("x", 200)} {
			if list, _, err := w.server.Consents(t.Context(), "bob", cursor); err == nil && len(list) > 0 {
				t.Errorf("after %q come the consents %+v", cursor, list)
			}
		}
	})
}

// TestA383 sweeps all the time, by clocks that are right, behind, and ahead by up to the hour that a record outlives its
// last need: nothing that lives goes, and what is spent or revoked stays known. Package storetest has the bounds of a
// batch.
func TestA383(t *testing.T) {
	for name, ahead := range map[string]time.Duration{"by a right clock": 0, "by one that is a day behind": -24 * time.Hour, "by one that is nearly an hour ahead": time.Hour - time.Second} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, strict, func(c *oauth.Config) { c.RefreshLifetime = time.Hour })
			sweep := func() {
				if _, err := w.store.Sweep(t.Context(), w.clock().Add(ahead).Unix(), 100); err != nil {
					t.Error(err)
				}
			}
			later := func(d time.Duration) {
				w.pass(d)
				sweep()
			}
			done := make(chan struct{})
			var swept sync.WaitGroup
			swept.Go(func() {
				for {
					select {
					case <-done:
						return
					default:
						sweep()
					}
				}
			})
			for range 10 {
				assertion, revoked := w.present(w.assertion()), w.good(w.do(w.credentials("job"))).str("access_token")
				w.good(w.do(assertion))
				w.good(w.asks("job", "/revoke", revoked))
				later(2*time.Minute - time.Second) // the last second in which the assertion is not out of date
				w.refused(w.do(assertion), 401, "invalid_client")
				later(13 * time.Minute) // and of the token
				w.inactive("job", revoked)

				s := w.signIn("web")
				exchange := w.exchangeRequest(s)
				for range 3 {
					later(time.Hour - time.Second)
					s.take(t, w.do(w.refreshRequest(s)))
				}
				w.refused(w.do(exchange), 400, "invalid_grant") // which ends it, hours later
				w.dead(s)
			}
			close(done)
			swept.Wait()
		})
	}
	t.Run("by one that is ten years ahead", func(t *testing.T) {
		w := newWorld(t)
		defer w.tight()
		over := w.signIn("web")
		if err := w.server.EndSubject(t.Context(), "alice"); err != nil {
			t.Fatal(err)
		}
		s, begun := w.signIn("web"), w.begin("web")
		if _, err := w.store.Sweep(t.Context(), w.now.AddDate(10, 0, 0).Unix(), 100); err != nil {
			t.Fatal(err)
		}
		w.unchanged(func() { // too much has gone, and none of it counts for fresh
			w.refused(w.do(w.exchangeRequest(begun)), 400, "invalid_grant")
			w.refused(w.do(w.exchangeRequest(s)), 400, "invalid_grant")
			w.dead(s)
			w.dead(over)
		})
		w.signIn("web")
	})
}

// TestA384 does everything at once.
func TestA384(t *testing.T) {
	w := newWorld(t, quiet)
	timer := time.AfterFunc(time.Minute, func() { panic("it is stuck") })
	defer timer.Stop()
	sessions := make([]*session, 20)
	for i := range sessions {
		sessions[i] = w.signIn("web")
	}
	atOnce(100, func(i int) {
		s := sessions[i%len(sessions)]
		switch i / len(sessions) {
		case 0, 1:
			w.serve(w.server, w.refreshRequest(s))
		case 2:
			w.serve(w.server, w.exchangeRequest(s))
		case 3:
			if err := w.server.EndSubject(t.Context(), "alice"); err != nil {
				t.Error(err)
			}
		case 4:
			if _, err := w.store.Sweep(t.Context(), w.clock().Unix(), 10); err != nil {
				t.Error(err)
			}
		}
	})
	for _, s := range sessions {
		w.dead(s)
	}
}

func TestA385(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	expired, cancel := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer cancel()
	s := memory.New()
	if err := s.Create(t.Context(), store.Record{Key: "there", Version: 1}); err != nil {
		t.Fatal(err)
	}
	for want, ctx := range map[error]context.Context{context.Canceled: cancelled, context.DeadlineExceeded: expired} {
		for name, call := range map[string]func() error{
			"Create": func() error { return s.Create(ctx, store.Record{Key: "new", Version: 1}) },
			"Get":    func() error { _, err := s.Get(ctx, "there"); return err },
			"Swap":   func() error { return s.Swap(ctx, store.Record{Key: "there", Version: 1, Value: []byte("x")}) },
			"List":   func() error { _, _, err := s.List(ctx, "l", "", 1); return err },
			"Sweep":  func() error { _, err := s.Sweep(ctx, 1<<40, 1); return err },
		} {
			if err := call(); !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", name, err, want)
			}
		}
	}
	list, err := s.Get(t.Context(), "new", "there")
	if err != nil || list[0].Version != 0 || list[1].Version != 1 {
		t.Errorf("it wrote: %+v, %v", list, err)
	}
}

// TestA386 changes an app from many sides, one of which suspends it.
func TestA386(t *testing.T) {
	reg, err := registry.New(registry.Config{Store: memory.New()})
	if err != nil {
		t.Fatal(err)
	}
	if err := reg.Create(t.Context(), &registry.App{ID: "web", Owner: "dev"}); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	done := int64(0)
	suspended := false
	atOnce(30, func(i int) {
		_, err := reg.Update(t.Context(), "web", func(a *registry.App) error {
			if i == 15 {
				a.Suspended = true
			}
			a.Epoch++
			return nil
		})
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			done++
			suspended = suspended || i == 15
		}
	})
	a, err := reg.App(t.Context(), "web")
	if err != nil || a.Epoch != done || a.Suspended != suspended {
		t.Errorf("after %d updates (suspended: %t) the app is %+v, %v", done, suspended, a, err)
	}
	if done == 0 {
		t.Error("no update came through")
	}
}

// TestA387 floods with what fails, which leaves nothing, and with what expires, which goes. Package soak does it for
// as long as one likes.
func TestA387(t *testing.T) {
	w := newWorld(t, quiet)
	s := &session{app: "web", code: strings.Repeat("x", 80), refresh: strings.Repeat("x", 100), verifier: strings.Repeat("v", 43)}
	w.unchanged(func() {
		for i := range 300 {
			stranger := w.credentials("job").with()
			stranger.header.Set("Authorization", basicOf(fmt.Sprint("stranger", i), "x"))
			w.serve(w.server, stranger)
			w.serve(w.server, w.exchangeRequest(s))
			w.serve(w.server, w.refreshRequest(s))
			w.do(w.authorizeRequest(s)) // and never come back
		}
	})
	for range 50 {
		w.begin("web")
	}
	w.pass(2 * time.Hour)
	if n, err := w.store.Sweep(t.Context(), w.clock().Unix(), 1000); err != nil || n != 50 {
		t.Errorf("%d records were swept, %v, want the 50 grants whose code nobody fetched", n, err)
	}
}

// TestA389 reads what an older, a newer or a broken version wrote: what it lacks is never taken for "whatever you like".
func TestA389(t *testing.T) {
	t.Run("a grant that is cut off after each byte", func(t *testing.T) {
		w, f := faultyWorld(t)
		s := w.signIn("web")
		var whole []byte
		f.grants(func(r *store.Record) { whole = bytes.Clone(r.Value) })
		w.active(s.access)
		if len(whole) < 50 {
			t.Fatalf("a grant of %d bytes", len(whole))
		}
		exchange := w.exchangeRequest(s)
		for n := range whole {
			f.grants(func(r *store.Record) { r.Value = bytes.Clone(whole[:n]) })
			w.unchanged(func() {
				for _, r := range []*request{w.as("rival", w.refreshRequest(s).with()), w.refreshRequest(s), exchange} {
					if a := w.do(r); a.status == http.StatusOK {
						t.Errorf("%d bytes of a grant are enough", n)
					}
				}
			})
			if c, err := w.server.Introspect(t.Context(), s.access); err == nil {
				t.Errorf("%d of %d bytes of a grant make a token of %+v", n, len(whole), c)
			}
		}
	})
	for app, needed := range map[string][]string{
		"web":   {"client_id", "manifest", "manifest.redirect_uris", "manifest.scopes", "secrets", "secrets.hash"},
		"spa":   {"client_id", "manifest", "manifest.redirect_uris", "manifest.scopes", "manifest.token_endpoint_auth_method"},
		"keyed": {"client_id", "manifest", "manifest.grant_types", "manifest.jwks", "manifest.jwks.keys", "manifest.scopes", "manifest.token_endpoint_auth_method"},
	} {
		t.Run("the app "+app+" without each of its members", func(t *testing.T) { lacking(t, app, needed) })
	}
}

// lacking takes one member after the other out of the record of an app. Without one that is needed nothing works, and
// without any other nothing works that did not before.
func lacking(t *testing.T, app string, needed []string) {
	w, f := faultyWorld(t)
	defer w.tight()
	reg, err := registry.New(registry.Config{Store: f, Now: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	all := w.config.Apps.(registry.Static)
	a := all[slices.IndexFunc(all, func(a registry.App) bool { return a.ID == app })]
	if err := reg.Create(t.Context(), &a); err != nil {
		t.Fatal(err)
	}
	c := w.config
	c.Apps = reg
	if w.server, err = oauth.New(c); err != nil {
		t.Fatal(err)
	}
	w.signedIn(&oauth.Login{Subject: "alice", Session: "session-of-alice", Time: w.now}) // in no tenant, where nothing is installed
	s := &session{app: app}
	if app != "keyed" {
		s = w.signIn(app)
	}

	const head = 17 // bytes of a record before its JSON
	var stored map[string]any
	f.got = func(asked []string, list []store.Record) []store.Record {
		for i, key := range asked {
			if strings.HasPrefix(key, "a/") && list[i].Version != 0 {
				decode(list[i].Value[head:], &stored)
			}
		}
		return list
	}
	if _, err := reg.App(t.Context(), app); err != nil || stored["client_id"] != app {
		t.Fatalf("the record of the app holds %v, %v", stored, err)
	}
	f.got = func(asked []string, list []store.Record) []store.Record {
		for i, key := range asked {
			if strings.HasPrefix(key, "a/") && list[i].Version != 0 {
				b, _ := json.Marshal(stored)
				list[i].Value = append(list[i].Value[:head:head], b...)
			}
		}
		return list
	}

	works := func() bool {
		if app == "keyed" {
			return w.do(w.present(w.assertion())).succeeded()
		}
		a := w.do(w.refreshRequest(s)) // at first, and then a retry
		if a.succeeded() && a.str("scope") != "read write" {
			t.Errorf("the scope is %q", a.str("scope"))
		}
		return a.succeeded() && w.do(w.authorizeRequest(s)).succeeded()
	}
	stranger := &request{method: http.MethodPost, path: "/token", params: url.Values{"grant_type": {"refresh_token"}, "refresh_token": {s.refresh}, "client_id": {app}}}
	basic := stranger.with("client_id", "")
	basic.header = http.Header{"Authorization": {basicOf(app, "wrong")}}
	itself := w.as(app, &request{method: http.MethodPost, path: "/token", params: url.Values{"grant_type": {"client_credentials"}}})
	elsewhere := w.authorizeRequest(&session{app: app, verifier: strings.Repeat("v", 43)}).with("redirect_uri", "https://evil.example")
	attacks := map[string]func() *answer{
		"a wrong secret": func() *answer { return w.do(basic) }, "another redirect URI": func() *answer { return w.do(elsewhere) },
		"another grant type": func() *answer { return w.do(itself) },
	}
	if app != "spa" {
		attacks["no secret"] = func() *answer { return w.do(stranger) }
	}
	attacks["another key"] = func() *answer {
		return w.do(w.present(w.assertion(claim("iss", text(app)), claim("sub", text(app)), signed(es256(signers()[0])))))
	}

	tried := make(map[string]bool)
	lost := func(name string) {
		tried[name] = true
		if got, bad := works(), slices.Contains(needed, name); got && bad || !got && name == "" {
			t.Errorf("without %q it works: %t", name, got)
		}
		for attack, try := range attacks {
			if a := try(); a.succeeded() {
				t.Errorf("without %q %s gets %d %s %s", name, attack, a.status, a.header.Get("Location"), a.body)
			}
		}
	}
	lost("") // the record as it is
	stored["later"], stored["manifest"].(map[string]any)["later"] = map[string]any{"x": 1}, []string{"y"}
	lost("")
	without(stored, "", lost)
	for _, name := range needed {
		if !tried[name] {
			t.Errorf("the record has no %q", name)
		}
	}
}

// without takes each member out of an object in turn, those of the objects in it too, and puts it back.
func without(object map[string]any, path string, lost func(name string)) {
	for _, name := range slices.Sorted(maps.Keys(object)) {
		value := object[name]
		delete(object, name)
		lost(path + name)
		object[name] = value
		inner, _ := value.([]any)
		for _, v := range append(inner, value) {
			if o, ok := v.(map[string]any); ok {
				without(o, path+name+".", lost)
			}
		}
	}
}
