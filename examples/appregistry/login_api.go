package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
)

// console is the ID of the app that the service's own login issues tokens for.
const console = "console"

// withConsole adds the service's own app, which may ask for every scope there is and refreshes as a
// public client. A configuration that declares an app of this ID has its way.
func withConsole(apps registry.Static, words map[string]string) registry.Static {
	scopes := make(map[string]bool)
	for scope := range words {
		scopes[scope] = true
	}
	for _, a := range apps {
		if a.ID == console {
			return apps
		}
		for _, scope := range a.Manifest.Scopes {
			scopes[scope] = true
		}
	}
	return append(slices.Clip(apps), registry.App{
		ID: console,
		Manifest: registry.Manifest{
			Name:       "Console",
			AuthMethod: "none",
			GrantTypes: []string{"refresh_token"},
			Scopes:     slices.Sorted(maps.Keys(scopes)),
		},
		Policy: registry.Policy{FirstParty: true},
	})
}

// login answers POST /auth/v1/login: the service's own front end trades an e-mail and a password for
// tokens without a browser, which only the owner of the passwords may do.
func (s *server) login(w http.ResponseWriter, r *http.Request) {
	var in struct{ Email, Password string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		answer(w, r, http.StatusBadRequest, nil, &fault{"invalid_request", "the body is not JSON with email and password"})
		return
	}
	u, err := s.users.authenticate(r.Context(), in.Email, in.Password)
	if errors.Is(err, errPassword) {
		answer(w, r, http.StatusUnauthorized, nil, &fault{"invalid_credentials", errPassword.Error()})
		return
	}
	var issued *oauth.TokenResponse
	if err == nil {
		issued, err = s.oauth.Issue(r.Context(), console, oauth.Approval{Login: &oauth.Login{
			Subject: u.Email,
			Tenant:  u.Tenant,
			Time:    time.Now(),
			AMR:     []string{"pwd"},
		}})
	}
	if err != nil {
		s.log.ErrorContext(r.Context(), "login", "error", err)
		answer(w, r, http.StatusServiceUnavailable, nil, &fault{"unavailable", "try again in a moment"})
		return
	}
	answer(w, r, http.StatusOK, struct {
		AccessToken  string `json:"accessToken"`
		RefreshToken string `json:"refreshToken,omitempty"`
		ExpiresIn    int64  `json:"expiresIn"` // seconds
	}{issued.AccessToken, issued.RefreshToken, int64(issued.ExpiresIn.Seconds())}, nil)
}

// fault is the error member of an answer.
type fault struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

var uuidForm = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// answer writes the envelope of the service's own answers. The caller's x-request-id comes back, or a
// new one.
func answer(w http.ResponseWriter, r *http.Request, status int, data any, f *fault) {
	id := r.Header.Get("x-request-id")
	if !uuidForm.MatchString(id) {
		id = newUUID()
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("x-request-id", id)
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{
		"data":  data,
		"error": f,
		"meta":  map[string]string{"request_id": id},
	})
}

// newUUID returns a random UUID (RFC 9562, Section 5.4).
func newUUID() string {
	b := make([]byte, 16)
	rand.Read(b)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
