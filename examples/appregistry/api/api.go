package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/oauthcore/oauthcore/examples/appregistry/platform"
	"github.com/oauthcore/oauthcore/oauth/resource"
)

// ErrCredentials is the answer of [Config.Login] to a wrong e-mail or password.
var ErrCredentials = errors.New("wrong e-mail or password")

// Config configures an [API]. All is required but Login.
type Config struct {
	Platform *platform.Platform

	// People and Apps let requests in: see the package's Design. Their refusals go to [Refuse].
	People, Apps *resource.Guard

	// Client is the app that people use this API with, the service's own: no other app's tokens are good here.
	Client string

	// Member reports whether a subject belongs to an organisation beside the one in its token.
	Member func(subject, tenant string) bool

	// Login trades a user's e-mail and password for tokens, or returns [ErrCredentials]. nil: there is no
	// such route.
	Login func(ctx context.Context, email, password string) (*Tokens, error)

	Root string // the issuer without a trailing slash: what all addresses begin with
	Base string // its path: what all routes begin with
	Log  *slog.Logger
}

// Tokens are what a login gives.
type Tokens struct {
	AccessToken  string `json:"accessToken"`
	RefreshToken string `json:"refreshToken"`
	ExpiresIn    int64  `json:"expiresIn"` // seconds
}

// API answers the service's routes. It is safe for many goroutines.
type API struct {
	Config
	document []byte // OpenAPI
}

// New returns the API.
func New(c Config) (*API, error) {
	a := &API{Config: c}
	var err error
	a.document, err = a.describe()
	return a, err
}

// Register adds the routes to mux.
func (a *API) Register(mux *http.ServeMux) {
	for _, rt := range a.routes() {
		var h http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { a.serve(w, r, &rt) })
		switch {
		case rt.app:
			h = a.Apps.Require(resource.Need{}, h)
		case rt.group != "":
			h = a.People.Require(resource.Need{Roles: rt.group.Roles()}, h)
		}
		mux.Handle(rt.method+" "+a.Base+rt.path, Identify(h))
	}
	mux.HandleFunc("GET "+a.Base+"/openapi.json", a.openAPI)
	for _, tree := range []string{prefix, "/auth/v1"} {
		mux.Handle(a.Base+tree+"/", Identify(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { a.notFound(w, r, mux) })))
	}
}

// routes are those of the table that this API has.
func (a *API) routes() []route {
	if a.Login != nil {
		return append([]route{login}, routes...)
	}
	return routes
}

// notFound answers a request that no route takes, in the envelope.
func (a *API) notFound(w http.ResponseWriter, r *http.Request, mux *http.ServeMux) {
	_, mine := mux.Handler(r)
	var allowed []string
	for _, method := range []string{"DELETE", "GET", "PATCH", "POST", "PUT"} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := mux.Handler(other); pattern != mine {
			allowed = append(allowed, method)
		}
	}
	if allowed != nil {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		write(w, r, http.StatusMethodNotAllowed, envelope{Error: &fault{Code: "method_not_allowed", Message: "this path has other methods"}})
		return
	}
	write(w, r, http.StatusNotFound, envelope{Error: &fault{Code: "not_found", Message: "there is nothing at this path"}})
}

// serve answers a request to a route, whose guard has let it in.
func (a *API) serve(w http.ResponseWriter, r *http.Request, rt *route) {
	c := &call{api: a, route: rt, r: r, ctx: r.Context()}
	answer, err := a.answer(c)
	if err != nil {
		answer = a.fail(c, err)
	}
	for name, value := range answer.Header {
		w.Header().Set(name, value)
	}
	send(w, answer.Status, answer.Body)
}

// answer carries out a request, once if it has a key.
func (a *API) answer(c *call) (platform.Answer, error) {
	if err := c.identify(resource.Claims(c.ctx)); err != nil {
		return platform.Answer{}, err
	}
	if c.route.method == http.MethodGet {
		return a.carryOut(c.ctx, c), nil
	}
	if err := c.read(); err != nil {
		return platform.Answer{}, err
	}
	key, err := c.key()
	if err != nil {
		return platform.Answer{}, err
	}
	if key == "" {
		return a.carryOut(c.ctx, c), nil
	}
	answer, replayed, err := a.Platform.Once(c.ctx, key, c.fingerprint(), func(ctx context.Context, draw platform.Draw) platform.Answer {
		c.caller.Draw = draw
		return a.carryOut(ctx, c)
	})
	if replayed {
		if answer.Header == nil {
			answer.Header = make(map[string]string)
		}
		answer.Header["Idempotency-Replayed"] = "true"
	}
	return answer, err
}

// carryOut calls the route's handler and encodes what it says.
func (a *API) carryOut(ctx context.Context, c *call) platform.Answer {
	c.ctx = ctx
	said, err := c.route.handle(a, c)
	if err != nil {
		return a.fail(c, err)
	}
	answer := platform.Answer{Status: c.route.status(), Header: make(map[string]string)}
	if c.route.tagged {
		answer.Header["ETag"] = etag(said.version)
	}
	if said.location != "" {
		answer.Header["Location"] = a.Root + said.location
	}
	answer.Body = encode(c.r, c.caller.Tenant, envelope{Data: said.data, Page: said.page})
	return answer
}

// fail makes the answer to an error.
func (a *API) fail(c *call, err error) platform.Answer {
	status, f := explain(err)
	answer := platform.Answer{Status: status, Header: make(map[string]string)}
	switch {
	case status >= 500:
		a.Log.ErrorContext(c.ctx, "api", "route", c.route.method+" "+c.route.path, "request_id", metaOf(c.r).RequestID, "error", err)
		answer.Header["Retry-After"] = "1"
	case errors.Is(err, platform.ErrBusy):
		answer.Header["Retry-After"] = "1"
	}
	answer.Body = encode(c.r, c.caller.Tenant, envelope{Error: f})
	return answer
}

// Refuse writes what a guard refuses: it is the Error of both guards.
func Refuse(w http.ResponseWriter, r *http.Request, e *resource.Error) {
	f := &fault{Code: "unauthorized", Message: "the access token is missing, invalid or expired"}
	switch {
	case e.Status == http.StatusForbidden:
		f = &fault{Code: "forbidden", Message: "this needs a role that the caller does not have"}
	case e.Status == http.StatusServiceUnavailable:
		f = &fault{Code: "unavailable", Message: "try again in a moment"}
	case e.Status == http.StatusBadRequest:
		f = &fault{Code: "invalid_request", Message: "send one access token, in the header Authorization"}
	}
	write(w, r, e.Status, envelope{Error: f})
}
