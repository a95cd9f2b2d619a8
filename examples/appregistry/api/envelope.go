package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/oauthcore/oauthcore/examples/appregistry/platform"
	"github.com/oauthcore/oauthcore/registry"
)

// envelope is around every answer but OAuth's own.
type envelope struct {
	Data  any    `json:"data"`
	Error *fault `json:"error"`
	Page  *page  `json:"page,omitempty"` // of lists
	Meta  meta   `json:"meta"`
}

// fault is why there is no data.
type fault struct {
	Code    string   `json:"code"`
	Message string   `json:"message"`
	Details []string `json:"details"` // what is wrong with which member
}

// page says where a list goes on.
type page struct {
	NextCursor *string `json:"next_cursor"` // null at the end
	HasMore    bool    `json:"has_more"`
	Limit      int     `json:"limit"`
}

// meta names the request.
type meta struct {
	RequestID string  `json:"request_id"`
	TraceID   string  `json:"trace_id"`
	TenantID  *string `json:"tenant_id"` // the organisation it was about, null if about none
}

type metaKey struct{}

var (
	uuidForm  = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	traceForm = regexp.MustCompile(`^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$`)
)

// Identify names each request to h: as the caller does in x-request-id and traceparent (W3C Trace Context), or
// anew. The id comes back in the header x-request-id.
func Identify(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m := meta{RequestID: r.Header.Get("x-request-id")}
		if !uuidForm.MatchString(m.RequestID) {
			m.RequestID = newUUID()
		}
		if sent := traceForm.FindStringSubmatch(r.Header.Get("traceparent")); sent != nil && strings.Trim(sent[1], "0") != "" {
			m.TraceID = sent[1]
		} else {
			var b [16]byte
			rand.Read(b[:])
			m.TraceID = hex.EncodeToString(b[:])
		}
		w.Header().Set("x-request-id", m.RequestID)
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), metaKey{}, m)))
	})
}

func metaOf(r *http.Request) meta {
	m, _ := r.Context().Value(metaKey{}).(meta)
	return m
}

// newUUID returns a random UUID (RFC 9562, Section 5.4).
func newUUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// encode is an envelope as JSON, with the meta of r.
func encode(r *http.Request, tenant string, e envelope) []byte {
	e.Meta = metaOf(r)
	if tenant != "" {
		e.Meta.TenantID = &tenant
	}
	if e.Error != nil && e.Error.Details == nil {
		e.Error.Details = []string{}
	}
	b, err := json.Marshal(e)
	if err != nil {
		panic("internal error: api: " + err.Error()) // of types that encode
	}
	return append(b, '\n')
}

// write answers with an envelope that is about no tenant.
func write(w http.ResponseWriter, r *http.Request, status int, e envelope) {
	send(w, status, encode(r, "", e))
}

func send(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	w.Write(body)
}

// badRequest says what is wrong with the form of a request, as opposed to what it asks.
type badRequest struct {
	status  int
	message string
}

func (e *badRequest) Error() string { return "api: " + e.message }

// refusal is a token that is good, and good for something else.
type refusal struct{ message string }

func (e *refusal) Error() string { return "api: " + e.message }

// errTenant means that the caller does not belong to the organisation it named.
var errTenant = errors.New("api: another tenant")

// explain says what an error is on the wire.
func explain(err error) (status int, f *fault) {
	reason := func(status int, code string) (int, *fault) {
		return status, &fault{Code: code, Message: strings.TrimPrefix(err.Error(), "registry: ")}
	}
	if bad, ok := errors.AsType[*badRequest](err); ok {
		return bad.status, &fault{Code: "invalid_request", Message: bad.message}
	}
	if refused, ok := errors.AsType[*refusal](err); ok {
		return http.StatusForbidden, &fault{Code: "forbidden", Message: refused.message}
	}
	if invalid, ok := errors.AsType[*platform.Invalid](err); ok {
		return http.StatusUnprocessableEntity, &fault{Code: "validation_failed", Message: "the request asks for something that cannot be", Details: invalid.Faults}
	}
	switch {
	case errors.Is(err, ErrCredentials):
		return http.StatusUnauthorized, &fault{Code: "invalid_credentials", Message: ErrCredentials.Error()}
	case errors.Is(err, errTenant):
		return http.StatusForbidden, &fault{Code: "tenant_forbidden", Message: "the caller does not belong to the tenant in x-tenant-id"}
	case errors.Is(err, registry.ErrNotFound):
		return http.StatusNotFound, &fault{Code: "not_found", Message: "there is no such thing, or not for this caller"}
	case errors.Is(err, registry.ErrForbidden):
		return reason(http.StatusForbidden, "forbidden")
	case errors.Is(err, registry.ErrState):
		return reason(http.StatusConflict, "invalid_state")
	case errors.Is(err, platform.ErrStale):
		return http.StatusPreconditionFailed, &fault{Code: "precondition_failed", Message: "it was changed since the caller read it"}
	case errors.Is(err, platform.ErrReused):
		return http.StatusUnprocessableEntity, &fault{Code: "idempotency_key_reused", Message: "this key was used for another request"}
	case errors.Is(err, platform.ErrBusy):
		return http.StatusConflict, &fault{Code: "request_in_progress", Message: "the first request with this key is still under way"}
	case errors.Is(err, platform.ErrLost):
		return http.StatusConflict, &fault{Code: "answer_lost", Message: "the first request with this key was carried out; its answer can no longer be read"}
	}
	return http.StatusServiceUnavailable, &fault{Code: "unavailable", Message: "try again in a moment"}
}
