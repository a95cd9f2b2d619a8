package console

import (
	"context"
	"errors"
	"html/template"
	"log/slog"
	"net/http"

	"github.com/oauthcore/oauthcore/examples/appregistry/platform"
	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
)

// Config is what the console needs of the program around it. All fields but Scopes and Base are required.
type Config struct {
	Platform *platform.Platform
	OAuth    *oauth.Server // to list and end what users have let apps do
	Apps     oauth.Apps    // every app there is, for the name of one that a user has let in

	// Who returns who is signed in in this browser, nil if nobody is.
	Who func(*http.Request) (*Person, error)
	// SignIn signs a user in and sets the cookie. False means that e-mail or password is wrong, an error
	// that the question could not be answered now.
	SignIn func(w http.ResponseWriter, r *http.Request, email, password string) (bool, error)

	Scopes map[string]string // what each means in words
	Base   string            // path that everything is below, without a slash at the end
	Log    *slog.Logger
}

// Person is who is signed in.
type Person struct {
	Caller platform.Caller // in the organisation that they act for
	Name   string          // empty: unknown
}

// Console answers at <base>/console/. It is safe for many goroutines.
type Console struct {
	Config
	templates *template.Template
}

// New returns the console. It reports what is missing in c.
func New(c Config) (*Console, error) {
	if c.Platform == nil || c.OAuth == nil || c.Apps == nil || c.Who == nil || c.SignIn == nil || c.Log == nil {
		return nil, errors.New("console: Config.Platform, OAuth, Apps, Who, SignIn and Log are required")
	}
	return &Console{c, newTemplates()}, nil
}

// Register places the console's pages on the mux.
func (c *Console) Register(mux *http.ServeMux) {
	origin := new(http.CrossOriginProtection)
	origin.SetDenyHandler(http.HandlerFunc(c.foreign))
	handle := func(method, path string, h http.HandlerFunc) {
		mux.Handle(method+" "+c.Base+"/console/"+path, origin.Handler(h))
	}
	get := func(path string, do func(*visit) error) { handle("GET", path, c.page(do)) }
	post := func(path string, do func(*visit) error) { handle("POST", path, c.page(do)) }

	handle("GET", "sign-in", c.signInPage)
	handle("POST", "sign-in", c.signIn)
	handle("GET", "script.js", script)
	get("{$}", (*visit).home)
	get("", (*visit).nothing)
	post("", (*visit).nothing)

	get("apps", (*visit).apps)
	get("apps/new", (*visit).newApp)
	post("apps/new", (*visit).register)
	get("apps/{id}", (*visit).app)
	get("apps/{id}/edit", (*visit).editApp)
	post("apps/{id}/edit", (*visit).propose)
	post("apps/{id}/secret", (*visit).rotate)
	post("apps/{id}/{action}", (*visit).actOnApp)
	get("profile", (*visit).profile)
	post("profile", (*visit).setProfile)

	get("review", (*visit).queue)
	get("review/{id}", (*visit).review)
	post("review/{id}/{action}", (*visit).judge)

	get("directory", (*visit).directory)
	get("directory/{id}", (*visit).offer)
	post("directory/{id}/install", (*visit).install)
	get("installations", (*visit).installations)
	get("installations/{id}", (*visit).installation)
	post("installations/{id}/{action}", (*visit).actOnInstallation)

	get("connected", (*visit).connected)
	post("connected", (*visit).disconnect)
}

// name returns what an app is called, its ID if it has no name.
func (c *Console) name(ctx context.Context, id string) (string, error) {
	a, err := c.Apps.App(ctx, id)
	switch {
	case errors.Is(err, registry.ErrNotFound):
		return id, nil
	case err != nil:
		return "", err
	}
	return nameOf(a), nil
}

// words says a scope in words.
func (c *Console) words(scope string) string {
	if w := c.Scopes[scope]; w != "" {
		return w
	}
	return scope
}

// allWords says scopes in words.
func (c *Console) allWords(scopes []string) []string {
	all := make([]string, len(scopes))
	for i, s := range scopes {
		all[i] = c.words(s)
	}
	return all
}
