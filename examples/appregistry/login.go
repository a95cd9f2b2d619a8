package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/oauthcore/oauthcore/examples/appregistry/api"
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

// login is the service's api.Config.Login. Its tokens are for the registry's own API, and for the protected
// one if that is here too.
func (s *server) login(ctx context.Context, email, password string) (*api.Tokens, error) {
	u, err := s.users.authenticate(ctx, email, password)
	if errors.Is(err, errPassword) {
		return nil, api.ErrCredentials
	}
	if err != nil {
		return nil, err
	}
	return s.issue(ctx, u)
}

// issue returns the service's own tokens for a user who has signed in now.
func (s *server) issue(ctx context.Context, u *account) (*api.Tokens, error) {
	resources := []string{s.registryResource()}
	if protected := s.resources[0]; sameOrigin(s.issuer, protected) { // else it is somebody else's, who could use the token here
		resources = append(resources, protected)
	}
	issued, err := s.oauth.Issue(ctx, console, oauth.Approval{
		Login:     &oauth.Login{Subject: u.Email, Tenant: u.Tenant, Time: time.Now(), AMR: []string{"pwd"}},
		Resources: resources,
	})
	if err != nil {
		return nil, err
	}
	return &api.Tokens{AccessToken: issued.AccessToken, RefreshToken: issued.RefreshToken, ExpiresIn: int64(issued.ExpiresIn.Seconds())}, nil
}
