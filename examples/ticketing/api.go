package main

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/oauthcore/oauthcore/oauth/resource"
	"github.com/oauthcore/oauthcore/registry"
)

// api is what the platform answers to tokens.
type api struct {
	apps *registry.Registry
}

// me answers with the user whose token it is.
func (a *api) me(w http.ResponseWriter, r *http.Request) {
	u, ok := users[resource.Claims(r.Context()).Subject]
	if !ok {
		answer(w, http.StatusNotFound, map[string]any{"error": "not_found"})
		return
	}
	answer(w, http.StatusOK, u)
}

// tickets answers with the user's tickets.
func (a *api) tickets(w http.ResponseWriter, r *http.Request) {
	of := users[resource.Claims(r.Context()).Subject].tickets
	answer(w, http.StatusOK, map[string]any{"tickets": append([]ticket{}, of...)})
}

// tokenInfo tells whoever has a token what it is.
func (a *api) tokenInfo(w http.ResponseWriter, r *http.Request) {
	c := resource.Claims(r.Context())
	var owner any // null for an app that acts for itself
	if c.Subject != c.ClientID {
		owner = c.Subject
	}
	answer(w, http.StatusOK, map[string]any{
		"resource_owner_id": owner,
		"scope":             c.Scopes,
		"expires_in":        int(time.Until(c.Expires).Seconds()),
		"application":       map[string]any{"uid": c.ClientID},
		"created_at":        c.IssuedAt.Unix(),
	})
}

// createApplication creates an app for someone who asked the platform for one, and shows its secret once.
func (a *api) createApplication(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Name           string `json:"name"`
		RedirectURI    string `json:"redirect_uri"`
		InsecureNoPKCE bool   `json:"insecure_no_pkce"` // the app's programmers cannot add PKCE
	}
	body := json.NewDecoder(r.Body)
	body.DisallowUnknownFields() // what is misspelled would be left out without a word
	if err := body.Decode(&asked); err != nil {
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_request", "error_description": "the body is not an application in JSON"})
		return
	}
	app := newApp(asked.Name, asked.RedirectURI, asked.InsecureNoPKCE)
	if err := app.Manifest.Validate(); err != nil {
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_request", "error_description": err.Error()})
		return
	}
	plain, hashed := registry.NewSecret(time.Now())
	app.Secrets = []registry.Secret{hashed}
	if err := a.apps.Create(r.Context(), app); err != nil {
		answer(w, http.StatusServiceUnavailable, map[string]any{"error": "temporarily_unavailable"})
		return
	}
	answer(w, http.StatusCreated, map[string]any{
		"uid": app.ID, "secret": plain, "name": asked.Name, "redirect_uri": asked.RedirectURI,
		"insecure_no_pkce": asked.InsecureNoPKCE,
	})
}

// refuse writes what the guard refuses. Why is in WWW-Authenticate.
func refuse(w http.ResponseWriter, _ *http.Request, e *resource.Error) {
	code := e.Code
	if code == "" {
		code = "unauthorized" // no token: RFC 6750 has no code for it
	}
	answer(w, e.Status, map[string]any{"error": code})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}
