package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"html/template"
	"net/http"
	"sync"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/store"
)

// The one user. A service has a table of them, with hashes: see examples/appregistry.
const user, password = "ada@example.com", "correct horse"

// logins are the sessions: the cookie's value to who signed in. A service has these too.
var logins sync.Map

var pages = template.Must(template.New("sign-in").Parse(`<!DOCTYPE html><html lang="en"><title>Sign in</title>
<form method="post" action="{{.URL}}"><p>Sign in to continue to {{.App.Manifest.Name}}.</p>
<label>E-mail <input name="email" type="email"></label> <label>Password <input name="password" type="password"></label>
<button>Sign in</button></form></html>
{{define "consent"}}<!DOCTYPE html><html lang="en"><title>Allow?</title>
<form method="post" action="{{.URL}}"><p>{{.App.Manifest.Name}} at {{.RedirectURI}} asks for:</p>
<ul>{{range .Scopes}}<li>{{.}}</li>{{end}}</ul>
<button name="decision" value="allow">Allow</button> <button name="decision" value="deny">Deny</button></form></html>{{end}}`))

// whoIsSignedIn tells the library who is signed in to this host.
func whoIsSignedIn(r *http.Request) (*oauth.Login, error) {
	c, err := r.Cookie("session")
	if err != nil {
		return nil, nil
	}
	found, _ := logins.Load(c.Value)
	login, _ := found.(*oauth.Login)
	return login, nil
}

// showPage shows the page the library asks for and acts on its form.
func showPage(w http.ResponseWriter, r *http.Request, a *oauth.Authorization) {
	switch {
	case a.Login == nil:
		login(w, r, a)
	case r.Method != http.MethodPost:
		pages.ExecuteTemplate(w, "consent", a)
	case r.PostFormValue("decision") == "allow":
		a.Approve(w, r, nil)
	default:
		a.Deny(w, r, nil)
	}
}

// login checks the password, begins a session and returns to the authorization.
func login(w http.ResponseWriter, r *http.Request, a *oauth.Authorization) {
	right := subtle.ConstantTimeCompare([]byte(r.PostFormValue("password")), []byte(password)) == 1
	if r.PostFormValue("email") != user || !right {
		pages.ExecuteTemplate(w, "sign-in", a)
		return
	}
	secret := rand.Text()
	logins.Store(secret, &oauth.Login{Subject: user, Session: rand.Text(), Time: time.Now()})
	http.SetCookie(w, &http.Cookie{Name: "session", Value: secret, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, a.URL, http.StatusSeeOther)
}

// sweep drops expired records, which nobody does unless the host does.
func sweep(s store.Store) {
	for now := range time.Tick(time.Minute) {
		for n := 1000; n == 1000; { // as many as asked for: there are more
			n, _ = s.Sweep(context.Background(), now.Unix(), 1000)
		}
	}
}
