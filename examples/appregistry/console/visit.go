package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/oauthcore/oauthcore/examples/appregistry/platform"
	"github.com/oauthcore/oauthcore/registry"
)

// visit is one request of somebody who is signed in.
type visit struct {
	*Console
	w      http.ResponseWriter
	r      *http.Request
	ctx    context.Context
	who    *Person
	caller platform.Caller // who asks, with the version that their form shows
}

// page returns the handler of a page for those who are signed in. The error of do becomes a page.
func (c *Console) page(do func(*visit) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who, err := c.Who(r)
		if err != nil {
			c.unavailable(w, r, nil, err)
			return
		}
		if who == nil {
			c.notSignedIn(w, r)
			return
		}
		v := &visit{Console: c, w: w, r: r, ctx: r.Context(), who: who, caller: who.Caller}
		if r.Method == http.MethodPost {
			if err := r.ParseForm(); err != nil {
				v.message(http.StatusBadRequest, "The form could not be read", "Go back and send it again. It may have been too long.")
				return
			}
			v.caller.Match = v.version()
		}
		if err := do(v); err != nil {
			v.refuse(err)
		}
	}
}

// version is the one that the form was made from, zero where nothing was yet. A form without one, or with none
// that could be, is of a version that nothing has.
func (v *visit) version() int64 {
	n, err := strconv.ParseInt(v.r.PostForm.Get("version"), 10, 64)
	switch {
	case err != nil || n < 0:
		return -1
	case n == 0:
		return platform.Absent
	}
	return n
}

// id is the app that the address names.
func (v *visit) id() string { return v.r.PathValue("id") }

// path returns the address of a page of the console; parts of it may be anything.
func (c *Console) path(parts ...string) string {
	var b strings.Builder
	b.WriteString(c.Base + "/console/")
	for i, p := range parts {
		if i > 0 {
			b.WriteByte('/')
		}
		b.WriteString(url.PathEscape(p))
	}
	return b.String()
}

// done goes to a page that says what was done; nothing, if that is empty.
func (v *visit) done(what string, parts ...string) error {
	to := v.path(parts...)
	if what != "" {
		to += "?done=" + what
	}
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
	return nil
}

// notices are what pages say after something was done, by the word in their address.
var notices = map[string]string{
	"registered":   "The app is registered.",
	"saved":        "Saved.",
	"submitted":    "Submitted. Staff will read it and answer here.",
	"withdrawn":    "What was proposed is withdrawn.",
	"paused":       "The app is paused: it can do nothing until you resume it.",
	"resumed":      "The app may act again.",
	"completed":    "The new secret is now the only one.",
	"cancelled":    "The new secret is gone; the one before stays.",
	"deleted":      "The app is deleted.",
	"claimed":      "You are reading this app: others will not judge it meanwhile.",
	"approved":     "Approved. It takes effect when it is published.",
	"rejected":     "Sent back to its developer with your note.",
	"published":    "Published: what was proposed is now live.",
	"suspended":    "The app is suspended: it can do nothing until staff reinstate it.",
	"reinstated":   "The app is reinstated.",
	"installed":    "Installed. People let it in when they first use it.",
	"allowed":      "What was asked for is allowed.",
	"refused":      "What was asked for is refused.",
	"changed":      "What the app may do is changed, from now on.",
	"uninstalled":  "The app is uninstalled, and all that it was given here has ended.",
	"disconnected": "The app is disconnected: it can no longer act for you.",
}

// faultsOf says in words why something was not done, and the status that goes with it: zero if the page that
// was asked for cannot say it.
func faultsOf(err error) (faults, int) {
	invalid, ok := errors.AsType[*platform.Invalid](err)
	switch {
	case ok:
		return memberFaults(invalid), http.StatusUnprocessableEntity
	case errors.Is(err, platform.ErrStale):
		return faults{{Text: "This has changed since you opened the page, and nothing was done. Look at how it is now, then decide again."}}, http.StatusConflict
	case errors.Is(err, registry.ErrState):
		return faults{{Text: "That cannot be done as things stand now. Look at how they are, then decide again."}}, http.StatusConflict
	}
	return nil, 0
}

// refuse answers with a page about an error.
func (v *visit) refuse(err error) {
	switch {
	case errors.Is(err, registry.ErrNotFound):
		v.nothing()
		return
	case errors.Is(err, registry.ErrForbidden):
		v.message(http.StatusForbidden, "Not yours to do", "Your role does not allow this. Ask an administrator of the platform if you think it should.")
		return
	}
	if all, status := faultsOf(err); status != 0 {
		v.message(status, "That did not work", all[0].Text)
		return
	}
	v.unavailable(v.w, v.r, v.who, err)
}

// nothing answers that there is no such page, or none for this visitor.
func (v *visit) nothing() error {
	v.message(http.StatusNotFound, "Not found", "There is nothing here, or nothing that you may see.")
	return nil
}

// message answers with a page that says one thing.
func (v *visit) message(status int, title, text string) {
	v.say(v.w, v.r, v.who, status, title, text)
}

// say is message for somebody who may not be signed in.
func (c *Console) say(w http.ResponseWriter, r *http.Request, who *Person, status int, title, text string) {
	c.render(w, r, who, status, "message.html", view{Title: title, Page: text})
}

// unavailable answers what the store did not.
func (c *Console) unavailable(w http.ResponseWriter, r *http.Request, who *Person, err error) {
	c.Log.ErrorContext(context.WithoutCancel(r.Context()), "console", "path", r.URL.Path, "error", err)
	c.say(w, r, who, http.StatusServiceUnavailable, "Not available", "This could not be done just now. Try again in a moment.")
}

// foreign answers a form that another site sent.
func (c *Console) foreign(w http.ResponseWriter, r *http.Request) {
	c.say(w, r, nil, http.StatusForbidden, "Not sent from here", "The form was sent by another site, and nothing was done.")
}
