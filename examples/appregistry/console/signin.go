package console

import (
	"net/http"
	"net/url"
	"path"
	"strings"
)

// next is where somebody goes after signing in: to a page of the console, whatever the address says.
func (c *Console) next(wanted string) string {
	home := c.path("")
	// As it is written, too: a browser does not read what comes before the page as url.Parse does, takes a
	// backslash for a slash, drops white space, and does not clean up a path as package path does.
	odd := func(r rune) bool { return r <= ' ' || r == '\\' }
	if !strings.HasPrefix(wanted, strings.TrimSuffix(home, "/")) || strings.ContainsFunc(wanted, odd) {
		return home
	}
	u, err := url.Parse(wanted)
	if err != nil || u.IsAbs() || u.Host != "" || path.Clean(u.Path) != strings.TrimSuffix(u.Path, "/") || !strings.HasPrefix(u.Path+"/", home) {
		return home
	}
	return wanted
}

// notSignedIn answers a request for a page of somebody who is not signed in, or no longer.
func (c *Console) notSignedIn(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		c.showSignIn(w, r, http.StatusUnauthorized, "", "", faults{{Text: "You are no longer signed in, and nothing was done. Sign in, then send the form again."}})
		return
	}
	http.Redirect(w, r, c.path("sign-in")+"?"+url.Values{"next": {r.URL.RequestURI()}}.Encode(), http.StatusSeeOther)
}

func (c *Console) signInPage(w http.ResponseWriter, r *http.Request) {
	c.showSignIn(w, r, http.StatusOK, r.URL.Query().Get("next"), "", nil)
}

func (c *Console) showSignIn(w http.ResponseWriter, r *http.Request, status int, next, email string, all faults) {
	c.render(w, r, nil, status, "sign-in.html", view{Title: "Sign in", Faults: all, Page: struct {
		Next            string
		Email, Password field
	}{
		c.next(next),
		field{ID: "email", Type: "email", Label: "E-mail", Value: email, Autocomplete: "username", Fault: all.of("email")},
		field{ID: "password", Type: "password", Label: "Password", Autocomplete: "current-password"},
	}})
}

func (c *Console) signIn(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		c.say(w, r, nil, http.StatusBadRequest, "The form could not be read", "Go back and send it again.")
		return
	}
	email, next := r.PostForm.Get("email"), r.PostForm.Get("next")
	ok, err := c.SignIn(w, r, email, r.PostForm.Get("password"))
	switch {
	case err != nil:
		c.Log.ErrorContext(r.Context(), "console", "path", r.URL.Path, "error", err)
		c.showSignIn(w, r, http.StatusServiceUnavailable, next, email, faults{{Text: "Signing in did not work just now. Try again in a moment."}})
	case !ok:
		c.showSignIn(w, r, http.StatusUnauthorized, next, email, faults{{Field: "email", Text: "The e-mail address or the password is wrong."}})
	default:
		http.Redirect(w, r, c.next(next), http.StatusSeeOther)
	}
}
