package oauth

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/oauthcore/oauthcore/internal/chain"
	"github.com/oauthcore/oauthcore/internal/table"
)

// The library's one cookie. The prefix __Host- keeps other hosts of the domain from setting it; on plain
// http, which is for loopback only, some clients' jars refuse it.
const (
	secureCookie = "__Host-oauthcore"
	plainCookie  = "oauthcore"
)

// ticketLife is how long a person may take at a page, in seconds.
const ticketLife = 10 * 60

// ticket carries an authorization request through the pages: sealed, bound to the browser by the cookie,
// and good for one grant, whose id is drawn with it.
type ticket struct {
	Request string   `json:"r"` // the canonical query
	Arrived int64    `json:"a"` // first seen, Unix seconds
	Made    int64    `json:"m"`
	Grant   chain.ID `json:"g"`
	Who     string   `json:"w,omitempty"` // hash of the session that is shown the consent page; empty: a sign-in page
	Saw     string   `json:"s,omitempty"` // hash of what that page asks
}

// who names a session of a subject without telling either.
func who(l *Login) string { return table.Hash("who", l.Session, l.Subject, l.Tenant) }

// saw names what a consent page asks for, and for whom: a form approves what its page said and nothing else.
func saw(a *Authorization) string {
	m := &a.App.Manifest
	return table.Hash(slices.Concat([]string{"saw", m.Name, strings.Join(m.RedirectURIs, "\n"), strings.Join(a.Scopes, " ")}, a.Resources)...)
}

// seal returns the URL of t in the browser that has the cookie.
func (s *Server) sealTicket(t *ticket, cookie string) string {
	plain, err := json.Marshal(t)
	if err != nil {
		panic("internal error: oauth: " + err.Error()) // strings and numbers
	}
	sealed := s.ticketKeys.Seal(plain, []byte(cookie))
	return s.path.Authorize + "?ticket=" + base64.RawURLEncoding.EncodeToString(sealed)
}

// openTicket reads the ticket of a request that has one.
func (s *Server) openTicket(c *call, text, cookie string) (*ticket, url.Values, error) {
	errTicket := refuse("invalid_request", "this page has expired, or belongs to another browser; start again at the app")
	sealed, err := decodeText(text)
	if err != nil {
		return nil, nil, errTicket
	}
	plain, ok := s.ticketKeys.Open(sealed, []byte(cookie)) // TestTicketBelongsToBrowser
	if !ok {
		return nil, nil, errTicket
	}
	t := new(ticket)
	if json.Unmarshal(plain, t) != nil || c.now >= t.Made+ticketLife { // TestTicketExpires
		return nil, nil, errTicket
	}
	params, err := url.ParseQuery(t.Request)
	if err != nil {
		return nil, nil, errTicket
	}
	return t, params, nil
}

// browser returns the value of the library's own cookie, which it sets if there is none. It binds a
// ticket to the browser that it was made in, so that nobody signs in to a stranger's request.
func (s *Server) browser(w http.ResponseWriter, r *http.Request) string {
	if v := s.cookieOf(r); v != "" {
		return v
	}
	v := rand.Text()
	http.SetCookie(w, &http.Cookie{Name: s.cookie, Value: v, Path: "/", HttpOnly: true,
		Secure: s.cookie == secureCookie, SameSite: http.SameSiteLaxMode})
	return v
}

func (s *Server) cookieOf(r *http.Request) string {
	cookie, err := r.Cookie(s.cookie)
	if err != nil || len(cookie.Value) != len(rand.Text()) {
		return ""
	}
	return cookie.Value
}
