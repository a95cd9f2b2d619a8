package oauth

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

const (
	maxBody   = 64 << 10 // of a request to an endpoint that answers the client itself
	maxQuery  = 16 << 10 // of an authorization request, in canonical form
	maxParams = 200
)

// known are the parameters that this server gives a meaning: none may come twice (RFC 6749, Section
// 3.1 and 3.2). True: may come several times.
var known = map[string]bool{
	"client_id": false, "client_secret": false, "client_assertion": false, "client_assertion_type": false,
	"grant_type": false, "code": false, "redirect_uri": false, "code_verifier": false, "refresh_token": false,
	"scope": false, "resource": true, "tenant": false, "token": false, "token_type_hint": false,
	"response_type": false, "response_mode": false, "state": false, "nonce": false, "prompt": false,
	"max_age": false, "code_challenge": false, "code_challenge_method": false, "login_hint": false,
	"ui_locales": false, "acr_values": false, "request": false, "request_uri": false, "ticket": false,
}

// readForm returns the parameters of a request to endpoint: of its body as the profile reads it, else
// of a form (RFC 6749, Appendix B), and of nothing else.
func (s *Server) readForm(endpoint string, w http.ResponseWriter, r *http.Request) (url.Values, error) {
	if r.ContentLength > maxBody {
		return nil, errTooLarge
	}
	if r.URL.RawQuery != "" {
		for name := range r.URL.Query() {
			if _, ok := known[name]; ok {
				return nil, refuse("invalid_request", "parameters belong in the body, not in the URL")
			}
		}
	}
	if r.Header.Get("Content-Encoding") != "" {
		return nil, refuse("invalid_request", "the body must not be compressed")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody) // TestFormBounds
	var values url.Values
	var err error
	if s.profile.Request != nil {
		values, err = s.profile.Request(endpoint, r)
	} else {
		values, err = ReadForm(r)
	}
	if err == nil {
		values, err = checkParams(values)
	}
	var tooLarge *http.MaxBytesError
	var e *Error
	switch {
	case err == nil:
		return values, nil
	case errors.As(err, &tooLarge):
		return nil, errTooLarge
	case errors.As(err, &e):
		return nil, e
	}
	return nil, because(err, "invalid_request", "the body could not be read")
}

var errTooLarge = &Error{Code: "invalid_request", Description: "the body is larger than 64 KiB",
	Status: http.StatusRequestEntityTooLarge}

// ReadForm reads the body of r, application/x-www-form-urlencoded in UTF-8, as a server without a
// [Profile] does and the Request of one may. It bounds the number of parameters, not the size of the body.
// An error is an [*Error] or the body's own.
func ReadForm(r *http.Request) (url.Values, error) {
	// ParseForm of net/http would take any type for an empty form.
	if types := r.Header["Content-Type"]; len(types) != 1 || !isForm(types[0]) {
		return nil, refuse("invalid_request", "the body must be application/x-www-form-urlencoded in UTF-8")
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	return parseQuery(string(body))
}

func isForm(contentType string) bool {
	if contentType == "application/x-www-form-urlencoded" {
		return true
	}
	mediaType, params, err := mime.ParseMediaType(contentType)
	if err != nil || mediaType != "application/x-www-form-urlencoded" {
		return false
	}
	charset, ok := params["charset"]
	return !ok || strings.EqualFold(charset, "utf-8")
}

func parseQuery(s string) (url.Values, error) {
	if strings.Count(s, "&") >= maxParams {
		return nil, refuse("invalid_request", "too many parameters")
	}
	values, err := url.ParseQuery(s)
	if err != nil {
		return nil, refuse("invalid_request", "the parameters are not well-formed form encoding")
	}
	return values, nil
}

// checkParams refuses repeated parameters and bytes that no parameter may have, and drops empty ones,
// which count as absent (RFC 6749, Section 3.1).
func checkParams(values url.Values) (url.Values, error) {
	for name, vs := range values {
		if several, ok := known[name]; ok {
			if len(vs) > 1 && !several { // TestTokenForm
				return nil, refuse("invalid_request", "parameter "+name+" is there twice")
			}
			for _, v := range vs {
				if !isText(v) { // TestTokenForm
					return nil, refuse("invalid_request", "parameter "+name+" holds control characters or is not UTF-8")
				}
			}
		}
		if len(vs) == 1 && vs[0] == "" {
			delete(values, name)
		}
	}
	return values, nil
}

// isText reports whether v is UTF-8 without control characters and byte order marks.
func isText(v string) bool {
	ascii := true
	for i := range len(v) {
		switch c := v[i]; {
		case c < 0x20, c == 0x7f:
			return false
		case c >= 0x80:
			ascii = false
		}
	}
	return ascii || utf8.ValidString(v) && !strings.ContainsRune(v, '\ufeff')
}
