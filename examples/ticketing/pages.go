package main

import (
	"bytes"
	"html/template"
	"net/http"
	"net/url"

	"github.com/oauthcore/oauthcore/oauth"
)

// pages are the two that an authorization needs.
type pages struct{ sessions }

var templates = template.Must(template.New("").Parse(`
{{define "head"}}<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>{{.}}</title>
<h1>{{.}}</h1>
{{end}}

{{define "sign-in"}}{{template "head" "Sign in"}}
<p>{{.App}} would like to see your tickets. Sign in to continue.</p>
{{with .Fault}}<p role="alert">{{.}}</p>
{{end}}<form method="post" action="{{.URL}}">
<p><label>E-mail <input name="email" type="email" value="{{.Email}}" autocomplete="username" required></label></p>
<p><label>Password <input name="password" type="password" autocomplete="current-password" required></label></p>
<p><button>Sign in</button></p>
</form>
</html>
{{end}}

{{define "consent"}}{{template "head" "Allow?"}}
<p>{{.App}} at <strong>{{.Host}}</strong> asks to see your name, your e-mail address and your tickets.</p>
<p>You are signed in as {{.Email}}.</p>
<form method="post" action="{{.URL}}">
<p><button name="decision" value="allow">Allow</button> <button name="decision" value="deny">Deny</button></p>
</form>
</html>
{{end}}
`))

// view is what the templates are given.
type view struct {
	App, URL    string
	Email       string
	Host, Fault string
}

// interact shows the page that the library asks for and acts on its form.
func (p *pages) interact(w http.ResponseWriter, r *http.Request, a *oauth.Authorization) {
	v := view{App: a.App.Manifest.Name, URL: a.URL}
	posted := r.Method == http.MethodPost
	switch decision := r.PostFormValue("decision"); {
	case a.Login == nil && posted:
		v.Email = r.PostFormValue("email")
		u, ok := authenticate(v.Email, r.PostFormValue("password"))
		if !ok {
			v.Fault = "The e-mail address or the password is wrong."
			show(w, http.StatusUnauthorized, "sign-in", v)
			return
		}
		p.begin(w, u)
		http.Redirect(w, r, a.URL, http.StatusSeeOther)
	case a.Login == nil:
		v.Email = a.Params.Get("login_hint")
		show(w, http.StatusOK, "sign-in", v)
	case posted && decision == "allow":
		a.Approve(w, r, nil)
	case posted && decision == "deny":
		a.Deny(w, r, nil)
	default:
		v.Email = users[a.Login.Subject].Email
		if u, err := url.Parse(a.RedirectURI); err == nil {
			v.Host = u.Host
		}
		show(w, http.StatusOK, "consent", v)
	}
}

// show renders a page. Its policy is added to the library's: nothing but the page itself is needed.
func show(w http.ResponseWriter, status int, name string, v view) {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, v); err != nil {
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Add("Content-Security-Policy", "default-src 'none'; base-uri 'none'")
	w.WriteHeader(status)
	w.Write(b.Bytes())
}
