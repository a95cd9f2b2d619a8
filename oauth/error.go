package oauth

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/oauthcore/oauthcore/internal/table"
	"github.com/oauthcore/oauthcore/registry"
)

// Error is a refusal by a code of the IANA registry of OAuth errors, such as "invalid_grant". Code,
// Description and URI go on the wire, with a question mark for what RFC 6749, Section 5.2 does not allow.
// What Description and the text of an Error say may change.
type Error struct {
	Code        string
	Description string
	URI         string
	Status      int   // zero: the RFC's
	Cause       error // never on the wire

	retryAfter time.Duration // zero: nothing is known of it
}

func (e *Error) Error() string {
	s := "oauth: " + e.Code
	if e.Description != "" {
		s += ": " + e.Description
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Cause }

// refuse is the common case of an Error.
func refuse(code, description string) *Error { return &Error{Code: code, Description: description} }

// because is an Error whose cause is for the operator only.
func because(cause error, code, description string) *Error {
	return &Error{Code: code, Description: description, Cause: cause}
}

// unavailable means that a part that the answer needs did not answer: nothing is known of the request.
func unavailable(cause error) *Error {
	return because(cause, "temporarily_unavailable", "try again later")
}

// asError makes a refusal of any error: what is not one already is ours, and its text stays here.
func asError(err error) *Error {
	var e *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return e
	case errors.Is(err, table.ErrCursor):
		return because(err, "invalid_request", "the cursor is not one that was given out")
	case errors.Is(err, table.ErrUnavailable), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return unavailable(err)
	}
	return because(err, "server_error", "internal error")
}

// status is the HTTP status of e at the endpoints that answer the client itself.
func (e *Error) status() int {
	switch {
	case e.Status != 0:
		return e.Status
	case e.Code == "invalid_client":
		return http.StatusUnauthorized
	case e.Code == "temporarily_unavailable":
		return http.StatusServiceUnavailable
	case e.Code == "server_error":
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}

// maxDescription bounds error_description: texts of hosts may quote what a client sent.
const maxDescription = 256

// printable puts a question mark for what RFC 6749, Section 5.2 does not allow in error_description beside %x20-21 /
// %x23-5B / %x5D-7E.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e || r == '"' || r == '\\' {
			return '?'
		}
		return r
	}, s)
	return s[:min(len(s), maxDescription)]
}

// appError is the refusal for an error of [Apps]: a client that is not there, or a question that could
// not be asked.
func appError(err error) *Error {
	if errors.Is(err, registry.ErrNotFound) {
		return because(err, "invalid_client", "client authentication failed")
	}
	return unavailable(err)
}
