package console

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/oauthcore/oauthcore/examples/appregistry/platform"
	"github.com/oauthcore/oauthcore/registry"
)

// rotation is how long the secret there was works beside a new one.
const rotation = 24 * time.Hour

// newOnce draws the key of a form that is carried out once.
func newOnce() string { return rand.Text() }

// made is the answer to a form that makes a secret.
type made struct {
	ID     string `json:"id"`
	Secret string `json:"secret"` // empty: the app has none
}

// once carries out the form with do, or finds what it made when it was first sent.
func (v *visit) once(do func(context.Context, platform.Caller) (*registry.App, string, error)) (made, error) {
	key := v.r.PostForm.Get("once")
	if key == "" || len(key) > 100 {
		return made{}, platform.ErrStale
	}
	var failed error
	request := sha256.Sum256([]byte(v.r.PostForm.Encode()))
	a, _, err := v.Platform.Once(v.ctx, fmt.Sprintf("console %q %q %q %q", v.caller.Subject, v.caller.Tenant, v.r.URL.Path, key), request[:],
		func(ctx context.Context, draw platform.Draw) platform.Answer {
			caller := v.caller
			caller.Draw = draw
			app, secret, err := do(ctx, caller)
			if err == nil {
				var body []byte
				body, err = json.Marshal(made{app.ID, secret})
				if err == nil {
					return platform.Answer{Status: http.StatusCreated, Body: body}
				}
			}
			failed = err
			return platform.Answer{Status: http.StatusInternalServerError} // which is not kept
		})
	if err = cmp.Or(err, failed); err != nil {
		return made{}, err
	}
	var m made
	return m, json.Unmarshal(a.Body, &m)
}

// onceFaults is faultsOf, and knows why a form was not carried out a second time.
func onceFaults(err error) (faults, int) {
	switch {
	case errors.Is(err, platform.ErrReused):
		return faults{{Text: "This form was sent before with something else in it. Look at your apps before you send it again."}}, http.StatusConflict
	case errors.Is(err, platform.ErrBusy):
		return faults{{Text: "This form is still being worked on. Look at your apps in a moment."}}, http.StatusConflict
	case errors.Is(err, platform.ErrLost):
		return faults{{Text: "This form was carried out before, and its secret can no longer be shown. Make a new secret."}}, http.StatusConflict
	}
	return faultsOf(err)
}

// newApp shows the form of an app to be.
func (v *visit) newApp() error {
	if !v.caller.May(platform.Apps) {
		return registry.ErrForbidden
	}
	return v.showNew(http.StatusOK, registry.Manifest{}, nil)
}

func (v *visit) showNew(status int, m registry.Manifest, all faults) error {
	return v.show(status, "app-form.html", view{Title: "Register an app", Faults: all, Page: struct {
		manifestForm
		ID, Once string
		Version  int64
	}{v.formOf(m, all), "", newOnce(), 0}})
}

// register makes an app of the form.
func (v *visit) register() error {
	m := v.readManifest(registry.Manifest{})
	var done made
	err := checkForm(m)
	if err == nil {
		done, err = v.once(func(ctx context.Context, c platform.Caller) (*registry.App, string, error) {
			return v.Platform.CreateApp(ctx, c, m)
		})
	}
	switch {
	case err == nil && done.Secret == "":
		return v.done("registered", "apps", done.ID)
	case err == nil:
		return v.showSecret(done, "The app is registered.")
	}
	if all, status := onceFaults(err); status != 0 {
		return v.showNew(status, m, all)
	}
	return err
}

// rotate gives an app a new secret.
func (v *visit) rotate() error {
	done, err := v.once(func(ctx context.Context, c platform.Caller) (*registry.App, string, error) {
		return v.Platform.RotateSecret(ctx, c, v.id(), rotation)
	})
	if err == nil {
		return v.showSecret(done, "The app has a new secret. The one before works for 24 hours more.")
	}
	if all, status := onceFaults(err); status != 0 {
		return v.showApp(status, all)
	}
	return err
}

// showSecret is the one page that shows a secret.
func (v *visit) showSecret(done made, notice string) error {
	return v.show(http.StatusCreated, "secret.html", view{Title: "Keep this secret", Notice: notice, Page: done})
}
