package oauth

import (
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/oauthcore/oauthcore/internal/chain"
)

// authorize is the authorization endpoint (RFC 6749, Section 3.1): the first GET of an app's request, the
// return from sign-in with a ticket, and the POST of a page.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) {
	c := s.begin(r.Context(), "authorize", r)
	defer c.cancel()
	protect(w.Header())
	if err := c.limitedAddress(); err != nil {
		c.page(w, err)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		w.Header().Set("Allow", "GET, POST")
		c.page(w, &Error{Code: "invalid_request", Description: "use GET or POST", Status: http.StatusMethodNotAllowed})
		return
	}
	params, err := parseQuery(r.URL.RawQuery)
	if !params.Has("ticket") && len(params.Encode()) > maxQuery { // a ticket has passed here, and is longer
		err = refuse("invalid_request", "the request is too long")
	}
	if err != nil {
		c.page(w, err)
		return
	}
	switch {
	case params.Has("ticket"):
		c.resume(w, r, params)
	case r.Method == http.MethodPost:
		c.toGet(w, r, params)
	default:
		c.decide(w, r, &ticket{Arrived: c.now}, params)
	}
}

// toGet answers an app's POST, which RFC 6749 permits, by the same request as a GET: pages then have one
// way in.
func (c *call) toGet(w http.ResponseWriter, r *http.Request, query url.Values) {
	r.Body = http.MaxBytesReader(w, r.Body, maxQuery)
	if len(query) > 0 || len(r.Header["Content-Type"]) != 1 || !isForm(r.Header["Content-Type"][0]) {
		c.page(w, refuse("invalid_request", "parameters of a POST belong in a body of application/x-www-form-urlencoded"))
		return
	}
	body, err := io.ReadAll(r.Body)
	if err == nil {
		_, err = parseQuery(string(body))
	}
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		err = &Error{Code: "invalid_request", Description: "the body is larger than 16 KiB", Status: http.StatusRequestEntityTooLarge}
	} else if err != nil || len(body) == 0 {
		err = refuse("invalid_request", "the body could not be read")
	}
	if err != nil {
		c.page(w, err)
		return
	}
	c.done(nil)
	http.Redirect(w, r, c.s.path.Authorize+"?"+string(body), http.StatusSeeOther)
}

// resume goes on with the request that a ticket carries.
func (c *call) resume(w http.ResponseWriter, r *http.Request, query url.Values) {
	if len(query) > 1 || len(query["ticket"]) > 1 { // TestTicketStandsAlone
		c.page(w, refuse("invalid_request", "a ticket stands alone"))
		return
	}
	if err := c.s.origin.Check(r); err != nil { // TestTicketOrigin
		c.page(w, &Error{Code: "access_denied", Description: "the form came from another site", Status: http.StatusForbidden, Cause: err})
		return
	}
	t, params, err := c.s.openTicket(c, query.Get("ticket"), c.s.cookieOf(r))
	if err != nil {
		c.page(w, err)
		return
	}
	c.decide(w, r, t, params)
}

// decide looks at the whole situation and answers.
func (c *call) decide(w http.ResponseWriter, r *http.Request, t *ticket, params url.Values) {
	req, err := c.target(params)
	if err != nil {
		c.page(w, err)
		return
	}
	if err := req.read(c.s); err != nil {
		c.refuse(w, r, req, err)
		return
	}
	f := &situation{req: req, arrived: t.Arrived}
	if f.login, f.st, err = c.who(req, r); err != nil {
		c.refuse(w, r, req, err)
		return
	}
	if r.Method == http.MethodPost {
		switch mine := f.login != nil && t.Who == who(f.login); {
		case mine:
			f.posted = true
		case t.Who != "" && f.login != nil: // TestTicketBelongsToSession
			c.page(w, refuse("invalid_request", "someone else has signed in since this page was shown; start again at the app"))
			return
		case t.Who != "" || f.signedIn(): // TestTicketOfSignInDoesNotApprove
			// The session of a consent page is over, or the sign-in page was not needed any more.
			c.done(nil)
			http.Redirect(w, r, r.URL.RequestURI(), http.StatusSeeOther)
			return
		}
	}
	o, scopes, fresh, err := f.decide()
	if err != nil {
		c.refuse(w, r, req, err)
		return
	}
	a := &Authorization{App: req.app, Scopes: scopes, NewScopes: fresh, Resources: req.resources,
		RedirectURI: req.redirect, Params: req.params, c: c, situation: f, grant: t.Grant}
	if a.grant == (chain.ID{}) {
		rand.Read(a.grant[:])
	}
	if o != showSignIn {
		a.Login, a.st = f.login, f.st
		c.event.Subject, c.event.Tenant = f.login.Subject, f.login.Tenant
	}
	switch {
	case o == grantNow && req.app.Policy.FirstParty:
		a.finish(w, r, scopes, &Approval{}, false)
		return
	case o == grantNow:
		a.finish(w, r, scopes, f.st.consent.Value.approval(), false)
		return
	case f.posted && t.Saw != saw(a): // TestTicketOfAnotherPage
		c.done(nil)
		http.Redirect(w, r, r.URL.RequestURI(), http.StatusSeeOther)
		return
	}
	next := &ticket{Request: req.params.Encode(), Arrived: t.Arrived, Made: c.now, Grant: a.grant}
	if o == showConsent {
		next.Who, next.Saw = who(f.login), saw(a)
	}
	a.URL = c.s.sealTicket(next, c.s.browser(w, r))
	a.posted = f.posted
	w.Header().Set("Content-Security-Policy", "frame-ancestors 'none'; form-action 'self' "+formTarget(req.redirect))
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	c.s.config.Interact(w, r, a)
	if !a.answered {
		c.done(nil)
	}
}

// who asks the host who is signed in, and reads what the records say of that subject before asking
// again: what was ended before the second answer is then seen. Another session in between starts over.
func (c *call) who(req *request, r *http.Request) (*Login, *standing, error) {
	login, err := c.login(r)
	for range 4 {
		if login == nil || err != nil {
			return nil, nil, err
		}
		st, err := c.standing(req.app, login.Tenant, login.Subject)
		if err != nil {
			return nil, nil, err
		}
		now, err := c.login(r)
		if err != nil {
			return nil, nil, err
		}
		if now != nil && who(now) == who(login) { // TestSessionChangesMeanwhile
			return now, &st, nil
		}
		login = now
	}
	return nil, nil, unavailable(errors.New("oauth: the session kept changing"))
}

// login asks the host, and holds it to what a Login needs here.
func (c *call) login(r *http.Request) (*Login, error) {
	l, err := c.s.config.SignedIn(r)
	switch {
	case err != nil || l == nil:
		return nil, err
	case l.Subject == "" || l.Session == "" || l.Time.IsZero():
		return nil, errors.New("oauth: SignedIn gave a Login without Subject, Session or Time")
	}
	l = &Login{Subject: l.Subject, Tenant: l.Tenant, Session: l.Session, Time: l.Time, ACR: l.ACR, AMR: l.AMR}
	return l, nil
}

// refuse sends the browser back to the app with an error (RFC 6749, Section 4.1.2.1).
func (c *call) refuse(w http.ResponseWriter, r *http.Request, req *request, err error) {
	e := asError(err)
	answer := url.Values{"error": {printable(e.Code)}}
	if d := printable(e.Description); d != "" {
		answer.Set("error_description", d)
	}
	if e.URI != "" {
		answer.Set("error_uri", printable(e.URI))
	}
	c.done(e)
	c.redirect(w, r, req, answer)
}

// redirect answers with 303: the browser must not repeat a form's body at the app (RFC 9700, Section
// 4.12). Every answer names its issuer (RFC 9207).
func (c *call) redirect(w http.ResponseWriter, r *http.Request, req *request, answer url.Values) {
	if req.state != "" {
		answer.Set("state", req.state)
	}
	answer.Set("iss", c.s.config.Issuer)
	separator := "?"
	if strings.Contains(req.redirect, "?") {
		separator = "&"
	}
	w.Header().Set("Location", req.redirect+separator+answer.Encode())
	w.WriteHeader(http.StatusSeeOther)
}
