package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/oauthcore/oauthcore/examples/appregistry/api"
	"github.com/oauthcore/oauthcore/examples/appregistry/platform"
	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/oauth/profile"
	"github.com/oauthcore/oauthcore/oauth/resource"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/token"
)

// oauthPaths places the OAuth endpoints where the service's documents have them.
var oauthPaths = oauth.Paths{
	Authorize:  "/app-registry/v1/oauth/authorize",
	Token:      "/app-registry/v1/oauth/token",
	Introspect: "/app-registry/v1/oauth/introspect",
	Revoke:     "/app-registry/v1/oauth/revoke",
	JWKS:       "/app-registry/v1/oauth/jwks",
}

// server is the whole service. It is safe for many goroutines.
type server struct {
	issuer   string // byte for byte
	root     string // the issuer without a trailing slash: what addresses begin with
	base     string // path of root
	apps     catalogue
	oauth    *oauth.Server
	platform *platform.Platform
	people   *resource.Guard // of the registry's own API
	users    *users
	sessions *sessions
	pages    *pages
	log      *slog.Logger
	mux      *http.ServeMux

	resources []string // audiences of the tokens of apps; the first is the protected API's
}

// newServer wires the service over a store and the secrets that belong to it. It reports all faults of the
// configuration that oauth.New finds.
func newServer(ctx context.Context, conf *config, st store.Store, keep *secrets, log *slog.Logger) (*server, error) {
	issuer, err := url.Parse(conf.Issuer)
	if err != nil {
		return nil, fmt.Errorf("issuer: %w", err)
	}
	base := strings.TrimSuffix(issuer.Path, "/")
	if !mountable(base) {
		return nil, fmt.Errorf("issuer: got path %q, wanted a clean one without braces and spaces", issuer.Path)
	}
	keys, err := keep.ring()
	if err != nil {
		return nil, err
	}
	users, err := newUsers(conf.Users)
	if err != nil {
		return nil, err
	}
	// The library's records and the service's own have nothing in common but the database.
	own, library := store.Namespace(st, "platform/"), store.Namespace(st, "oauth/")
	s := &server{
		issuer:   conf.Issuer,
		root:     strings.TrimSuffix(conf.Issuer, "/"),
		base:     base,
		users:    users,
		sessions: newSessions(platform.NewSessions(own, nil), issuer.Scheme == "https"),
		log:      log,
		mux:      http.NewServeMux(),
	}
	s.pages = newPages(s.base, conf.Scopes, users)
	s.resources = conf.Resources
	if len(s.resources) == 0 {
		s.resources = []string{s.root + "/api"}
	}
	if audience := s.webhooksResource(); !slices.Contains(s.resources, audience) {
		s.resources = append(slices.Clip(s.resources), audience)
	}
	if err := s.openCatalogue(conf, library); err != nil {
		return nil, err
	}
	s.oauth, err = oauth.New(oauth.Config{
		Issuer:  conf.Issuer,
		Store:   library,
		Keys:    keys,
		Apps:    s.apps,
		Secrets: keep.Secrets,
		Scopes:  s.apps.scopes(conf.Scopes),

		SignedIn: s.signedIn,
		Interact: s.interact,
		Claims:   s.claims,
		Observe:  s.observe,

		Resources:                 append(slices.Clone(s.resources), s.registryResource()),
		InsecureLoopbackResources: conf.LoopbackResources,

		Profile:        profile.JSON(), // bodies in JSON, beside forms
		Paths:          oauthPaths,
		AccessLifetime: conf.AccessLifetime,
		RefreshGrace:   conf.RefreshGrace,
	})
	if err != nil {
		return nil, err
	}
	vault, err := platform.NewVault(keep.Secrets)
	if err != nil {
		return nil, err
	}
	s.platform, err = platform.New(platform.Config{
		Store:            own,
		Registry:         s.apps.registered,
		Vault:            vault,
		Scopes:           conf.Scopes,
		InsecureWebhooks: conf.InsecureWebhooks,
	})
	if err != nil {
		return nil, err
	}
	if !conf.Demonstration {
		if err := s.apps.refuseDemonstration(ctx); err != nil {
			return nil, err
		}
	}
	if err := s.apps.register(ctx, conf.Registered); err != nil {
		return nil, err
	}
	if err := s.route(conf, keys); err != nil {
		return nil, err
	}
	return s, nil
}

// openCatalogue makes the catalogue of the apps that the configuration declares and those in the store.
func (s *server) openCatalogue(conf *config, st store.Store) (err error) {
	s.apps.declared, s.apps.resources = conf.Apps, s.resources
	if conf.Demonstration {
		s.apps.declared = withCallback(s.apps.declared, s.root+"/callback")
	}
	if conf.LoginAPI {
		s.apps.declared = withConsole(s.apps.declared, conf.Scopes)
	}
	if err := s.apps.declared.Validate(); err != nil {
		return err
	}
	s.apps.registered, err = registry.New(registry.Config{Store: st})
	return err
}

// registryResource is the audience of tokens for the registry's own API.
func (s *server) registryResource() string { return s.root + "/app-registry/v1" }

// webhooksResource is the audience of the tokens with which apps manage their webhooks: that of the protected
// API, which an app gets without asking, unless that API is on another origin. Whoever serves it could then use
// here what apps show them, so apps ask for a token of its own.
func (s *server) webhooksResource() string {
	if sameOrigin(s.issuer, s.resources[0]) {
		return s.resources[0]
	}
	return s.registryResource() + "/webhooks"
}

// route places everything on the mux.
func (s *server) route(conf *config, keys *token.Keys) error {
	protected, err := newProtected(s, keys)
	if err != nil {
		return err
	}
	guard := func(audience string) (*resource.Guard, error) {
		return resource.New(resource.Config{
			Accept:     token.VerifierConfig{Issuer: s.issuer, Audience: audience, Keys: keys},
			Introspect: s.oauth.Introspect,
			Error:      api.Refuse,
		})
	}
	if s.people, err = guard(s.registryResource()); err != nil {
		return err
	}
	machines, err := guard(s.webhooksResource())
	if err != nil {
		return err
	}
	wiring := api.Config{
		Platform: s.platform, People: s.people, Apps: machines, Client: console, Member: s.users.member,
		Root: s.root, Base: s.base, Log: s.log,
	}
	if conf.LoginAPI {
		wiring.Login = s.login
	}
	own, err := api.New(wiring)
	if err != nil {
		return err
	}

	s.mux.Handle("/", s.oauth)
	s.mux.Handle(s.base+"/app-registry/v1/oauth/", api.Identify(s.oauth))
	own.Register(s.mux)
	protected.register(s.mux)
	people, err := newConsole(s, conf.Scopes)
	if err != nil {
		return err
	}
	people.Register(s.mux)
	s.mux.HandleFunc("GET "+s.base+"/{$}", s.home)
	s.mux.Handle("POST "+s.base+"/sign-out", new(http.CrossOriginProtection).Handler(http.HandlerFunc(s.signOut)))
	for _, name := range []string{"style.css", "icon.svg"} {
		s.mux.HandleFunc("GET "+s.base+"/"+name, file(name))
	}
	if conf.Demonstration {
		s.mux.HandleFunc("GET "+s.base+"/callback", s.callback)
	}
	return nil
}

// mountable reports whether a mux takes the path as it is.
func mountable(p string) bool {
	return p == "" || path.Clean(p) == p && !strings.ContainsAny(p, "{} ")
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 128<<10) // the library has its own, tighter limits
	s.mux.ServeHTTP(w, r)
}

// claims adds what the service knows of the subject. A user who is gone refuses the mint, which ends the
// grant; so does one who may not let apps in, unless the app is the service's own.
func (s *server) claims(ctx context.Context, g *oauth.Grant, c *token.Claims) error {
	if c.Subject == c.ClientID {
		return nil // an app that acts for itself
	}
	u := s.users.find(c.Subject)
	if u == nil {
		return &oauth.Error{Code: "invalid_grant", Description: "the user no longer exists"}
	}
	if caller := u.caller(); !caller.May(platform.Consent) { // TestConsentNeedsARole
		app, err := s.apps.App(ctx, g.App)
		if err != nil {
			return err
		}
		if !app.Policy.FirstParty {
			return &oauth.Error{Code: "invalid_grant", Description: "the user may not let apps in"}
		}
	}
	c.Roles = u.Roles
	return nil
}

// observe logs each request to the OAuth endpoints in one line, and counts it.
func (s *server) observe(ctx context.Context, e oauth.Event) {
	level := slog.LevelInfo
	if e.Reused {
		level = slog.LevelWarn // a spent credential came back: someone may have stolen it
	}
	s.log.Log(ctx, level, "oauth", "event", e)
	if s.platform != nil { // not yet while oauth.New says what it noticed
		s.platform.Count(e)
	}
}

// flush stores what was counted every ten seconds, until ctx ends.
func (s *server) flush(ctx context.Context) {
	every(ctx, 10*time.Second, func(time.Time) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if err := s.platform.Flush(ctx); err != nil {
			s.log.ErrorContext(ctx, "counting", "error", err)
		}
	})
}
