package profile

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/oauthcore/oauthcore/internal/jose"
	"github.com/oauthcore/oauthcore/oauth"
)

// JSON is strict OAuth 2.1 whose token, introspection and revocation endpoints take JSON bodies beside
// forms: one object whose members are the parameters, as strings.
//
//	deviation from strict       why it is safe
//	JSON bodies                 the same parameters under the same rules; a browser form cannot send
//	                            application/json to another site
//
// The authorization endpoint takes what it always took.
func JSON() *oauth.Profile {
	return &oauth.Profile{Request: func(_ string, r *http.Request) (url.Values, error) { return readBody(r) }}
}

// readBody reads a body of JSON or of a form.
func readBody(r *http.Request) (url.Values, error) {
	switch bodyType(r) {
	case "application/json":
		return readJSON(r.Body)
	case "application/x-www-form-urlencoded":
		return oauth.ReadForm(r)
	}
	return nil, &oauth.Error{Code: "invalid_request",
		Description: "the body must be application/json or application/x-www-form-urlencoded, in UTF-8"}
}

// bodyType is the media type of the body of r; empty if it has none, several, or one that is not in UTF-8.
func bodyType(r *http.Request) string {
	types := r.Header["Content-Type"]
	if len(types) != 1 {
		return ""
	}
	mediaType, params, err := mime.ParseMediaType(types[0])
	if charset, ok := params["charset"]; err != nil || ok && !strings.EqualFold(charset, "utf-8") {
		return ""
	}
	return mediaType
}

var errNotString = errors.New("JSON with a member that is not a string")

// readJSON reads parameters from one JSON object.
func readJSON(body io.Reader) (url.Values, error) {
	b, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	params := make(url.Values)
	if err := jose.Members(b, func(name, value []byte) error {
		if value[0] != '"' {
			return errNotString
		}
		text, err := jose.String(value)
		params.Set(string(name), text)
		return err
	}); err != nil {
		return nil, &oauth.Error{Code: "invalid_request", Description: "the body is " + err.Error()}
	}
	return params, nil
}
