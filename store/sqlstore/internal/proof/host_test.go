package proof_test

import (
	"context"
	"encoding/json"
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

	hostGrant = "urn:example:grant:badge" // the host's own grant type: whoever wears the badge is signed in
)

// system is what the nodes of one authorization server have in common.
type system struct {
	DSN     string // of the database
	Secret  []byte
	Key     []byte // PEM
	Strict  bool   // a refresh token that was used once is never answered again
	Handles bool   // access tokens are handles, each with a record
	Weak    string // one of weaknesses, or empty
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
		RefreshGrace: grace, Profile: &oauth.Profile{Handles: sys.Handles},
		SignedIn: func(r *http.Request) (*oauth.Login, error) {
			cookie, err := r.Cookie("user")
			if err != nil {
				return nil, nil
			}
			return login(cookie.Value), nil
		},
		Interact: func(w http.ResponseWriter, r *http.Request, a *oauth.Authorization) {
			if r.Method == http.MethodPost {
				a.Approve(w, r, nil)
			} else {
				io.WriteString(w, a.URL)
			}
		},
		GrantTypes: map[string]oauth.GrantHandler{hostGrant: func(_ context.Context, r *oauth.TokenRequest) (*oauth.Approval, error) {
			return &oauth.Approval{Login: login(r.Params.Get("badge"))}, nil
		}},
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

// login is that of user@tenant.
func login(who string) *oauth.Login {
	user, tenant, _ := strings.Cut(who, "@")
	return &oauth.Login{Subject: user, Tenant: tenant, Session: user, Time: time.Now()}
}

// hostCalls are what a host does beside OAuth, to the app, user and tenant that a form names. Each may be
// asked for again. Each has the name of the method that it calls, with more where there are several.
func hostCalls(srv *oauth.Server, reg *registry.Registry) map[string]func(http.ResponseWriter, *http.Request) error {
	installation := func(r *http.Request, change func(*registry.App, *registry.Installation) error) error {
		_, err := reg.Install(r.Context(), r.FormValue("app"), r.FormValue("tenant"), "", change)
		return err
	}
	update := func(change func(*registry.App) error) func(http.ResponseWriter, *http.Request) error {
		return func(_ http.ResponseWriter, r *http.Request) error {
			_, err := reg.Update(r.Context(), r.FormValue("app"), change)
			return err
		}
	}
	return map[string]func(http.ResponseWriter, *http.Request) error{
		"Issue": func(w http.ResponseWriter, r *http.Request) error {
			tokens, err := srv.Issue(r.Context(), r.FormValue("app"), oauth.Approval{Login: login(r.FormValue("user") + "@" + r.FormValue("tenant"))})
			if err != nil {
				return err
			}
			return json.NewEncoder(w).Encode(tokens)
		},
		"Introspect": func(w http.ResponseWriter, r *http.Request) error {
			_, err := srv.Introspect(r.Context(), r.FormValue("token"))
			if err != nil && !errors.Is(err, token.ErrInvalid) {
				return err
			}
			return json.NewEncoder(w).Encode(map[string]bool{"active": err == nil})
		},
		"Consents": func(w http.ResponseWriter, r *http.Request) error {
			return pages(w, func(c oauth.Consent) string { return c.App }, func(after string) ([]oauth.Consent, string, error) {
				return srv.Consents(r.Context(), r.FormValue("user"), after)
			})
		},
		"Disconnect": func(_ http.ResponseWriter, r *http.Request) error {
			return srv.Disconnect(r.Context(), oauth.Consent{Subject: r.FormValue("user"), Tenant: r.FormValue("tenant"), App: r.FormValue("app")})
		},
		"EndSubject": func(_ http.ResponseWriter, r *http.Request) error {
			return srv.EndSubject(r.Context(), r.FormValue("user"))
		},
		"Install/allow": func(_ http.ResponseWriter, r *http.Request) error {
			return installation(r, func(a *registry.App, i *registry.Installation) error {
				return i.Allow(registry.Actor{Subject: "olga", Tenant: i.Tenant}, a, a.Manifest.Scopes)
			})
		},
		"Install/remove": func(_ http.ResponseWriter, r *http.Request) error {
			return installation(r, func(_ *registry.App, i *registry.Installation) error {
				if i.Removed {
					return nil
				}
				return i.Remove(registry.Actor{Subject: "olga", Tenant: i.Tenant})
			})
		},
		"Create": func(_ http.ResponseWriter, r *http.Request) error {
			app := newApp(r.FormValue("app"))
			app.Manifest.AuthMethod = "none"
			app.Manifest.GrantTypes = nil
			if err := reg.Create(r.Context(), app); !errors.Is(err, registry.ErrExists) {
				return err
			}
			return nil
		},
		"Update/list":   update(func(a *registry.App) error { a.Listed = true; return nil }),
		"Update/unlist": update(func(a *registry.App) error { a.Listed = false; return nil }),
		"Update/end": update(func(a *registry.App) error {
			return a.EndGrants(registry.Actor{Subject: a.Owner, Tenant: a.Tenant})
		}),
		"Installations": func(w http.ResponseWriter, r *http.Request) error {
			return pages(w, func(i *registry.Installation) string { return i.App }, func(after string) ([]*registry.Installation, string, error) {
				return reg.Installations(r.Context(), r.FormValue("tenant"), "", after)
			})
		},
		"Apps": func(w http.ResponseWriter, r *http.Request) error {
			return pages(w, func(a *registry.App) string { return a.ID }, func(after string) ([]*registry.App, string, error) {
				return reg.Apps(r.Context(), registry.Query{After: after})
			})
		},
	}
}

// pages writes the app of each item of a list, a line for each.
func pages[T any](w io.Writer, app func(T) string, page func(after string) ([]T, string, error)) error {
	for after := ""; ; {
		items, next, err := page(after)
		if err != nil {
			return err
		}
		for _, item := range items {
			fmt.Fprintln(w, app(item))
		}
		if after = next; next == "" {
			return nil
		}
	}
}
