package main

import (
	"bytes"
	"embed"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"regexp"
	"slices"

	"github.com/oauthcore/oauthcore/examples/appregistry/platform"
	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
)

//go:embed pages
var pageFiles embed.FS

// pagePolicy allows the stylesheet and no script. Who may frame a page and where its forms may lead is
// in a policy of its own: the library's on its pages, which names the app's origin, and formPolicy on
// the others. A browser holds a page to all of its policies.
const (
	pagePolicy = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'"
	formPolicy = "frame-ancestors 'none'; form-action 'self'"
)

// pages renders the service's HTML. It is safe for many goroutines.
type pages struct {
	templates *template.Template
	base      string
	scopes    map[string]string // scope to words
	users     *users
}

func newPages(base string, scopes map[string]string, users *users) *pages {
	return &pages{
		templates: template.Must(template.ParseFS(pageFiles, "pages/*.html")),
		base:      base,
		scopes:    scopes,
		users:     users,
	}
}

// view is what a template is given.
type view struct {
	Base  string // path of the issuer
	Title string
	Error string // what to put right, shown first
	Field string // id of the field that the error is about
	Page  any
}

// show renders a template with a status.
func (p *pages) show(w http.ResponseWriter, status int, name string, v view) {
	v.Base = p.base
	var b bytes.Buffer
	if err := p.templates.ExecuteTemplate(&b, name, v); err != nil {
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Add("Content-Security-Policy", pagePolicy)
	w.WriteHeader(status)
	w.Write(b.Bytes())
}

// showOwn renders a page that is not the library's, with the headers that the library sets on its own.
func (p *pages) showOwn(w http.ResponseWriter, status int, name string, v view) {
	h := w.Header()
	h.Set("Content-Security-Policy", formPolicy)
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	p.show(w, status, name, v)
}

// file answers with a file that the pages refer to.
func file(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=300")
		http.ServeFileFS(w, r, pageFiles, "pages/"+name)
	}
}

// interact is the service's oauth.Config.Interact: it shows the page that is needed and acts on its form.
func (s *server) interact(w http.ResponseWriter, r *http.Request, a *oauth.Authorization) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the form cannot be read", http.StatusBadRequest)
		return
	}
	posted := r.Method == http.MethodPost
	switch {
	case a.Login == nil && posted && r.PostForm.Has("email"):
		s.signIn(w, r, a)
	case a.Login == nil:
		s.pages.signIn(w, http.StatusOK, a, a.Params.Get("login_hint"), "")
	case !s.mayLetIn(a.Login.Subject, a.App):
		a.Deny(w, r, &oauth.Error{Code: "access_denied", Description: "only organizers and admins may let apps in"})
	case posted && r.PostForm.Has("decision"):
		s.decide(w, r, a)
	case posted:
		http.Redirect(w, r, a.URL, http.StatusSeeOther) // a sign-in form sent by someone who is signed in by now
	default:
		s.pages.consent(w, http.StatusOK, a, "")
	}
}

// mayLetIn reports whether a user may let the app in: the service's own lets in everyone.
func (s *server) mayLetIn(subject string, app *registry.App) bool {
	u := s.users.find(subject)
	if u == nil {
		return false
	}
	caller := u.caller()
	return app.Policy.FirstParty || caller.May(platform.Consent)
}

// signIn acts on the sign-in form.
func (s *server) signIn(w http.ResponseWriter, r *http.Request, a *oauth.Authorization) {
	email := r.PostForm.Get("email")
	u, err := s.users.authenticate(r.Context(), email, r.PostForm.Get("password"))
	switch {
	case errors.Is(err, errPassword):
		s.pages.signIn(w, http.StatusUnauthorized, a, email, "The e-mail address or the password is wrong.")
	case err != nil:
		s.pages.signIn(w, http.StatusServiceUnavailable, a, email, "Too many people are signing in. Try again in a moment.")
	default:
		if err := s.sessions.begin(w, r, u.Email); err != nil {
			s.unavailable(w, r, err)
			return
		}
		http.Redirect(w, r, a.URL, http.StatusSeeOther)
	}
}

func (p *pages) signIn(w http.ResponseWriter, status int, a *oauth.Authorization, email, fault string) {
	p.show(w, status, "sign-in.html", view{Title: "Sign in", Error: fault, Field: "email", Page: struct {
		URL, App, Email string
	}{a.URL, a.App.Manifest.Name, email}})
}

// decide acts on the consent form. A scope that the user did not tick is refused. One that the app cannot work
// without is not a choice; if it has become so since the page was shown, the page comes again.
func (s *server) decide(w http.ResponseWriter, r *http.Request, a *oauth.Authorization) {
	if r.PostForm.Get("decision") != "allow" {
		a.Deny(w, r, nil)
		return
	}
	allowed := []string{} // not nil, which would mean all
	for _, scope := range a.Scopes {
		switch {
		case slices.Contains(r.PostForm["scope"], scope):
			allowed = append(allowed, scope)
		case slices.Contains(a.App.Manifest.RequiredScopes, scope):
			s.pages.consent(w, http.StatusConflict, a, "The app has come to need a permission that you did not give.")
			return
		}
	}
	if len(allowed) == 0 && len(a.Scopes) > 0 {
		s.pages.consent(w, http.StatusUnprocessableEntity, a, "Choose at least one permission, or deny the request.")
		return
	}
	a.Approve(w, r, &oauth.Approval{Scopes: allowed})
}

// consentPage is what a user needs to know to decide (RFC 6749, Section 10.2).
type consentPage struct {
	URL         string
	App         string
	ID          string
	Publisher   string // empty: the platform
	Host        string // where the browser goes next
	Description string
	User        string
	Email       string
	Scopes      []consentScope
	Resources   []string
}

type consentScope struct {
	Name     string
	Words    string
	Required bool
	Before   bool // allowed before
}

func (p *pages) consent(w http.ResponseWriter, status int, a *oauth.Authorization, fault string) {
	m := a.App.Manifest
	page := consentPage{
		URL:         a.URL,
		App:         m.Name,
		ID:          a.App.ID,
		Publisher:   a.App.Owner,
		Host:        redirectHost(a.RedirectURI),
		Description: m.Description,
		User:        a.Login.Subject,
		Email:       a.Login.Subject,
		Resources:   a.Resources,
	}
	if u := p.users.find(a.App.Owner); u != nil && u.Name != "" {
		page.Publisher = u.Name
	}
	if u := p.users.find(a.Login.Subject); u != nil && u.Name != "" {
		page.User = u.Name
	}
	for _, scope := range a.Scopes {
		words := p.scopes[scope]
		if words == "" {
			words = scope
		}
		page.Scopes = append(page.Scopes, consentScope{
			Name:     scope,
			Words:    words,
			Required: slices.Contains(m.RequiredScopes, scope),
			Before:   !slices.Contains(a.NewScopes, scope),
		})
	}
	p.show(w, status, "consent.html", view{Title: "Allow " + m.Name + "?", Error: fault, Field: "permissions", Page: page})
}

// redirectHost names the place a redirect URI leads to: its host, or its scheme if an app on the device
// has claimed that.
func redirectHost(uri string) string {
	u, err := url.Parse(uri)
	switch {
	case err != nil:
		return uri
	case u.Host == "":
		return u.Scheme + ": on this device"
	}
	return u.Host
}

// home answers GET /.
func (s *server) home(w http.ResponseWriter, r *http.Request) {
	page := struct {
		User, Metadata, JWKS, Me string
	}{
		Metadata: "/.well-known/oauth-authorization-server" + s.base,
		JWKS:     s.base + oauthPaths.JWKS,
		Me:       s.base + "/api/me",
	}
	login, err := s.asks(r)
	if err != nil {
		s.unavailable(w, r, err)
		return
	}
	if login != nil {
		page.User = login.Subject
	}
	s.pages.showOwn(w, http.StatusOK, "home.html", view{Title: "App registry", Page: page})
}

// Forms of what an authorization response brings. Nothing else is shown: the page asks its reader to
// paste the code into a shell.
var (
	codeForm  = regexp.MustCompile(`^[A-Za-z0-9._~-]{1,512}$`)
	errorForm = regexp.MustCompile(`^[a-z_]{1,64}$`)
)

// callback answers GET /callback, the redirect URI of the demonstration's command line app. It shows the
// code together with the lines that spend it.
func (s *server) callback(w http.ResponseWriter, r *http.Request) {
	code, refusal := r.FormValue("code"), r.FormValue("error")
	page := struct{ Lines, Refusal string }{}
	status := http.StatusOK
	switch {
	case codeForm.MatchString(code):
		page.Lines = linesToSpend(s.root, code)
	case errorForm.MatchString(refusal):
		page.Refusal = refusal
	default:
		status = http.StatusBadRequest
	}
	s.pages.showOwn(w, status, "callback.html", view{Title: "Back at the app", Page: page})
}
