package main

import (
	"errors"
	"net/http"

	ui "github.com/oauthcore/oauthcore/examples/appregistry/console"
)

// newConsole wires the pages for people who register, review, install and connect apps.
func newConsole(s *server, scopes map[string]string) (*ui.Console, error) {
	return ui.New(ui.Config{
		Platform: s.platform,
		OAuth:    s.oauth,
		Apps:     s.apps,
		Who:      s.person,
		SignIn:   s.signInToConsole,
		Scopes:   scopes,
		Base:     s.base,
		Log:      s.log,
	})
}

// person is who is signed in to the console: by the session of a browser, and by nothing else.
func (s *server) person(r *http.Request) (*ui.Person, error) {
	found, err := s.sessions.find(r)
	if found == nil || err != nil {
		return nil, err
	}
	u := s.users.find(found.Subject)
	if u == nil {
		return nil, nil
	}
	return &ui.Person{Caller: u.caller(), Name: u.Name}, nil
}

// signInToConsole begins a session for whoever knows the password.
func (s *server) signInToConsole(w http.ResponseWriter, r *http.Request, email, password string) (bool, error) {
	u, err := s.users.authenticate(r.Context(), email, password)
	if errors.Is(err, errPassword) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, s.sessions.begin(w, r, u.Email)
}
