package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/http"

	"github.com/oauthcore/oauthcore/examples/appregistry/platform"
	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/oauth/resource"
)

// sessions says who is signed in, by a cookie of 256 random bits. It is safe for many goroutines.
type sessions struct {
	kept   *platform.Sessions
	cookie http.Cookie // as set, without a value
}

func newSessions(kept *platform.Sessions, secure bool) *sessions {
	s := &sessions{kept: kept, cookie: http.Cookie{
		Name: "session", Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: int(platform.SessionLifetime.Seconds()),
	}}
	if secure {
		s.cookie.Name, s.cookie.Secure = "__Host-session", true // a neighbouring host cannot set it
	}
	return s
}

// begin signs subject in under a new id: one that was known before the sign-in never becomes the
// signed-in one. It ends the session that the browser had.
func (s *sessions) begin(w http.ResponseWriter, r *http.Request, subject string) error {
	if err := s.forget(r); err != nil {
		return err
	}
	var secret [32]byte
	rand.Read(secret[:])
	cookie := s.cookie
	cookie.Value = base64.RawURLEncoding.EncodeToString(secret[:])
	if err := s.kept.Begin(r.Context(), cookie.Value, subject); err != nil {
		return err
	}
	http.SetCookie(w, &cookie)
	return nil
}

// end signs the browser out.
func (s *sessions) end(w http.ResponseWriter, r *http.Request) error {
	if err := s.forget(r); err != nil {
		return err
	}
	gone := s.cookie
	gone.MaxAge = -1
	http.SetCookie(w, &gone)
	return nil
}

func (s *sessions) forget(r *http.Request) error {
	c, err := r.Cookie(s.cookie.Name)
	if err != nil {
		return nil
	}
	return s.kept.End(r.Context(), c.Value)
}

// find returns the session of the browser that sent r, nil if it has none.
func (s *sessions) find(r *http.Request) (*platform.Session, error) {
	c, err := r.Cookie(s.cookie.Name)
	if err != nil {
		return nil, nil
	}
	return s.kept.Find(r.Context(), c.Value)
}

// signedIn is the service's oauth.Config.SignedIn: who asks, in the organisation that x-tenant-id names if it
// names one, as for the rest of the API.
func (s *server) signedIn(r *http.Request) (*oauth.Login, error) {
	l, err := s.asks(r)
	if wanted := r.Header.Get("x-tenant-id"); l != nil && wanted != "" {
		if !s.users.member(l.Subject, wanted) {
			return nil, &oauth.Error{Code: "access_denied", Description: "the user does not belong to the tenant in x-tenant-id"}
		}
		l.Tenant = wanted
	}
	return l, err
}

// asks returns who sent r: by the session of a browser, or by the access token of a client of the service's own
// login.
func (s *server) asks(r *http.Request) (*oauth.Login, error) {
	if r.Header.Get("Authorization") != "" {
		return s.bearer(r)
	}
	found, err := s.sessions.find(r)
	if found == nil || err != nil {
		return nil, err
	}
	u := s.users.find(found.Subject)
	if u == nil {
		return nil, nil
	}
	return &oauth.Login{Subject: u.Email, Tenant: u.Tenant, Session: found.ID, Time: found.Began, AMR: []string{"pwd"}}, nil
}

// bearer is who sent the access token in r, if it is good at the registry's own API. Nobody can make a
// browser send one, so the page that it asks for was asked for by its holder.
func (s *server) bearer(r *http.Request) (*oauth.Login, error) {
	claims, err := s.people.Check(r, resource.Need{})
	if err != nil || claims.ClientID != console || s.users.find(claims.Subject) == nil {
		return nil, nil // a sign-in page says what is missing
	}
	return &oauth.Login{Subject: claims.Subject, Tenant: claims.Tenant, Session: "token " + claims.ID, Time: claims.AuthTime, AMR: claims.AMR}, nil
}

// signOut answers POST /sign-out. It ends the session, not the grants of apps the user has let in.
func (s *server) signOut(w http.ResponseWriter, r *http.Request) {
	if err := s.sessions.end(w, r); err != nil {
		s.unavailable(w, r, err)
		return
	}
	http.Redirect(w, r, s.base+"/", http.StatusSeeOther)
}

// unavailable answers a page's request that the store did not.
func (s *server) unavailable(w http.ResponseWriter, r *http.Request, err error) {
	s.log.ErrorContext(context.WithoutCancel(r.Context()), "page", "path", r.URL.Path, "error", err)
	http.Error(w, "try again in a moment", http.StatusServiceUnavailable)
}
