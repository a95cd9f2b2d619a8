package oauthtest

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/oauthcore/oauthcore/pkce"
	"github.com/oauthcore/oauthcore/token"
)

const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

// reply is an answer of the server, or why there was none.
type reply struct {
	*http.Response // never nil; status 0 if there was no answer
	err            error
	body           string
	json           map[string]any // nil if it is no JSON object
}

// unanswered is the reply of a request that failed.
func unanswered(err error) reply {
	if e := (*url.Error)(nil); errors.As(err, &e) {
		err = e.Err // without the URL, which may hold a ticket
	}
	return reply{Response: new(http.Response), err: err}
}

func (r reply) str(name string) string { s, _ := r.json[name].(string); return s }

// is reports whether the answer has this status and error code, "" for none.
func (r reply) is(status int, code string) bool {
	return r.StatusCode == status && r.str("error") == code
}

// String tells an answer without what is secret in it.
func (r reply) String() string {
	if r.err != nil {
		return "nothing: " + r.err.Error()
	}
	s := fmt.Sprint(r.StatusCode)
	if e := r.str("error"); e != "" {
		return s + " " + e + " (" + r.str("error_description") + ")"
	}
	if len(r.json) > 0 {
		return fmt.Sprintf("%s with %q", s, slices.Sorted(maps.Keys(r.json)))
	}
	if u, err := r.Location(); err == nil {
		return fmt.Sprintf("%s to %s with %q, error %q", s, u.Host, slices.Sorted(maps.Keys(u.Query())), u.Query().Get("error"))
	}
	return s
}

// do sends a request, a form if it is a POST, as edit has it. That it came to nothing is a reply like any
// other, for requests are sent side by side, where no test may be ended.
func (h *host) do(client *http.Client, method, target string, form url.Values, edit func(*http.Request)) reply {
	req, err := http.NewRequest(method, target, strings.NewReader(form.Encode()))
	if err != nil {
		return unanswered(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		edit(req)
	}
	one := *client
	one.Transport, one.Timeout = h.transport, time.Minute // no server may take that long
	res, err := one.Do(req)
	if err != nil {
		return unanswered(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return unanswered(err)
	}
	r := reply{Response: res, body: string(body)}
	if res.Header.Get("Content-Type") == "application/json" && len(body) > 0 {
		if err := json.Unmarshal(body, &r.json); err != nil {
			return unanswered(fmt.Errorf("status %d with what is no JSON: %w", res.StatusCode, err))
		}
	}
	return r
}

// post sends a form to a process as the app, by the method that the app registered.
func (h *host) post(process int, app, path string, form url.Values) reply {
	switch app {
	case "machine":
		return h.raw(process, path, "", "", h.asserted(form, app, h.keys))
	case "robot":
		return h.raw(process, path, "", "", h.asserted(form, app, h.strange))
	}
	return h.raw(process, path, app, secret, form)
}

// raw sends a form with a client's secret, or without if app is empty.
func (h *host) raw(process int, path, app, secret string, form url.Values) reply {
	return h.do(new(http.Client), http.MethodPost, h.processes[process].url+path, form, func(r *http.Request) {
		if app != "" {
			r.SetBasicAuth(url.QueryEscape(app), url.QueryEscape(secret))
		}
	})
}

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// asserted returns form with an assertion of app, new each time.
func (h *host) asserted(form url.Values, app string, keys *token.Keys) url.Values {
	h.Helper()
	now := h.clock()
	payload, err := json.Marshal(map[string]any{"iss": app, "sub": app, "aud": h.config.Issuer, "jti": rand.Text(), "exp": now.Unix() + 60})
	if err != nil {
		h.Error(err)
	}
	signed, err := keys.SignJWT("", payload, now)
	if err != nil {
		h.Error(err)
	}
	return with(form, "client_assertion", signed, "client_assertion_type", assertionType)
}

// with returns a copy of v with pairs of names and values set; an empty value removes.
func with(v url.Values, set ...string) url.Values {
	v = maps.Clone(v)
	for i := 0; i < len(set); i += 2 {
		if set[i+1] == "" {
			v.Del(set[i])
		} else {
			v.Set(set[i], set[i+1])
		}
	}
	return v
}

// browser is a user agent that follows no redirect by itself.
type browser struct {
	*host
	process int
	client  *http.Client
}

// signIn returns a browser with a session of the user.
func (h *host) signIn(user string) *browser {
	h.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		h.Fatal(err)
	}
	u, err := url.Parse(h.config.Issuer)
	if err != nil {
		h.Fatal(err)
	}
	jar.SetCookies(u, []*http.Cookie{h.startSession(user)})
	return &browser{host: h, client: &http.Client{Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// authorization is an app's request to the authorization endpoint.
func authorization(app string) url.Values {
	return url.Values{"response_type": {"code"}, "client_id": {app}, "redirect_uri": {callback}, "scope": {"read write"}, "state": {"xyz"},
		"code_challenge": {pkce.Challenge(verifier)}, "code_challenge_method": {"S256"}}
}

// authorize follows an app's link to the authorization endpoint.
func (b *browser) authorize(app string) reply {
	return b.visit("GET", "/authorize?"+authorization(app).Encode(), nil)
}

// visit sends what a browser sends for a link or a form of the host.
func (b *browser) visit(method, target string, form url.Values) reply {
	return b.do(b.client, method, b.processes[b.process].url+target, form, func(r *http.Request) {
		r.Header.Set("Origin", b.config.Issuer)
	})
}

var formAction = regexp.MustCompile(`<form method=post action="([^"]+)">`)

// form returns where the consent form of a page posts, "" if the page has none.
func (r reply) form() string {
	m := formAction.FindStringSubmatch(r.body)
	if m == nil {
		return ""
	}
	return html.UnescapeString(m[1])
}
