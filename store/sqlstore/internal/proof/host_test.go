package proof_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/token"
)

const (
	issuer   = "http://127.0.0.1:1" // what the nodes are together; each listens elsewhere
	resource = "https://api.example.com"
	callback = "https://app.example.com/callback"
)

// system is what the nodes of one authorization server have in common.
type system struct {
	DSN    string // of the database
	Secret []byte
	Key    []byte // PEM
	Strict bool   // a refresh token that was used once is never answered again
	Weak   string // one of weaknesses, or empty
}

// newNode returns a host program on st: users are who their cookie says, and allow what they are asked.
// What is not OAuth is below /host/.
func newNode(sys system, st store.Store) (http.Handler, error) {
	key, err := token.ParseKey(sys.Key)
	if err != nil {
		return nil, err
	}
	keys, err := token.NewKeys(key)
	if err != nil {
		return nil, err
	}
	reg, err := registry.New(registry.Config{Store: st})
	if err != nil {
		return nil, err
	}
	grace := time.Minute
	if sys.Strict {
		grace = -1
	}
	srv, err := oauth.New(oauth.Config{
		Issuer: issuer, Store: st, Keys: keys, Apps: reg, Secrets: [][]byte{sys.Secret}, Resources: []string{resource},
		RefreshGrace: grace,
		SignedIn: func(r *http.Request) (*oauth.Login, error) {
			cookie, err := r.Cookie("user")
			if err != nil {
				return nil, nil
			}
			user, tenant, _ := strings.Cut(cookie.Value, "@")
			return &oauth.Login{Subject: user, Tenant: tenant, Session: user, Time: time.Now()}, nil
		},
		Interact: func(w http.ResponseWriter, r *http.Request, a *oauth.Authorization) {
			if r.Method == http.MethodPost {
				a.Approve(w, r, nil)
			} else {
				io.WriteString(w, a.URL)
			}
		},
	})
	if err != nil {
		return nil, err
	}

	mux := http.NewServeMux()
	mux.Handle("/", srv)
	for name, do := range hostCalls(srv, reg) {
		mux.HandleFunc("POST /host/"+name, func(w http.ResponseWriter, r *http.Request) {
			if err := do(w, r); err != nil {
				http.Error(w, err.Error(), http.StatusServiceUnavailable)
			}
		})
	}
	return mux, nil
}

// hostCalls are what a host does beside OAuth, to the app, user and tenant that a form names. Each may be
// asked for again.
func hostCalls(srv *oauth.Server, reg *registry.Registry) map[string]func(http.ResponseWriter, *http.Request) error {
	installation := func(r *http.Request, change func(*registry.App, *registry.Installation) error) error {
		_, err := reg.Install(r.Context(), r.FormValue("app"), r.FormValue("tenant"), "", change)
		return err
	}
	list := func(r *http.Request, listed bool) error {
		_, err := reg.Update(r.Context(), r.FormValue("app"), func(a *registry.App) error {
			a.Listed = listed
			return nil
		})
		return err
	}
	return map[string]func(http.ResponseWriter, *http.Request) error{
		"disconnect": func(_ http.ResponseWriter, r *http.Request) error {
			return srv.Disconnect(r.Context(), oauth.Consent{Subject: r.FormValue("user"), Tenant: r.FormValue("tenant"), App: r.FormValue("app")})
		},
		"end": func(_ http.ResponseWriter, r *http.Request) error {
			return srv.EndSubject(r.Context(), r.FormValue("user"))
		},
		"install": func(_ http.ResponseWriter, r *http.Request) error {
			return installation(r, func(a *registry.App, i *registry.Installation) error {
				return i.Allow(registry.Actor{Subject: "olga", Tenant: i.Tenant}, a, a.Manifest.Scopes)
			})
		},
		"uninstall": func(_ http.ResponseWriter, r *http.Request) error {
			return installation(r, func(_ *registry.App, i *registry.Installation) error {
				if i.Removed {
					return nil
				}
				return i.Remove(registry.Actor{Subject: "olga", Tenant: i.Tenant})
			})
		},
		"create": func(_ http.ResponseWriter, r *http.Request) error {
			app := newApp(r.FormValue("app"))
			app.Manifest.AuthMethod = "none"
			app.Manifest.GrantTypes = nil
			if err := reg.Create(r.Context(), app); !errors.Is(err, registry.ErrExists) {
				return err
			}
			return nil
		},
		"list":   func(_ http.ResponseWriter, r *http.Request) error { return list(r, true) },
		"unlist": func(_ http.ResponseWriter, r *http.Request) error { return list(r, false) },
		"directory": func(w http.ResponseWriter, r *http.Request) error {
			for q := (registry.Query{}); ; {
				apps, next, err := reg.Apps(r.Context(), q)
				if err != nil {
					return err
				}
				for _, a := range apps {
					fmt.Fprintln(w, a.ID)
				}
				if q.After = next; next == "" {
					return nil
				}
			}
		},
	}
}
