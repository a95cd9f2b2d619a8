package oauth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
)

// errorCodes are the codes of the IANA registry that this server's endpoints may answer with.
var errorCodes = []string{
	"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope",
	"invalid_target", "access_denied", "unsupported_response_type", "login_required", "consent_required",
	"request_not_supported", "request_uri_not_supported",
}

// fuzzed is a server on a store that counts what changed it.
type fuzzed struct {
	*host
	store *countingStore
}

type countingStore struct {
	store.Store
	writes atomic.Int64
	seen   func(store.Record)
}

func (s *countingStore) Create(ctx context.Context, r store.Record) error {
	return s.count(r, s.Store.Create(ctx, r))
}

func (s *countingStore) Swap(ctx context.Context, r store.Record) error {
	return s.count(r, s.Store.Swap(ctx, r))
}

func (s *countingStore) count(r store.Record, err error) error {
	if err == nil {
		s.writes.Add(1)
		if s.seen != nil {
			s.seen(r)
		}
	}
	return err
}

func newFuzzed(f *testing.F, change ...func(*oauth.Config)) *fuzzed {
	z := &fuzzed{}
	z.host = newHost(f, append(change, func(c *oauth.Config) {
		z.store = &countingStore{Store: c.Store}
		c.Store, c.Observe, c.Limiter = z.store, nil, patience{}
	})...)
	return z
}

// form sends a form to an endpoint that answers the client itself.
func (z *fuzzed) form(t *testing.T, path, authorization, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest("POST", path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if authorization != "" {
		r.Header["Authorization"] = []string{authorization}
	}
	w, wrote := z.serve(t, r)
	var answer map[string]any
	if w.Body.Len() > 0 || path != "/revoke" {
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatalf("%s answered %d %q: %v", path, w.Code, w.Body, err)
		}
	}
	code, failed := answer["error"].(string)
	if failed != (w.Code >= 400) || failed && !slices.Contains(errorCodes, code) {
		t.Fatalf("%s answered %d %s", path, w.Code, w.Body)
	}
	if failed && wrote {
		t.Fatalf("a refused request wrote to the store: %s", w.Body)
	}
	return w
}

// page sends a request to the authorization endpoint, from a browser with these cookies.
func (z *fuzzed) page(t *testing.T, method, query string, cookies []*http.Cookie) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, "/authorize", nil)
	r.URL.RawQuery = query
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, c := range cookies {
		r.AddCookie(c)
	}
	w, wrote := z.serve(t, r)
	switch w.Code {
	case 200, 400:
		if wrote {
			t.Fatalf("a page wrote to the store: %d %s", w.Code, w.Body)
		}
	case 303:
		to := w.Header().Get("Location")
		u, err := url.Parse(to)
		if err != nil {
			t.Fatalf("redirected to %q", to)
		}
		q := u.Query()
		if strings.HasPrefix(to, "/authorize?") {
			break // an app's POST, or a form whose session is over
		}
		if !strings.HasPrefix(to, callback+"?") || q.Get("iss") != z.url {
			t.Fatalf("redirected to %q", to)
		}
		if code := q.Get("error"); (code != "") == q.Has("code") || code != "" && (wrote || !slices.Contains(errorCodes, code)) {
			t.Fatalf("redirected to %q", to)
		}
	default:
		t.Fatalf("answered %d %s", w.Code, w.Body)
	}
	return w
}

func (z *fuzzed) serve(t *testing.T, r *http.Request) (w *httptest.ResponseRecorder, wrote bool) {
	t.Helper()
	writes := z.store.writes.Load()
	w = httptest.NewRecorder()
	z.srv.ServeHTTP(w, r)
	if w.Code >= 500 {
		t.Fatalf("answered %d %s", w.Code, w.Body)
	}
	return w, z.store.writes.Load() != writes
}

// cookies are those of the browser.
func (b *browser) cookies() []*http.Cookie {
	u, _ := url.Parse(b.h.url)
	return b.http.Jar.Cookies(u)
}

func FuzzAuthorizeQuery(f *testing.F) {
	z := newFuzzed(f)
	b := z.signedInAs(oauth.Login{Subject: "alice"})
	b.code(z.request("web"))
	cookies := b.cookies()
	for _, set := range [][]string{{}, {"prompt", "none"}, {"prompt", "login consent", "max_age", "0"}, {"scope", "read  write"}, {"resource", files},
		{"code_challenge", "a+b/c="}, {"redirect_uri", "https://web.example.com/cb#"}, {"client_id", "nobody"}, {"state", "\x00"}, {"request_uri", "urn:x"}} {
		f.Add(z.request("web", set...).Encode())
	}
	f.Add("client_id=web&client_id=web&%zz;&&=")
	f.Fuzz(func(t *testing.T, query string) {
		z.page(t, "GET", query, cookies)
		z.page(t, "GET", query, nil)
		z.page(t, "POST", query, cookies)
	})
}

func FuzzTicket(f *testing.F) {
	z := newFuzzed(f)
	b := z.signedInAs(oauth.Login{Subject: "alice"})
	_, action := b.authorize(z.request("web")).form(f)
	cookies := b.cookies()
	ticket := strings.TrimPrefix(action, "/authorize?ticket=")
	f.Add(ticket)
	f.Add(ticket[:len(ticket)-1])
	f.Add("%41" + ticket[1:])
	f.Add("A" + ticket[1:])
	f.Add(ticket + "&client_id=web")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		// Nobody allows anything here, so no ticket may lead to a code.
		for _, method := range []string{"GET", "POST"} {
			for _, jar := range [][]*http.Cookie{cookies, nil} {
				w := z.page(t, method, "ticket="+text, jar)
				if strings.Contains(w.Header().Get("Location"), "code=") {
					t.Fatal("a ticket alone led to a code")
				}
				if text != ticket && w.Code != 400 {
					if escaped, err := url.ParseQuery("ticket=" + text); err != nil || escaped.Get("ticket") != ticket {
						t.Fatalf("a ticket that was changed is answered with %d", w.Code)
					}
				}
			}
		}
	})
}

func FuzzTokenForm(f *testing.F) {
	z := newFuzzed(f)
	refresh := z.login("web").str("refresh_token")
	for _, body := range []string{
		"", "grant_type=client_credentials", "grant_type=refresh_token&refresh_token=" + refresh, "grant_type=refresh_token&refresh_token=" + refresh + "&scope=read",
		"grant_type=refresh_token&refresh_token=" + refresh + "&scope=admin", "grant_type=refresh_token&refresh_token=" + refresh + "&resource=" + url.QueryEscape(files),
		"grant_type=authorization_code&code=" + strings.Repeat("A", 66) + "&code_verifier=" + verifier + "&redirect_uri=" + url.QueryEscape(callback),
		"grant_type=refresh_token&refresh_token=%00&refresh_token=", "client_id=web&client_secret=" + secret + "&grant_type=x", "tenant=t&grant_type=client_credentials&scope=read+read",
		"client_assertion=a.b.c&client_assertion_type=urn", "&;=%&=", "grant_type=%ff",
	} {
		f.Add("web", body)
		f.Add("svc", body)
		f.Add("", body)
	}
	f.Fuzz(func(t *testing.T, app, body string) {
		authorization := ""
		if app != "" {
			authorization = basic(app, secret)
		}
		z.form(t, "/token", authorization, body)
		z.form(t, "/introspect", authorization, body)
	})
}

func FuzzBasicHeader(f *testing.F) {
	z := newFuzzed(f)
	good := basic("svc", secret)
	for _, h := range []string{good, "basic" + good[5:], "Basic", "Basic ", "Bearer x", good + "=", good + "\n", "Basic Og==", "Basic c3Zj", "Basic JTAwOiUwMA==", "Basic " + good} {
		f.Add(h)
	}
	f.Fuzz(func(t *testing.T, header string) {
		w := z.form(t, "/token", header, "grant_type=client_credentials")
		r := &http.Request{Header: http.Header{"Authorization": {header}}}
		id, password, _ := r.BasicAuth()
		id, _ = url.QueryUnescape(id)
		password, _ = url.QueryUnescape(password)
		if w.Code == 200 && (password != secret || id != "svc" && id != "api" && id != "opaque") {
			t.Fatal("a wrong header authenticates")
		}
		if header != "" && w.Code == 401 && w.Header().Get("WWW-Authenticate") == "" {
			t.Fatal("401 without a challenge")
		}
	})
}

func FuzzAssertion(f *testing.F) {
	m := newMachine(f, func(c *oauth.Config, _ *registry.App) { c.Observe, c.Limiter = nil, patience{} })
	z := &fuzzed{host: m.h}
	m.h.restart(func(c *oauth.Config) { z.store = &countingStore{Store: c.Store}; c.Store = z.store })
	good := m.sign("JWT", m.claims(nil))
	for _, c := range []map[string]any{nil, {"exp": 1e300}, {"aud": []string{m.h.url}}, {"jti": ""}, {"sub": "web"}, {"nbf": -1}, {"iat": "now"}} {
		f.Add(m.sign("", m.claims(c)))
	}
	head, rest, _ := strings.Cut(good, ".")
	for _, s := range []string{good, good + ".", head + ".." + rest, "eyJhbGciOiJub25lIn0." + rest, "..", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, assertion string) {
		form := url.Values{"grant_type": {"client_credentials"}, "client_assertion": {assertion}, "client_assertion_type": {assertionType}}.Encode()
		if w := z.form(t, "/token", "", form); w.Code == 200 && z.form(t, "/token", "", form).Code == 200 {
			t.Fatal("one assertion succeeded twice")
		}
	})
}

func FuzzToken(f *testing.F) {
	z := newFuzzed(f)
	var live []string
	for _, app := range []string{"web", "opaque"} {
		r := z.login(app)
		live = append(live, r.str("access_token"), r.str("refresh_token"))
	}
	live = append(live, z.post("opaque", "/token", ccForm).str("access_token"))
	for _, tok := range live {
		f.Add(tok)
		f.Add(tok[:len(tok)-1])
		f.Add(tok + "A")
		f.Add(strings.ToUpper(tok))
		f.Add(tok[:9] + "\n" + tok[9:])
	}
	f.Add("a.b.c")
	f.Add("Ag0000000000000000000\r000000") // the id of an access token, with what decoders skip
	f.Fuzz(func(t *testing.T, tok string) {
		form := url.Values{"token": {tok}}.Encode()
		_, err := z.srv.Introspect(t.Context(), tok)
		for _, app := range []string{"web", "opaque", "svc"} {
			w := z.form(t, "/introspect", basic(app, secret), form)
			if strings.Contains(w.Body.String(), `"active":true`) && (!slices.Contains(live, tok) || app == "svc") {
				t.Fatalf("%s sees as active what it was not given", app)
			}
		}
		if err == nil && !slices.Contains(live, tok) {
			t.Fatal("a token that was not handed out is active")
		}
		if !slices.Contains(live, tok) {
			if _, wrote := z.serve(t, z.revocation(tok)); wrote {
				t.Fatal("the revocation of an unknown token wrote to the store")
			}
		}
		if id, ok := oauth.RecodeAccessID(tok); ok && id != tok {
			t.Fatalf("two texts of one id: %q and %q", tok, id)
		}
	})
}

// revocation is a request of the app web.
func (z *fuzzed) revocation(tok string) *http.Request {
	r := httptest.NewRequest("POST", "/revoke", strings.NewReader(url.Values{"token": {tok}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", basic("web", secret))
	return r
}

func FuzzGrantCodec(f *testing.F) {
	z := newFuzzed(f)
	frame := 1 + 16 // of internal/table: format and nonce
	z.store.seen = func(r store.Record) {
		if strings.HasPrefix(r.Key, "g/") {
			f.Add(r.Value[frame:])
			f.Add(append(r.Value[frame:len(r.Value):len(r.Value)], 99, 1, 'x')) // a field of a newer version
		}
	}
	z.login("web")
	z.login("two")
	f.Add([]byte{})
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	recode := func(b []byte) ([]byte, bool) {
		b, err := oauth.RecodeGrant(b)
		return b, err == nil
	}
	f.Fuzz(func(t *testing.T, b []byte) { recodes(t, b, recode) })
}

func FuzzAccessCodec(f *testing.F) {
	z := newFuzzed(f)
	f.Add(z.srv.OpenAccess(z.login("opaque").str("access_token")))
	f.Add(z.srv.OpenAccess(z.post("opaque", "/token", ccForm).str("access_token")))
	f.Add([]byte{1, 1, 2})
	f.Fuzz(func(t *testing.T, b []byte) { recodes(t, b, oauth.RecodeAccess) })
}

// recodes sees that what decodes has one meaning: it encodes to what encodes to itself.
func recodes(t *testing.T, b []byte, recode func([]byte) ([]byte, bool)) {
	t.Helper()
	once, ok := recode(b)
	if !ok {
		return
	}
	if again, ok := recode(once); !ok || !bytes.Equal(again, once) {
		t.Fatalf("encoded %x, then %x", once, again)
	}
}

// FuzzCursor holds that no cursor shows what is not the subject's own, and that one that was not given out is a
// bad request and no fault of ours.
func FuzzCursor(f *testing.F) {
	z := newFuzzed(f)
	for _, subject := range []string{"alice", "bob"} {
		for _, app := range []string{"web", "spa"} {
			v := z.request(app)
			z.signedInAs(oauth.Login{Subject: subject}).code(v)
		}
	}
	f.Add("")
	f.Add("c/")
	f.Add("c/\x00")
	f.Add("g/AAAA")
	f.Add(strings.Repeat("z", 300))
	f.Fuzz(func(t *testing.T, after string) {
		list, _, err := z.srv.Consents(t.Context(), "alice", after)
		var e *oauth.Error
		if err != nil && (!errors.As(err, &e) || e.Code != "invalid_request") {
			t.Fatalf("after %q: %v", after, err)
		}
		if err == nil && after == "" && len(list) != 2 {
			t.Fatalf("%d consents, want 2", len(list))
		}
		for _, c := range list {
			if c.Subject != "alice" {
				t.Fatalf("after %q: a consent of %s", after, c.Subject)
			}
		}
	})
}
