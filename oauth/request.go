package oauth

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/oauthcore/oauthcore/internal/scope"
	"github.com/oauthcore/oauthcore/pkce"
	"github.com/oauthcore/oauthcore/registry"
)

const maxState = 4 << 10

// request is an authorization request (RFC 6749, Section 4.1.1) whose client and redirect URI are good.
type request struct {
	params   url.Values
	app      *registry.App
	redirect string // where the answer goes, matched to the letter
	state    string

	scopes    []string
	resources []string
	challenge string

	none, login, consent bool // prompt
	maxAge               int64
	hasMaxAge            bool
}

// target finds the app and the redirect URI. Its errors are shown on a page of ours: where to send the
// browser is just what is in doubt (RFC 6749, Section 3.1.2.4).
func (c *call) target(params url.Values) (*request, error) {
	for _, name := range []string{"client_id", "redirect_uri"} {
		if len(params[name]) > 1 {
			return nil, refuse("invalid_request", name+" is there twice")
		}
	}
	id := params.Get("client_id")
	c.event.App = printable(id)
	if id == "" || len(id) > maxClientID || !isVisible(id) {
		return nil, refuse("invalid_request", "client_id is missing or malformed")
	}
	app, err := c.s.app(c, id)
	if err != nil {
		if e := asError(err); e.Code == "invalid_client" {
			return nil, because(e.Cause, "invalid_request", "there is no such app, or it may not be used now")
		}
		return nil, err
	}
	req := &request{params: params, app: app, redirect: params.Get("redirect_uri")}
	uris := app.Manifest.RedirectURIs
	switch {
	case req.redirect == "" && len(uris) == 1:
		req.redirect = uris[0]
	case req.redirect == "":
		return nil, refuse("invalid_request", "redirect_uri is missing")
	case !app.Manifest.AllowsRedirect(req.redirect): // TestAuthorizeShowsWhatIsInDoubt
		return nil, refuse("invalid_request", "redirect_uri is not one that the app registered")
	}
	return req, nil
}

// read checks the rest of the request. Its errors go to the app.
func (req *request) read(s *Server) error {
	p := req.params
	if states := p["state"]; len(states) == 1 {
		if len(states[0]) > maxState || !isText(states[0]) { // TestAuthorizeState
			return refuse("invalid_request", "state is over 4 KiB or holds control characters")
		}
		req.state = states[0]
	}
	p, err := checkParams(p)
	if err != nil {
		return err
	}
	if err := req.readPrompt(); err != nil {
		return err
	}
	switch {
	case p.Has("request"):
		return refuse("request_not_supported", "request objects are not supported")
	case p.Has("request_uri"):
		return refuse("request_uri_not_supported", "request_uri is not supported")
	case p.Get("response_type") == "":
		return refuse("invalid_request", "response_type is missing")
	case p.Get("response_type") != "code":
		return refuse("unsupported_response_type", "response_type must be code")
	case p.Has("response_mode") && p.Get("response_mode") != "query":
		return refuse("invalid_request", "response_mode must be query")
	case !req.app.Manifest.AllowsGrant("authorization_code"): // TestAuthorizeRefusesForOtherReasons
		return refuse("unauthorized_client", "the client may not use the authorization code grant")
	}
	if err := req.readPKCE(); err != nil {
		return err
	}
	m := &req.app.Manifest
	if req.scopes, err = parseScope(p.Get("scope")); err != nil {
		return err
	}
	switch {
	case !scope.Subset(req.scopes, m.Scopes): // TestAuthorizeRefuses
		return refuse("invalid_scope", "a scope is not one that the client may have")
	case req.scopes == nil && len(m.RequiredScopes) > 0:
		req.scopes = slices.Clone(m.RequiredScopes)
	case req.scopes == nil && len(m.Scopes) > 0:
		return refuse("invalid_scope", "scope is missing")
	}
	req.resources, err = s.resources(req.app, p["resource"])
	return err
}

// readPKCE requires a challenge (RFC 9700, Section 2.1.1) unless the app's policy waives it by name.
func (req *request) readPKCE() error {
	challenge, method := req.params.Get("code_challenge"), req.params.Get("code_challenge_method")
	waived := req.app.Policy.InsecureNoPKCE && !req.app.Manifest.Public() // TestAuthorizeWithATableOfTheHost
	switch {
	case challenge == "" && method == "" && waived:
		return nil
	case challenge == "":
		return refuse("invalid_request", "code_challenge is missing")
	case method == "":
		// RFC 7636, Section 4.3: absent means plain.
		return refuse("invalid_request", "code_challenge_method is missing; it must be S256")
	case method != "S256": // TestAuthorizeChallenge
		return refuse("invalid_request", "code_challenge_method must be S256")
	}
	if err := pkce.CheckChallenge(challenge); err != nil { // TestAuthorizeChallenge
		return because(err, "invalid_request", err.Error())
	}
	req.challenge = challenge
	return nil
}

// readPrompt reads prompt and max_age (OpenID Connect Core 1.0, Section 3.1.2.1).
func (req *request) readPrompt() error {
	prompts := strings.Fields(req.params.Get("prompt"))
	for _, p := range prompts {
		switch p {
		case "none":
			req.none = true
		case "login":
			req.login = true
		case "consent":
			req.consent = true
		default:
			return refuse("invalid_request", "prompt must be none, or of login and consent")
		}
	}
	if req.none && len(prompts) > 1 {
		return refuse("invalid_request", "prompt none stands alone")
	}
	if age := req.params.Get("max_age"); age != "" {
		n, err := strconv.ParseUint(age, 10, 31) // no sign
		if err != nil {
			return refuse("invalid_request", "max_age is not a number of seconds")
		}
		req.maxAge, req.hasMaxAge = int64(n), true
	}
	return nil
}
