package oauth_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"maps"
	"math/big"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/oauth/profile"
	"github.com/oauthcore/oauthcore/oauth/resource"
	"github.com/oauthcore/oauthcore/pkce"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/token"
)

// leaks knows every secret of a test, and all that was printed in it.
type leaks struct {
	t       testing.TB
	mu      sync.Mutex
	secrets map[string]string // by value, what it is
	printed map[string]string // by text, where it is from
}

func newLeaks(t testing.TB) *leaks {
	return &leaks{t: t, secrets: make(map[string]string), printed: make(map[string]string)}
}

// keep notes a secret, and the part of a credential that nobody else can know.
func (l *leaks) keep(what, value string) string {
	if len(value) < 8 {
		l.t.Errorf("the %s is %d bytes, too short to be looked for", what, len(value))
		return value
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.secrets[value] = what
	if b, err := hex.DecodeString(value); err == nil && len(b) >= 32 {
		l.secrets[string(b[len(b)-32:])] = "secret in " + what
	} else if b, err := base64.RawURLEncoding.DecodeString(value); err == nil && len(b) >= 32 {
		l.secrets[string(b[len(b)-32:])] = "secret in " + what
	}
	if parts := strings.Split(value, "."); len(parts) == 3 && strings.HasPrefix(value, "eyJ") {
		l.secrets[parts[2]] = "signature of " + what
	}
	return value
}

func (l *leaks) print(where, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.printed[text] = where
}

// Write prints a line of the log.
func (l *leaks) Write(line []byte) (int, error) {
	l.print("the log", string(line))
	return len(line), nil
}

// show prints v as a host might: with every verb, as JSON and by log/slog; also what v points to, and an error's causes.
func (l *leaks) show(where string, v any) {
	values := []any{v}
	if p := reflect.ValueOf(v); p.Kind() == reflect.Pointer && !p.IsNil() {
		values = append(values, p.Elem().Interface())
	}
	for _, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			l.print(where+" with "+verb, fmt.Sprintf(verb, v))
		}
		l.print(where+" inside another", fmt.Sprintf("%+v %#v", struct{ V any }{v}, []any{v}))
		var b bytes.Buffer
		options := &slog.HandlerOptions{Level: slog.LevelDebug}
		slog.New(slog.NewJSONHandler(&b, options)).Debug("", "v", v)
		slog.New(slog.NewTextHandler(&b, options)).Debug("", "v", v)
		l.print(where+" by log/slog", b.String())
		if _, wire := v.(json.Marshaler); !wire {
			if b, err := json.Marshal(v); err == nil {
				l.print(where+" as JSON", string(b))
			}
		}
	}
	if err, ok := v.(error); ok {
		if cause := errors.Unwrap(err); cause != nil {
			l.show(where+", its cause", cause)
		}
	}
}

// forms are the ways in which a secret may be in a text.
func forms(secret string) []string {
	b := []byte(secret)
	list := []string{secret, hex.EncodeToString(b), fmt.Sprintf("%X", b), url.QueryEscape(secret),
		strings.Trim(fmt.Sprint(b), "[]"), strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", b), "[]byte{"), "}")}
	for before := range 3 { // bytes of something else, in whose base64 the secret's begins
		for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			text := e.EncodeToString(append(make([]byte, before), b...))
			end := len(text)
			if (before+len(b))%3 != 0 {
				end--
			}
			list = append(list, text[[]int{0, 2, 3}[before]:end])
		}
	}
	return list
}

// found returns what of the secrets was printed, and where.
func (l *leaks) found() (list []string) {
	type form struct{ text, what string }
	begin := make(map[[8]byte][]form)
	for secret, what := range l.secrets {
		for _, f := range forms(secret) {
			begin[[8]byte([]byte(f))] = append(begin[[8]byte([]byte(f))], form{f, what})
		}
	}
	for text, where := range l.printed {
		for i := range max(0, len(text)-7) {
			for _, f := range begin[[8]byte([]byte(text[i:i+8]))] {
				if strings.HasPrefix(text[i:], f.text) {
					list = append(list, fmt.Sprintf("the %s is in %s", f.what, where))
				}
			}
		}
	}
	return list
}

// Each way to print a secret is one that the search would see.
func TestLeaksAreFound(t *testing.T) {
	const secret = "a-secret-of-thirty-two-characters"
	for name, v := range map[string]any{"a text": secret, "bytes": []byte(secret), "a text in a field": struct{ S string }{secret},
		"bytes in a field": struct{ S []byte }{[]byte(secret)}, "bytes amid others": []byte("x" + secret + "yz")} {
		all := newLeaks(t)
		all.show(name, v)
		for text, where := range all.printed {
			one := newLeaks(t)
			one.keep("secret", secret)
			one.print(where, text)
			if len(one.found()) == 0 {
				t.Errorf("%s: not found in %q", where, text)
			}
		}
	}
}

// The store, the apps and the limiter of a host that prints what it is given.
type (
	shownStore struct {
		store.Store
		l *leaks
	}
	shownApps struct {
		oauth.Apps
		l *leaks
	}
	shownLimiter struct{ l *leaks }
)

func (s shownStore) Get(ctx context.Context, keys ...string) ([]store.Record, error) {
	s.l.print("a key of the store", strings.Join(keys, " "))
	return s.Store.Get(ctx, keys...)
}

func (s shownStore) Create(ctx context.Context, r store.Record) error {
	s.l.print("a record", fmt.Sprintf("%s %q %s", r.Key, r.Labels, r.Value))
	return s.Store.Create(ctx, r)
}

func (s shownStore) Swap(ctx context.Context, r store.Record) error {
	s.l.print("a record", fmt.Sprintf("%s %s", r.Key, r.Value))
	return s.Store.Swap(ctx, r)
}

func (s shownApps) App(ctx context.Context, id string) (*registry.App, error) {
	a, err := s.Apps.App(ctx, id)
	s.l.show("the id of an app", id)
	s.l.show("an app", a)
	return a, err
}

func (s shownLimiter) Wait(_ context.Context, key string) time.Duration {
	s.l.show("a key of the limiter", key)
	return 0
}

func (s shownLimiter) Failed(_ context.Context, key string) {}

// leaking is a server whose host prints all that it is given.
type leaking struct {
	*leaks
	m       *machine
	h       *host
	store   *flaky
	got     oauth.TokenResponse // last
	happens map[string]int      // what came to be
	panics  bool                // the hooks do
}

func newLeaking(t *testing.T, p *oauth.Profile) *leaking {
	s := &leaking{leaks: newLeaks(t), happens: make(map[string]int)}
	s.m = newMachine(t, func(c *oauth.Config, a *registry.App) {
		a.Policy.MayIntrospect = true
		a.Manifest.GrantTypes = append(a.Manifest.GrantTypes, hostGrant)
	})
	s.h = s.m.h
	signer := newSigner(t).(*ecdsa.PrivateKey)
	d, err := signer.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	s.keep("private key", string(d))
	s.keep("private key in decimal", new(big.Int).SetBytes(d).String())
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s.keep("private key", string(edwards.Seed()))
	ring := []token.Key{{ID: "1", Signer: signer}, {ID: "2", Signer: edwards}}
	keys, err := token.NewKeys(ring...)
	if err != nil {
		t.Fatal(err)
	}
	s.show("a key", ring[0])
	s.show("a key", ring[1])
	s.show("the ring", keys)
	s.keep("client secret", secret)
	serverSecret := s.keep("server secret", "the-secret-of-the-server-itself!")

	var dialect oauth.Profile
	if p != nil {
		dialect = *p
	}
	edit := dialect.Reply
	dialect.Reply = func(r *oauth.Reply) {
		if r.Token != nil {
			s.got = *r.Token
			s.tokens(r.Token)
		}
		if edit != nil {
			edit(r)
		}
		s.show("a Reply", r)
	}
	s.h.restart(func(c *oauth.Config) {
		s.store = &flaky{Store: shownStore{c.Store, s.leaks}}
		c.Store, c.Apps, c.Limiter, c.Profile, c.Keys = s.store, shownApps{c.Apps, s.leaks}, shownLimiter{s.leaks}, &dialect, keys
		c.Secrets = [][]byte{[]byte(serverSecret)}
		c.Paths = oauth.Paths{Authorize: "/authorize", Token: "/token", Introspect: "/introspect", Revoke: "/revoke", JWKS: "/jwks"}
		c.Address = func(r *http.Request) string { return r.RemoteAddr }
		c.SignedIn = func(r *http.Request) (*oauth.Login, error) {
			l, err := s.h.signedIn(r)
			if l != nil {
				s.keep("session", l.Session)
				s.show("a Login", l)
			}
			return l, err
		}
		c.Interact = func(w http.ResponseWriter, r *http.Request, a *oauth.Authorization) {
			s.show("an Authorization", a)
			s.h.page(w, r, a)
		}
		c.Claims = func(_ context.Context, g *oauth.Grant, c *token.Claims) error {
			s.show("a Grant", g)
			s.show("the Claims", c)
			if s.panics {
				panic(g)
			}
			return nil
		}
		c.GrantTypes = map[string]oauth.GrantHandler{hostGrant: func(_ context.Context, r *oauth.TokenRequest) (*oauth.Approval, error) {
			s.show("a TokenRequest", r)
			if s.panics {
				panic(r)
			}
			if r.Params.Get("pin") == "" {
				return nil, &oauth.Error{Code: "invalid_grant"}
			}
			ap := &oauth.Approval{Login: &oauth.Login{Subject: "alice", Session: s.keep("session", "session-of-the-host"), Time: s.h.clock()}}
			s.show("an Approval", ap)
			return ap, nil
		}}
		c.Observe = func(_ context.Context, e oauth.Event) {
			s.show("an Event", e)
			if e.Err == nil {
				s.happens[strings.TrimSpace(e.Endpoint+" "+e.GrantType)]++
			}
			if e.Retried {
				s.happens["a retry"]++
			}
			if e.Reused {
				s.happens["a reuse"]++
			}
		}
	})
	s.show("the Config", s.h.config)
	s.show("the Server", s.h.srv)
	return s
}

func (s *leaking) tokens(t *oauth.TokenResponse) {
	s.keep("access token", t.AccessToken)
	if t.RefreshToken != "" {
		s.keep("refresh token", t.RefreshToken)
	}
	s.show("a TokenResponse", t)
}

// post sends a form as the app, and prints an answer that refuses.
func (s *leaking) post(app, path string, pairs ...string) {
	form, header := with(url.Values{}, pairs...), http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "X-Api-Key": {s.keep("header", rand.Text())}}
	switch app {
	case s.m.id:
		form.Set("client_assertion", s.keep("assertion", s.m.sign("", s.m.claims(nil))))
		form.Set("client_assertion_type", assertionType)
	case "pub":
		form.Set("client_id", app)
	case "two":
		form.Set("client_id", app)
		form.Set("client_secret", secret)
	default:
		header.Set("Authorization", s.keep("header", basic(app, secret)))
	}
	r := newRequest(s.t, "POST", s.h.url+path)
	r.Header, r.Body = header, io.NopCloser(strings.NewReader(form.Encode()))
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		if !s.panics {
			s.t.Fatal(err)
		}
		return
	}
	s.refused(answer{Response: res, body: func() string { b, _ := io.ReadAll(res.Body); res.Body.Close(); return string(b) }()})
}

func (s *leaking) refused(a answer) {
	if a.StatusCode >= 400 {
		s.print("an answer", fmt.Sprint(a.StatusCode, a.Header, a.body))
	}
}

// code goes through the pages of a sign-in and a consent, which has secrets of its own.
func (s *leaking) code(app, verifier string) string {
	b := s.h.browser()
	a := b.authorize(with(s.h.request(app), "redirect_uri", edit(apps(), app).Manifest.RedirectURIs[0], "code_challenge", pkce.Challenge(verifier),
		"state", s.keep("state", pkce.NewVerifier()), "nonce", s.keep("nonce", pkce.NewVerifier())))
	for a.StatusCode == http.StatusOK {
		_, action := a.form(s.t)
		_, ticket, _ := strings.Cut(action, "=")
		s.keep("ticket", ticket)
		u, _ := url.Parse(s.h.url)
		for _, c := range b.http.Jar.Cookies(u) {
			s.keep("cookie", c.Value)
		}
		s.refused(s.h.browser().do("POST", action, url.Values{"allow": {"yes"}})) // another browser
		if a = b.do("POST", action, url.Values{"user": {"alice"}, "allow": {"yes"}}); strings.HasPrefix(a.Header.Get("Location"), "/") {
			a = b.do("GET", a.Header.Get("Location"), nil)
		}
		s.refused(b.do("POST", action, url.Values{"allow": {"yes"}})) // again
	}
	if a.StatusCode != http.StatusSeeOther {
		s.refused(a)
		return ""
	}
	code := a.location(s.t).Get("code")
	if code == "" {
		if !s.store.failed {
			s.t.Errorf("%s: no code: %v", app, a.Header)
		}
		return ""
	}
	return s.keep("code", code)
}

// play goes through every flow as the app, with right and wrong credentials.
func (s *leaking) play(app string) {
	v := s.keep("verifier", pkce.NewVerifier())
	code := s.code(app, v)
	exchange := []string{"grant_type", "authorization_code", "redirect_uri", edit(apps(), app).Manifest.RedirectURIs[0], "code", code, "code_verifier", v}
	s.post(app, "/token", append(exchange, "code_verifier", s.keep("wrong verifier", pkce.NewVerifier()))...)
	s.post(app, "/token", append(exchange, "code_verifier", v[:42]+"!")...)
	s.post("svc", "/token", exchange...)
	s.post(app, "/token", exchange...)
	first := s.got
	refresh := []string{"grant_type", "refresh_token", "refresh_token", first.RefreshToken}
	s.post(app, "/token", append(refresh, "scope", "admin")...)
	s.post("two", "/token", refresh...)
	s.post(app, "/token", refresh...)
	s.post(app, "/token", refresh...) // a retry
	guard, err := resource.New(resource.Config{Accept: token.VerifierConfig{Issuer: s.h.url, Audience: api, Now: s.h.clock}, Introspect: s.h.srv.Introspect})
	if err != nil {
		s.t.Fatal(err)
	}
	s.show("a Guard", guard)
	for _, tok := range []string{first.AccessToken, s.got.AccessToken + "x", s.got.RefreshToken, code, first.RefreshToken[:60]} {
		for _, path := range []string{"/introspect", "/revoke"} {
			s.post("svc", path, "token", tok)
			s.post(s.m.id, path, "token", tok)
			s.post(app, path, "code", tok)
		}
		s.post(app, "/introspect", "token", tok, "token_type_hint", tok)
		s.post(app, "/token", "grant_type", "authorization_code", "code", tok, "redirect_uri", tok, "scope", tok, "resource", tok)
		s.post(app, "/token", "grant_type", "refresh_token", "refresh_token", tok, "scope", tok)
		c, err := s.h.srv.Introspect(s.t.Context(), tok)
		s.show("an introspection", c)
		s.show("an error of Introspect", err)
		r := newRequest(s.t, "GET", "/")
		r.Header.Set("Authorization", "Bearer "+tok)
		_, err = guard.Check(r, resource.Need{Scopes: []string{"admin"}})
		s.show("an error of the guard", err)
		s.refused(s.h.browser().do("GET", "/authorize?redirect_uri="+tok, nil))
	}
	s.post(app, "/token", exchange...) // ends the grant
	s.post(app, "/token", refresh...)
	s.post(s.m.id, "/token", "grant_type", "client_credentials", "scope", "read")
	s.post("svc", "/token", "grant_type", "client_credentials", "scope", "evil")
	s.post(s.m.id, "/token", "grant_type", hostGrant, "pin", s.keep("pin", pkce.NewVerifier()))
	s.post(s.m.id, "/token", "grant_type", hostGrant)
	t, err := s.h.srv.Issue(s.t.Context(), app, oauth.Approval{Login: &oauth.Login{Subject: "alice", Time: s.h.clock(), Session: s.keep("session", "session of the app")}})
	if t != nil {
		s.tokens(t)
		s.post(app, "/revoke", "token", t.RefreshToken)
	}
	s.show("an error of Issue", err)
	list, _, err := s.h.srv.Consents(s.t.Context(), "alice", "")
	s.show("the Consents", list)
	s.show("an error of Consents", err)
	s.show("an error of Disconnect", s.h.srv.Disconnect(s.t.Context(), oauth.Consent{Subject: "alice", App: app}))
	s.show("an error of EndSubject", s.h.srv.EndSubject(s.t.Context(), "alice"))
}

// No secret is in anything that a host can print: values that it is given or gets, events, errors, records, refusals, and
// what net/http logs of a panic. Hashes are not secrets.
func TestNothingLeaks(t *testing.T) {
	was := log.Writer()
	t.Cleanup(func() { log.SetOutput(was) })
	for name, p := range map[string]*oauth.Profile{"no profile": nil, "JSON": profile.JSON(), "Cognito": profile.Cognito(),
		"Doorkeeper": profile.Doorkeeper(), "IdentityServer": profile.IdentityServer()} {
		t.Run(name, func(t *testing.T) {
			s := newLeaking(t, p)
			log.SetOutput(s)
			for _, app := range []string{"web", "two", "opaque", "pub"} {
				s.play(app)
			}
			for _, what := range []string{"authorize", "token authorization_code", "token refresh_token", "token client_credentials", "token " + hostGrant,
				"introspect", "revoke", "issue", "disconnect", "end", "a retry", "a reuse"} {
				if s.happens[what] == 0 {
					t.Errorf("%s did not happen: %v", what, s.happens)
				}
			}
			for call := range 12 {
				s.store.countdown = call + 1
				s.code("web", pkce.NewVerifier())
			}
			s.panics = true
			s.post(s.m.id, "/token", "grant_type", hostGrant, "pin", s.keep("pin", pkce.NewVerifier()))
			s.post(s.m.id, "/token", "grant_type", "client_credentials", "scope", "read")
			s.mu.Lock()
			defer s.mu.Unlock()
			if !slices.ContainsFunc(slices.Collect(maps.Keys(s.printed)), func(text string) bool {
				return strings.Contains(text, "http: panic serving")
			}) {
				t.Error("no panic is in the log")
			}
			for _, leak := range s.found() {
				t.Error(leak)
			}
			if len(s.secrets) < 100 || len(s.printed) < 1000 {
				t.Errorf("only %d secrets were looked for in %d texts", len(s.secrets), len(s.printed))
			}
		})
	}
}
