package proof_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/oauthcore/oauthcore/pkce"
	"github.com/oauthcore/oauthcore/token"
)

// outcome is what a client learns of one try.
type outcome int

const (
	unknown outcome = iota // it may have happened
	done
	refused
	odd // an answer that the protocol does not have here
)

func (o outcome) String() string { return [...]string{"unknown", "done", "refused", "odd"}[o] }

// answer is what a node sent.
type answer struct {
	Status   int
	Location string
	Body     []byte
}

// member returns a string of a JSON answer.
func (a answer) member(name string) string {
	var m map[string]any
	json.Unmarshal(a.Body, &m)
	s, _ := m[name].(string)
	return s
}

// query returns a parameter that the app gets by redirect.
func (a answer) query(name string) string {
	u, err := url.Parse(a.Location)
	if err != nil {
		return ""
	}
	return u.Query().Get(name)
}

// outcome judges an answer; said tells an odd one, without what it may hold of tokens.
func (a answer) outcome() (o outcome, said string) {
	code := a.member("error")
	if a.Location != "" {
		code = a.query("error")
	}
	switch {
	case a.Status == 0, a.Status == http.StatusServiceUnavailable, code == "temporarily_unavailable":
		return unknown, ""
	case a.Status == http.StatusBadRequest && code == "invalid_grant",
		a.Status == http.StatusBadRequest && bytes.Contains(a.Body, []byte("sent before")):
		return refused, ""
	case code == "" && (a.Status == http.StatusOK || a.Status == http.StatusSeeOther):
		return done, ""
	}
	return odd, fmt.Sprintf("status %d, error %q", a.Status, code)
}

// client is an app, and the browser of one of its users. Only requests for tokens may run side by side.
type client struct {
	app, user, tenant string
	keys              *token.Keys // signs assertions; nil: the app has a secret
	http              *http.Client
	cookies           []*http.Cookie
	header            http.Header // of every request, beside its own
	verifier          string
}

// newHTTP keeps connections apart from those of other tests.
func newHTTP() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 64},
		Timeout:       time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// newClient returns a client with a user of its own.
func newClient(h *http.Client, app, tenant string, keys *token.Keys) *client {
	user := "u" + rand.Text()
	return &client{app: app, user: user, tenant: tenant, keys: keys, http: h, verifier: pkce.NewVerifier(),
		cookies: []*http.Cookie{{Name: "user", Value: user + "@" + tenant}}}
}

// do sends a request. An answer that does not arrive whole has the status 0.
func (c *client) do(node, method, target string, form url.Values) answer {
	req, err := http.NewRequest(method, node+target, strings.NewReader(form.Encode()))
	if err != nil {
		return answer{}
	}
	for name, values := range c.header {
		req.Header[name] = values
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if strings.HasPrefix(target, "/authorize") {
		for _, cookie := range c.cookies {
			req.AddCookie(cookie)
		}
	} else if c.keys == nil {
		req.SetBasicAuth(c.app, clientSecret)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return answer{}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{}
	}
	for _, cookie := range res.Cookies() {
		c.cookies = slices.DeleteFunc(c.cookies, func(old *http.Cookie) bool { return old.Name == cookie.Name })
		c.cookies = append(c.cookies, cookie)
	}
	return answer{Status: res.StatusCode, Location: res.Header.Get("Location"), Body: body}
}

// post sends a form to one of OAuth's endpoints, as the app.
func (c *client) post(node, path string, form url.Values) answer {
	if c.keys != nil {
		now := time.Now()
		claims, err := json.Marshal(map[string]any{"iss": c.app, "sub": c.app, "aud": issuer, "jti": rand.Text(), "exp": now.Unix() + 60})
		assertion, err2 := c.keys.SignJWT("JWT", claims, now)
		if err := errors.Join(err, err2); err != nil {
			panic(err)
		}
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		form.Set("client_assertion", assertion)
	}
	return c.do(node, http.MethodPost, path, form)
}

// authorize asks for a code: the answer is a redirect with one, or the consent page, whose body is where
// its form goes. The prompt "none" asks for no page.
func (c *client) authorize(node string, prompt ...string) answer {
	return c.do(node, http.MethodGet, "/authorize?"+url.Values{
		"response_type": {"code"}, "client_id": {c.app}, "redirect_uri": {callback}, "scope": {"read"},
		"code_challenge": {pkce.Challenge(c.verifier)}, "code_challenge_method": {"S256"}, "prompt": prompt,
	}.Encode(), nil)
}

// allow sends the form of a consent page.
func (c *client) allow(node string, page answer) answer {
	return c.do(node, http.MethodPost, string(page.Body), url.Values{})
}

// code gets a code, "" if it cannot.
func (c *client) code(node string) string {
	a := c.authorize(node)
	if a.Status == http.StatusOK {
		a = c.allow(node, a)
	}
	return a.query("code")
}

func (c *client) exchange(node, code string) answer {
	return c.post(node, "/token", url.Values{"grant_type": {"authorization_code"}, "code": {code},
		"redirect_uri": {callback}, "code_verifier": {c.verifier}})
}

func (c *client) refresh(node, tok string) answer {
	return c.post(node, "/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tok}})
}

func (c *client) credentials(node string) answer {
	return c.post(node, "/token", url.Values{"grant_type": {"client_credentials"}})
}

// wear uses the grant type of the host.
func (c *client) wear(node string) answer {
	return c.post(node, "/token", url.Values{"grant_type": {hostGrant}, "badge": {c.user + "@" + c.tenant}})
}

func (c *client) revoke(node, tok string) answer {
	return c.post(node, "/revoke", url.Values{"token": {tok}})
}

// host asks the host program for something about the client's user or tenant.
func (c *client) host(node, what string) answer {
	return c.do(node, http.MethodPost, "/host/"+what, url.Values{"app": {c.app}, "user": {c.user}, "tenant": {c.tenant}})
}

// introspectAtHost asks the host program about an access token.
func (c *client) introspectAtHost(node, tok string) answer {
	return c.do(node, http.MethodPost, "/host/Introspect", url.Values{"token": {tok}})
}

// introspect asks about a token of the app.
func (c *client) introspect(node, tok string) answer {
	return c.post(node, "/introspect", url.Values{"token": {tok}})
}

// active says whether an answer of introspection is that the token is worth something.
func (a answer) active() bool { return bytes.Contains(a.Body, []byte(`"active":true`)) }
