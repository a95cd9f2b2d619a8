package oauth

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
)

// reply answers a request to an endpoint that answers the client itself: with body, or nothing if it is
// nil, unless there is an error.
func (s *Server) reply(w http.ResponseWriter, c *call, body json.Marshaler, tok *TokenResponse, err error) {
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-store")
	header.Set("Pragma", "no-cache") // for caches of HTTP/1.0, RFC 6749, Section 5.1
	header.Set("X-Content-Type-Options", "nosniff")
	status, refused := http.StatusOK, asError(err)
	if refused != nil {
		status, body = refused.status(), errorBody{refused}
		c.failed(status)
		setRetryAfter(header, refused, status)
		switch {
		case status == http.StatusUnauthorized && c.challenge:
			header.Set("WWW-Authenticate", `Basic realm="`+s.realm+`", charset="UTF-8"`)
		case status == http.StatusRequestEntityTooLarge:
			header.Set("Connection", "close")
		}
	}
	var b []byte
	if body != nil {
		b, err = body.MarshalJSON() // json.Marshal would read all of it again
	}
	if s.profile.Reply != nil {
		r := &Reply{Endpoint: c.event.Endpoint, Status: status, Header: header, Body: readMembers(b), Token: tok}
		if refused != nil {
			copied := *refused // some are shared
			r.Err = &copied
		}
		s.profile.Reply(r)
		status, b = r.Status, nil
		if r.Body != nil {
			b, err = json.Marshal(r.Body)
		}
	}
	if b == nil && err != nil {
		// Only a hook or a profile can have put in what JSON has no form for.
		refused, status, b = asError(err), http.StatusInternalServerError, []byte(`{"error":"server_error"}`)
	}
	c.done(refused)
	header.Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	w.Write(b)
}

// readMembers returns the members of a JSON object, its numbers as they are written; nil if there is none.
func readMembers(object []byte) (m map[string]any) {
	d := json.NewDecoder(bytes.NewReader(object))
	d.UseNumber()
	if d.Decode(&m) != nil {
		return nil
	}
	return m
}

// errorBody is the JSON of RFC 6749, Section 5.2.
type errorBody struct{ e *Error }

func (b errorBody) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Error       string `json:"error"`
		Description string `json:"error_description,omitempty"`
		URI         string `json:"error_uri,omitempty"`
	}{printable(b.e.Code), printable(b.e.Description), printable(b.e.URI)})
}

// members are the JSON of an answer.
type members map[string]any

func (m members) MarshalJSON() ([]byte, error) { return json.Marshal(map[string]any(m)) }

// notAllowed answers a method that the endpoint does not have (RFC 9110, Section 15.5.6).
func (s *Server) notAllowed(w http.ResponseWriter, c *call, allow string) {
	w.Header().Set("Allow", allow)
	s.reply(w, c, nil, nil, &Error{Code: "invalid_request", Description: "use " + allow, Status: http.StatusMethodNotAllowed})
}
