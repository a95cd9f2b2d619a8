package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/memory"
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
	store    store.Store
	oauth    *oauth.Server
	users    *users
	sessions *sessions
	pages    *pages
	log      *slog.Logger
	mux      *http.ServeMux
}

// newServer wires the service. It reports all faults of the configuration that oauth.New finds.
func newServer(conf *config, log *slog.Logger) (*server, error) {
	issuer, err := url.Parse(conf.Issuer)
	if err != nil {
		return nil, fmt.Errorf("issuer: %w", err)
	}
	base := strings.TrimSuffix(issuer.Path, "/")
	if !mountable(base) {
		return nil, fmt.Errorf("issuer: got path %q, wanted a clean one without braces and spaces", issuer.Path)
	}
	keys, err := generateKeys(conf.Keys)
	if err != nil {
		return nil, err
	}
	users, err := newUsers(conf.Users)
	if err != nil {
		return nil, err
	}
	s := &server{
		issuer:   conf.Issuer,
		root:     strings.TrimSuffix(conf.Issuer, "/"),
		base:     base,
		store:    memory.New(),
		users:    users,
		sessions: newSessions(time.Now, issuer.Scheme == "https"),
		log:      log,
		mux:      http.NewServeMux(),
	}
	s.pages = newPages(s.base, conf.Scopes, users)
	resources := conf.Resources
	if len(resources) == 0 {
		resources = []string{s.root + "/api"}
	}
	apps := registry.Static(conf.Apps)
	if conf.Demonstration {
		apps = withCallback(apps, s.root+"/callback")
	}
	if conf.LoginAPI {
		apps = withConsole(apps, conf.Scopes)
	}
	secret := make([]byte, 32)
	rand.Read(secret)
	s.oauth, err = oauth.New(oauth.Config{
		Issuer: conf.Issuer,
		Store:  s.store,
		Keys:   keys,
		Apps:   apps,
		// What they seal lives in memory too, and need not outlive the process.
		Secrets: [][]byte{secret},

		SignedIn: s.signedIn,
		Interact: s.interact,
		Claims:   s.claims,
		Observe:  s.observe,

		Resources:                 resources,
		InsecureLoopbackResources: conf.LoopbackResources,

		Paths:          oauthPaths,
		AccessLifetime: conf.AccessLifetime,
		RefreshGrace:   conf.RefreshGrace,
	})
	if err != nil {
		return nil, err
	}
	api, err := newAPI(s, resources[0], keys)
	if err != nil {
		return nil, err
	}

	s.mux.Handle("/", s.oauth)
	api.register(s.mux)
	s.mux.HandleFunc("GET "+base+"/{$}", s.home)
	s.mux.Handle("POST "+base+"/sign-out", new(http.CrossOriginProtection).Handler(http.HandlerFunc(s.signOut)))
	for _, name := range []string{"style.css", "icon.svg"} {
		s.mux.HandleFunc("GET "+base+"/"+name, file(name))
	}
	s.mux.HandleFunc("GET "+base+"/app-registry/v1/health", s.health)
	if conf.LoginAPI {
		s.mux.HandleFunc("POST "+base+"/auth/v1/login", s.login)
	}
	if conf.Demonstration {
		s.mux.HandleFunc("GET "+base+"/callback", s.callback)
	}
	return s, nil
}

// mountable reports whether a mux takes the path as it is.
func mountable(p string) bool {
	return p == "" || path.Clean(p) == p && !strings.ContainsAny(p, "{} ")
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 128<<10) // the library has its own, tighter limits
	s.mux.ServeHTTP(w, r)
}

// claims adds what the service knows of the subject. A user who is gone refuses the mint, which ends
// the grant.
func (s *server) claims(ctx context.Context, g *oauth.Grant, c *token.Claims) error {
	if c.Subject == c.ClientID {
		return nil // an app that acts for itself
	}
	u := s.users.find(c.Subject)
	if u == nil {
		return &oauth.Error{Code: "invalid_grant", Description: "the user no longer exists"}
	}
	c.Roles = u.Roles
	return nil
}

// observe logs each request to the OAuth endpoints in one line.
func (s *server) observe(ctx context.Context, e oauth.Event) {
	level := slog.LevelInfo
	if e.Reused {
		level = slog.LevelWarn // a spent credential came back: someone may have stolen it
	}
	s.log.Log(ctx, level, "oauth", "event", e)
}

// health answers GET /app-registry/v1/health.
func (s *server) health(w http.ResponseWriter, r *http.Request) {
	answer(w, r, http.StatusOK, map[string]string{"status": "ok"}, nil)
}

// sweep drops expired records once a minute, which the library leaves to its host.
func sweep(ctx context.Context, st store.Store, log *slog.Logger) {
	const batch = 1000
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			n, err := batch, error(nil)
			for n == batch && err == nil {
				n, err = st.Sweep(ctx, now.Unix(), batch)
			}
			if err != nil {
				log.ErrorContext(ctx, "sweep", "error", err)
			}
		}
	}
}
