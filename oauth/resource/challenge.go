package resource

import (
	"net/http"
	"strings"
)

// retryAfter is sent with 503, in seconds: what could not be asked may be answered soon.
const retryAfter = "5"

// Error is a refusal. Only Status and Challenge are meant for the client, and neither repeats anything
// that the request sent.
type Error struct {
	Status    int    // 400, 401, 403 or 503
	Code      string // "" if no token was sent; temporarily_unavailable with 503; else of RFC 6750, Section 3.1
	Challenge string // the WWW-Authenticate value; empty with 503
	Cause     error  // for logs; nil where Code says all. It never holds the token
}

// Error returns the code and the cause. Its text may change.
func (e *Error) Error() string {
	s := e.Code
	if s == "" {
		s = "no token"
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return "resource: " + s
}

func (e *Error) Unwrap() error { return e.Cause }

// refuse answers with e. The headers are set before a Config.Error writes, so that none forgets them.
func (g *Guard) refuse(w http.ResponseWriter, r *http.Request, e *Error) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if e.Challenge != "" {
		h.Set("WWW-Authenticate", e.Challenge)
	}
	if e.Status == http.StatusServiceUnavailable {
		h.Set("Retry-After", retryAfter)
	}
	if g.c.Error != nil {
		g.c.Error(w, r, e)
		return
	}
	w.WriteHeader(e.Status)
}

// noToken names no error: the client has made none yet (RFC 6750, Section 3.1).
func (g *Guard) noToken(n Need) *Error {
	return &Error{Status: http.StatusUnauthorized, Challenge: g.challenge("", "", n.Scopes)}
}

func (g *Guard) malformed(cause error) *Error {
	const code = "invalid_request"
	return &Error{http.StatusBadRequest, code, g.challenge(code, "The request must carry one well-formed token", nil), cause}
}

func (g *Guard) invalidToken(n Need, cause error) *Error {
	const code = "invalid_token"
	return &Error{http.StatusUnauthorized, code, g.challenge(code, "The access token is not valid here", n.Scopes), cause}
}

func (g *Guard) missingScope(n Need) *Error {
	const code = "insufficient_scope"
	return &Error{http.StatusForbidden, code, g.challenge(code, "The access token lacks a scope", n.Scopes), nil}
}

func (g *Guard) missingRole() *Error {
	const code = "insufficient_scope"
	return &Error{http.StatusForbidden, code, g.challenge(code, "The access token lacks a role", nil), nil}
}

func unanswered(cause error) *Error {
	return &Error{Status: http.StatusServiceUnavailable, Code: "temporarily_unavailable", Cause: cause}
}

// challenge writes the value of WWW-Authenticate (RFC 6750, Section 3; RFC 9728, Section 5.1). All its
// parts are the library's or were checked: none needs escaping.
func (g *Guard) challenge(code, description string, scopes []string) string {
	var b strings.Builder
	b.WriteString(g.realm)
	param := func(name, value string) {
		if value != "" {
			b.WriteString(", " + name + `="` + value + `"`)
		}
	}
	param("error", code)
	param("error_description", description)
	if s := strings.Join(scopes, " "); quotable(s) {
		param("scope", s)
	}
	b.WriteString(g.metadata)
	return b.String()
}
