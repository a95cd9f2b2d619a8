package soak

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/oauthcore/oauthcore/pkce"
)

const users = 100

// visitor is who makes requests, one after another.
type visitor struct {
	w     *world
	ctx   context.Context
	http  *http.Client
	hasty bool // hangs up on every other request, before the answer has come
}

// traffic asks for things until ctx is done.
func (w *world) traffic(ctx context.Context, seed int) {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	v := &visitor{w: w, ctx: ctx, http: &http.Client{Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	for ctx.Err() == nil {
		v.hasty = rand.IntN(5) == 0
		switch n := rand.IntN(8); {
		case n < 3:
			v.user(fmt.Sprintf("user%d", rand.IntN(users)), []string{"web", "opaque"}[rand.IntN(2)])
		case n < 5:
			v.machine()
		default:
			v.hostile()
		}
	}
}

// reply is an answer; its status is zero if there is none.
type reply struct {
	status int
	header http.Header
	body   string
	json   map[string]any
}

func (r reply) str(name string) string { s, _ := r.json[name].(string); return s }

func (v *visitor) do(what string, req *http.Request) (r reply) {
	// From more places than the limiter remembers. By this clock nobody has to wait for it.
	if req.Header.Get("X-Test-Address") == "" {
		n := rand.Uint32()
		req.Header.Set("X-Test-Address", netip.AddrFrom4([4]byte{10, byte(n), byte(n >> 8), byte(n >> 16)}).String())
	}
	if v.hasty && rand.IntN(2) == 0 {
		ctx, cancel := context.WithTimeout(req.Context(), time.Duration(rand.IntN(1000))*time.Microsecond)
		defer cancel()
		req = req.WithContext(ctx)
	}
	res, err := v.http.Do(req)
	if err != nil {
		if req.Context().Err() == nil {
			v.w.t.Errorf("%s: %v", what, err)
		}
		v.w.count("cancelled " + what)
		return r
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return r
	}
	r = reply{status: res.StatusCode, header: res.Header, body: string(body)}
	json.Unmarshal(body, &r.json)
	v.w.count(what + " " + strconv.Itoa(r.status))
	return r
}

func (v *visitor) request(ctx context.Context, method, path, body string) *http.Request {
	req, err := http.NewRequestWithContext(ctx, method, v.w.url+path, strings.NewReader(body))
	if err != nil {
		v.w.t.Error(err)
		return &http.Request{}
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return req
}

func (v *visitor) post(what, app, path string, form url.Values) reply {
	req := v.request(v.ctx, http.MethodPost, path, form.Encode())
	req.SetBasicAuth(app, url.QueryEscape(secret))
	req.Header.Set("X-Test-Address", "192.0.2.1") // of a server, which makes no mistakes
	return v.do(what, req)
}

// want reports a refusal of what is in order, unless the store failed or so much time passed that it expired.
func (v *visitor) want(what string, began time.Time, r reply) bool {
	if r.status >= 400 && r.status != http.StatusServiceUnavailable && time.Since(began) < 5*time.Minute/speed {
		v.w.t.Errorf("%s: %d %s", what, r.status, r.body)
	}
	return r.status != 0 && r.status < 400
}

// code takes a user through the pages.
func (v *visitor) code(user, app, verifier string) (code string) {
	q := url.Values{"response_type": {"code"}, "client_id": {app}, "scope": {"read"}, "state": {"s"}, "redirect_uri": {callback},
		"code_challenge": {pkce.Challenge(verifier)}, "code_challenge_method": {"S256"}}
	get := v.request(v.ctx, http.MethodGet, "/authorize?"+q.Encode(), "")
	get.Header.Set("X-Test-Address", "192.0.2.2")
	get.AddCookie(&http.Cookie{Name: "user", Value: user})
	began := time.Now()
	r := v.do("authorize", get)
	v.want("authorize", began, r)
	if r.status == http.StatusOK {
		post := v.request(v.ctx, http.MethodPost, r.body, "")
		post.Header.Set("X-Test-Address", "192.0.2.2")
		post.AddCookie(&http.Cookie{Name: "user", Value: user})
		for _, line := range r.header.Values("Set-Cookie") {
			if c, err := http.ParseSetCookie(line); err == nil {
				post.AddCookie(c)
			}
		}
		r = v.do("consent", post)
		v.want("consent", began, r)
	}
	u, err := url.Parse(r.header.Get("Location"))
	if err != nil {
		return ""
	}
	return u.Query().Get("code")
}

// user signs in with an app, which then uses, refreshes and perhaps gives up what it got.
func (v *visitor) user(user, app string) {
	began, verifier := time.Now(), pkce.NewVerifier()
	code := v.code(user, app, verifier)
	if code == "" {
		return
	}
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "code_verifier": {verifier}, "redirect_uri": {callback}}
	got := v.post("exchange", app, "/token", form)
	if !v.want("exchange", began, got) {
		return
	}
	for range rand.IntN(6) {
		refresh := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {got.str("refresh_token")}}
		next := v.post("refresh", app, "/token", refresh)
		if next.status == 0 || next.status == http.StatusServiceUnavailable || rand.IntN(8) == 0 {
			next = v.post("retry", app, "/token", refresh)
		}
		if next.str("refresh_token") == "" {
			break
		}
		got = next
		v.api(got.str("access_token"))
		v.post("introspect", app, "/introspect", url.Values{"token": {got.str("access_token")}})
	}
	switch rand.IntN(4) {
	case 0:
		v.post("revoke", app, "/revoke", url.Values{"token": {got.str("refresh_token")}})
	case 1:
		v.post("replay", app, "/token", form) // ends the grant
	}
}

func (v *visitor) api(tok string) {
	req := v.request(v.ctx, http.MethodGet, "/api", "")
	req.Header.Set("Authorization", "Bearer "+tok)
	v.do("api", req)
}

// machine is an app that acts for itself.
func (v *visitor) machine() {
	got := v.post("machine", "web", "/token", url.Values{"grant_type": {"client_credentials"}, "scope": {"read"}})
	v.api(got.str("access_token"))
	v.post("introspect", "opaque", "/introspect", url.Values{"token": {got.str("access_token")}})
}

// junk is what a stranger might send in the place of something.
func junk() string {
	const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789-_.~%&=+ \x00\xff\"\\"
	b := make([]byte, rand.IntN(300))
	for i := range b {
		b[i] = alphabet[rand.IntN(len(alphabet))]
	}
	return string(b)
}

// hostile is one request that must be refused.
func (v *visitor) hostile() {
	var req *http.Request
	switch rand.IntN(8) {
	case 0:
		req = v.request(v.ctx, http.MethodPost, "/token", junk())
	case 1:
		req = v.request(v.ctx, http.MethodPost, "/token", "grant_type=client_credentials")
		req.SetBasicAuth([]string{"web", "nobody"}[rand.IntN(2)], url.QueryEscape(junk()))
	case 2:
		req = v.request(v.ctx, http.MethodGet, "/authorize?"+url.QueryEscape(junk())+"&client_id=web&redirect_uri=https://evil.example/", "")
	case 3:
		req = v.request(v.ctx, http.MethodPost, "/token", "x="+strings.Repeat("a", 70<<10))
	case 4:
		req = v.request(v.ctx, http.MethodPost, "/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {junk()}}.Encode())
		req.SetBasicAuth("web", url.QueryEscape(secret))
	case 5:
		req = v.request(v.ctx, http.MethodGet, "/api", "")
		req.Header.Set("Authorization", "Bearer "+url.QueryEscape(junk()))
	case 6:
		req = v.request(v.ctx, http.MethodPut, "/token", junk())
	case 7:
		req = v.request(v.ctx, http.MethodPost, "/authorize?ticket="+url.QueryEscape(junk()), "")
	}
	if r := v.do("hostile", req); r.status != 0 && r.status < 400 {
		v.w.t.Errorf("%s %s is answered with %d", req.Method, req.URL.Path, r.status)
	}
}
