package oauth_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/oauth/oauthtest"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/memory"
)

// handles makes access tokens handles in hexadecimal.
func handles(c *oauth.Config) { c.Profile = &oauth.Profile{Hex: true, Handles: true} }

func (h *host) grantOf(app string) *oauth.TokenResponse {
	h.t.Helper()
	t, err := h.srv.Issue(h.t.Context(), app, oauth.Approval{Login: &oauth.Login{Subject: "alice", Time: h.clock()}})
	if err != nil {
		h.t.Fatal(err)
	}
	return t
}

func TestHandleForm(t *testing.T) {
	for _, tt := range []struct {
		name    string
		profile oauth.Profile
		prefix  string
		form    string
	}{
		{"64 hexadecimal digits", oauth.Profile{Handles: true, Hex: true}, "", `^[0-9a-f]{64}$`},
		{"after the prefix", oauth.Profile{Handles: true, Hex: true}, "pre_", `^pre_[0-9a-f]{64}$`},
		{"base64url", oauth.Profile{Handles: true}, "", `^[A-Za-z0-9_-]{43}$`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t, func(c *oauth.Config) { c.Profile, c.CredentialPrefix = &tt.profile, tt.prefix })
			form := regexp.MustCompile(tt.form)
			seen := make(map[string]bool)
			for _, app := range []string{"web", "opaque"} { // whatever its policy says
				tok := h.grantOf(app).AccessToken
				if !form.MatchString(tok) || seen[tok] {
					t.Errorf("a token of %s has %d characters, want a new one of %s", app, len(tok), tt.form)
				}
				seen[tok] = true
				if got := h.introspect(app, tok); got.json["active"] != true || got.str("sub") != "alice" || got.str("client_id") != app {
					t.Errorf("introspection says %s", got.body)
				}
				for name, other := range map[string]string{
					"capitals": strings.ToUpper(tok), "one character less": tok[:len(tok)-1], "one more": tok + "0", "a line end": tok + "\n",
					"another": tok[:len(tok)-1] + string("01"[tok[len(tok)-1]&1^1]),
				} {
					if other != tok && h.active(other) {
						t.Errorf("active with %s", name)
					}
				}
			}
		})
	}
}

func TestHandleLife(t *testing.T) {
	h := newHost(t, handles)
	first := h.login("web")
	second := h.refresh("web", first.str("refresh_token")).want(t, 200, "")
	alone := h.post("svc", "/token", url.Values{"grant_type": {"client_credentials"}}).want(t, 200, "")
	a, b, c := first.str("access_token"), second.str("access_token"), alone.str("access_token")
	for _, tok := range []string{a, b, c} {
		if len(tok) != 64 || !h.active(tok) {
			t.Fatalf("a token of %d characters, active %v", len(tok), h.active(tok))
		}
	}
	if got := h.introspect("api", a); got.json["active"] != true || got.str("scope") != "read write" || got.str("aud") != api {
		t.Errorf("to an API introspection says %s", got.body)
	}
	if got := h.introspect("svc", a); got.json["active"] != false {
		t.Errorf("to a stranger introspection says %s", got.body)
	}
	h.post("svc", "/revoke", url.Values{"token": {a}}).want(t, 400, "unauthorized_client")
	h.post("web", "/revoke", url.Values{"token": {a}}).want(t, 200, "")
	h.post("web", "/revoke", url.Values{"token": {a}}).want(t, 200, "")
	if h.active(a) || !h.active(b) {
		t.Error("not exactly the revoked token is inactive")
	}
	h.post("web", "/revoke", url.Values{"token": {second.str("refresh_token")}}).want(t, 200, "")
	if h.active(b) {
		t.Error("a token is active after the end of its grant")
	}
	h.pass(15*time.Minute - time.Second)
	if !h.active(c) {
		t.Error("a token is inactive before its time")
	}
	h.pass(time.Second)
	if h.active(c) {
		t.Error("a token is active after its time")
	}
	h.pass(2 * time.Hour)
	if n, err := h.config.Store.Sweep(t.Context(), h.clock().Unix(), 100); err != nil || n == 0 {
		t.Errorf("Sweep = %d, %v, want the records of handles gone", n, err)
	}
	if h.active(c) {
		t.Error("a token is active that has no record")
	}
}

// What was handed out before the dialect was named goes on.
func TestHandlesComeLater(t *testing.T) {
	h := newHost(t, func(c *oauth.Config) { c.Profile = &oauth.Profile{Hex: true} })
	jwt, sealed := h.grantOf("web").AccessToken, h.grantOf("opaque").AccessToken
	h.restart(handles)
	if !h.active(jwt) || !h.active(sealed) {
		t.Error("a token of another form is inactive")
	}
}

// recorder keeps the last record written under each key.
func recorder(records map[string]store.Record) func(store.Record) error {
	return func(r store.Record) error {
		r.Value = slices.Clone(r.Value)
		records[r.Key] = r
		return nil
	}
}

func TestHandleAtRest(t *testing.T) {
	records := make(map[string]store.Record)
	var s interceptor
	h := newHost(t, handles, s.wrap)
	s.create, s.swap = recorder(records), recorder(records)
	mine, theirs := h.grantOf("web").AccessToken, h.grantOf("opaque").AccessToken
	var keys []string
	for key, r := range records {
		binary, _ := hex.DecodeString(mine)
		if text := key + string(r.Value); strings.Contains(text, mine) || strings.Contains(text, string(binary)) {
			t.Errorf("the record %.2s holds the token", key)
		}
		if !strings.HasPrefix(key, "h/") {
			continue
		}
		keys = append(keys, key)
		for _, tok := range []string{hex.EncodeToString(sealedIn(t, r)), base64.RawURLEncoding.EncodeToString(sealedIn(t, r))} {
			if h.active(tok) {
				t.Error("what a record holds is a token")
			}
		}
		if want := h.clock().Unix() + 900; r.Expires < want || r.Expires > want+2*3600 {
			t.Errorf("the record expires at %d, want soon after %d", r.Expires, want)
		}
	}
	if len(keys) != 2 {
		t.Fatalf("got %d records of handles, want 2", len(keys))
	}
	// Who can write the store exchanges what the two records hold.
	for i, key := range keys {
		row, err := s.Store.Get(t.Context(), key)
		must(t, err)
		row[0].Value = records[keys[1-i]].Value
		must(t, s.Store.Swap(t.Context(), row[0]))
	}
	if h.active(mine) || h.active(theirs) {
		t.Error("a record in the place of another is active")
	}
}

// handleFrame is what comes before the fields of a record: a byte for its format and a nonce of 16.
const handleFrame = 1 + 16

// sealedIn returns the token that the record of a handle holds, sealed, as its one field.
func sealedIn(t testing.TB, r store.Record) []byte {
	t.Helper()
	tag, n := binary.Uvarint(r.Value[handleFrame:])
	size, m := binary.Uvarint(r.Value[handleFrame+n:])
	sealed := r.Value[handleFrame+n+m:]
	if tag != 1 || len(sealed) == 0 || size != uint64(len(sealed)) {
		t.Fatalf("the record of a handle holds the tag %d and %d of %d bytes", tag, size, len(sealed))
	}
	return sealed
}

// storedHandle is a handle, and the record that says what it is.
type storedHandle struct {
	*host
	store    interceptor
	tok, key string
}

func newStoredHandle(t testing.TB) *storedHandle {
	t.Helper()
	h := new(storedHandle)
	h.host = newHost(t, handles, h.store.wrap)
	h.store.create = func(r store.Record) error {
		if strings.HasPrefix(r.Key, "h/") {
			h.key = r.Key
		}
		return nil
	}
	h.tok = h.grantOf("web").AccessToken
	return h
}

func (h *storedHandle) record(t testing.TB) store.Record {
	t.Helper()
	rs, err := h.store.Store.Get(t.Context(), h.key)
	must(t, err)
	return rs[0]
}

// write gives the record other fields.
func (h *storedHandle) write(t testing.TB, fields []byte) {
	t.Helper()
	r := h.record(t)
	r.Value = slices.Concat(r.Value[:handleFrame], fields)
	must(t, h.store.Store.Swap(t.Context(), r))
}

// TestHandleOfANewerVersion adds to a record what a newer version of the library might have.
func TestHandleOfANewerVersion(t *testing.T) {
	h := newStoredHandle(t)
	known := h.record(t).Value[handleFrame:]
	newer := binary.AppendUvarint(nil, 9999)
	newer = append(newer, 1, 'x')
	for _, fields := range [][]byte{slices.Concat(known, newer), slices.Concat(newer, known), slices.Concat(newer, known, newer)} {
		h.write(t, fields)
		before := h.record(t)
		if !h.active(h.tok) {
			t.Error("a field that is not known makes a token inactive")
		}
		if after := h.record(t); after.Version != before.Version {
			t.Error("a look at a token wrote its record")
		}
	}
	h.post("web", "/revoke", url.Values{"token": {h.tok}}).want(t, 200, "")
	if h.active(h.tok) {
		t.Error("a token with a field that is not known cannot be revoked")
	}
	if got := h.record(t).Value; !bytes.HasSuffix(got, newer) {
		t.Error("the revocation dropped a field that is not known")
	}
}

// FuzzHandleRecord reads any record in the place of a handle's: what it does not seal is no token.
func FuzzHandleRecord(f *testing.F) {
	h := newStoredHandle(f)
	good := h.record(f)
	sealed := sealedIn(f, good)
	for _, fields := range [][]byte{
		good.Value[handleFrame:], sealed, {}, {1}, {1, 0}, {1, 200}, {2, 1, 'x'}, bytes.Repeat([]byte{0xff}, 12),
		append(bytes.Clone(good.Value[handleFrame:]), 2, 1), append(bytes.Clone(good.Value[handleFrame:]), 1, 1, 'x'),
	} {
		f.Add(fields)
	}
	f.Fuzz(func(t *testing.T, fields []byte) {
		if len(fields) > 1<<10 {
			return
		}
		h.write(t, fields)
		if _, err := h.srv.Introspect(t.Context(), h.tok); err == nil && !bytes.Contains(fields, sealed) {
			t.Errorf("%x is a token", fields)
		}
	})
}

// TestHandleCosts counts what a handle costs the store, beside a token that carries its facts.
func TestHandleCosts(t *testing.T) {
	type cost struct{ reads, writes int64 }
	costs := func(t *testing.T, dialect func(*oauth.Config)) (got [4]cost) {
		var s interceptor
		h := newHost(t, dialect, s.wrap)
		measure := func(f func()) cost {
			reads, writes := s.reads.Load(), s.writes.Load()
			f()
			return cost{s.reads.Load() - reads, s.writes.Load() - writes}
		}
		first := h.grantOf("opaque")
		got[0] = measure(func() { h.post("opaque", "/token", url.Values{"grant_type": {"client_credentials"}}).want(t, 200, "") })
		got[1] = measure(func() { h.refresh("opaque", first.RefreshToken).want(t, 200, "") })
		got[2] = measure(func() { h.refresh("opaque", first.RefreshToken).want(t, 200, "") }) // a retry
		got[3] = measure(func() { h.active(first.AccessToken) })
		return got
	}
	without := costs(t, func(c *oauth.Config) { c.Profile = &oauth.Profile{Hex: true} })
	with := costs(t, handles)
	for i, name := range []string{"client credentials", "a refresh", "its retry", "introspection"} {
		more := cost{with[i].reads - without[i].reads, with[i].writes - without[i].writes}
		want := cost{0, 1}
		if name == "introspection" {
			want = cost{1, 0}
		}
		if more != want {
			t.Errorf("%s costs %+v more, want %+v", name, more, want)
		}
	}
	t.Run("nothing where there are none", func(t *testing.T) {
		var s interceptor
		h := newHost(t, s.wrap)
		if h.active(strings.Repeat("A", 43)) || s.reads.Load() != 0 {
			t.Errorf("%d reads of what has the length of a handle, want none", s.reads.Load())
		}
	})
}

// TestHandleFaults has each call of the store in turn go wrong, of each request that gives a handle: no answer
// gives one that does not work, and the client gets one that does by asking again, but for a code whose
// exchange was stored and never answered.
func TestHandleFaults(t *testing.T) {
	for _, fault := range []struct {
		name            string
		effect, lasting bool
	}{
		{"fails", false, false}, {"fails after its effect", true, false},
		{"fails, as all that follow", false, true}, {"fails after its effect, and all that follow fail", true, true},
	} {
		for _, flow := range []string{"client credentials", "code exchange", "refresh"} {
			t.Run(flow+": a call "+fault.name, func(t *testing.T) {
				for at, more := 0, true; more; at++ {
					var s interceptor
					h := newHost(t, handles, s.wrap)
					var send func() reply
					switch flow {
					case "client credentials":
						send = func() reply { return h.post("svc", "/token", ccForm) }
					case "code exchange":
						v := h.request("web")
						code := h.signedInAs(oauth.Login{Subject: "alice"}).code(v)
						send = func() reply { return h.exchange(v, code) }
					case "refresh":
						tok := h.grantOf("web").RefreshToken
						send = func() reply { return h.refresh("web", tok) }
					}
					calls, broken := 0, false
					call := func(do func() error) (err error) {
						switch {
						case broken:
							err = errDown
						case calls == at:
							broken, err = fault.lasting, errDown
							if fault.effect {
								must(t, do())
							}
						}
						calls++
						return err
					}
					s.get = func([]string) error { return call(func() error { return nil }) }
					s.create = func(r store.Record) error { return call(func() error { return s.Store.Create(t.Context(), r) }) }
					s.swap = func(r store.Record) error { return call(func() error { return s.Store.Swap(t.Context(), r) }) }
					got := send()
					s.get, s.create, s.swap = nil, nil, nil
					more = calls > at
					if got.StatusCode == 503 && more {
						got = send()
						if got.str("error") == "invalid_grant" && flow == "code exchange" && fault.effect && fault.lasting {
							continue
						}
					}
					if got.want(t, 200, ""); !h.active(got.str("access_token")) {
						t.Errorf("call %d: an answered token is inactive", at)
					}
				}
			})
		}
	}
}

// TestHandleProtocol runs the protocol suite where every access token is a handle and every credential is in
// hexadecimal.
func TestHandleProtocol(t *testing.T) {
	oauthtest.Run(t, func(testing.TB) store.Store { return memory.New() }, &oauthtest.Options{
		AllPairs: long(),
		Serve: func(c oauth.Config) (http.Handler, error) {
			handles(&c)
			return oauth.New(c)
		},
	})
}

// TestHandleBeforeGrant holds the order of the two writes. A crash between them leaves a record that nobody can
// name; in the other order it would leave a code that is spent for nothing.
func TestHandleBeforeGrant(t *testing.T) {
	var writes []string
	note := func(r store.Record) error { writes = append(writes, r.Key[:2]); return nil }
	s := interceptor{create: note, swap: note}
	h := newHost(t, handles, s.wrap)
	first := h.grantOf("web")
	h.refresh("web", first.RefreshToken).want(t, 200, "")
	if want := []string{"h/", "g/", "h/", "g/"}; !slices.Equal(writes, want) {
		t.Errorf("wrote %q, want %q", writes, want)
	}
}

// A request that is refused at the last check stores no handle.
func TestHandleOfARefusedRequest(t *testing.T) {
	var s interceptor
	h := newHost(t, handles, s.wrap, func(c *oauth.Config) {
		c.Apps = apps(func(s registry.Static) { edit(s, "web").Policy.Resources = []string{files} })
	})
	first := h.grantOf("web")
	s.unwritten(t, func() {
		h.refresh("web", first.RefreshToken, "resource", api).want(t, 400, "invalid_target")
		h.refresh("web", first.RefreshToken, "scope", "read admin other").want(t, 400, "invalid_scope")
		h.refresh("web", first.AccessToken).want(t, 400, "invalid_grant")
	})
}

// TestHandlesInParallel refreshes one token many times at once within the grace: each answer has a handle of
// its own, one successor, and all of them work.
func TestHandlesInParallel(t *testing.T) {
	const n, rounds = 8, 10
	h := newHost(t, handles)
	tok := h.grantOf("web").RefreshToken
	for range rounds {
		replies := make([]reply, n)
		start := make(chan struct{})
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				<-start
				replies[i] = h.refresh("web", tok)
			})
		}
		close(start)
		wg.Wait()
		seen := make(map[string]bool)
		for _, r := range replies {
			access := r.want(t, 200, "").str("access_token")
			if seen[access] || !h.active(access) || r.str("refresh_token") != replies[0].str("refresh_token") {
				t.Fatalf("the answers differ in more than the handle, or one does not work: new %v, active %v", !seen[access], h.active(access))
			}
			seen[access] = true
		}
		tok = replies[0].str("refresh_token")
	}
}

// handleCosts are what a handle costs the host that issues one and the API that asks about it, with the most
// allocations that each may make.
func handleCosts(t testing.TB) []handleCost {
	h := newHost(t, handles, func(c *oauth.Config) { c.Observe = nil })
	tok := h.grantOf("web").AccessToken
	return []handleCost{
		{"introspection", 90, func() {
			if _, err := h.srv.Introspect(t.Context(), tok); err != nil {
				t.Fatal(err)
			}
		}},
		{"issue", 92, func() { h.grantOf("web") }},
	}
}

type handleCost struct {
	name string
	most float64
	f    func()
}

func BenchmarkHandle(b *testing.B) {
	for _, c := range handleCosts(b) {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.f()
			}
		})
	}
}

// TestHandleReuseInParallel sends a code, and in strict mode a refresh token, a second time while the first
// use is being written: the grant ends, as it does without handles.
func TestHandleReuseInParallel(t *testing.T) {
	for _, refresh := range []bool{false, true} {
		var s *interceptor
		h := newHost(t, handles, strict, func(c *oauth.Config) { s = &interceptor{Store: c.Store}; c.Store = s })
		v := h.request("web")
		code := h.signedInAs(oauth.Login{Subject: "alice"}).code(v)
		send := func() reply { return h.exchange(v, code) }
		if refresh {
			tok := send().want(t, 200, "").str("refresh_token")
			send = func() reply { return h.refresh("web", tok) }
		}
		var won reply
		s.swap = func(store.Record) error {
			s.swap = nil
			won = send().want(t, 200, "")
			return nil
		}
		send().want(t, 400, "invalid_grant")
		if h.active(won.str("access_token")) {
			t.Errorf("refresh %t: the grant is alive after a second use", refresh)
		}
	}
}
