package oauth

import (
	"io"
	"net/http"
	"net/url"
	"strings"
)

// protect sets what every answer of the authorization endpoint has: not framed (RFC 9700, Section 4.16),
// not stored, and no URL of ours told to other sites. Referrer-Policy is same-origin and not stricter,
// for with no-referrer browsers post forms with "Origin: null".
func protect(h http.Header) {
	h.Set("Content-Security-Policy", "frame-ancestors 'none'")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
}

// page refuses where the browser cannot be sent back to the app. It says nothing of what was sent.
func (c *call) page(w http.ResponseWriter, err error) {
	e := asError(err)
	c.done(e)
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	status := e.status()
	c.failed(status)
	setRetryAfter(h, e, status)
	w.WriteHeader(status)
	io.WriteString(w, "This request cannot go on: "+e.Description+".\n")
}

// formTarget is the source expression that lets a form of our page end in a redirect to uri (Content
// Security Policy Level 3, Section 2.3.1), which has no form for an IPv6 address.
func formTarget(uri string) string {
	u, err := url.Parse(uri)
	switch {
	case err != nil:
		return ""
	case u.Host == "", strings.HasPrefix(u.Host, "["):
		return u.Scheme + ":"
	}
	return u.Scheme + "://" + u.Host
}
