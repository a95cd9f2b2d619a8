package platform_test

import (
	"errors"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/examples/appregistry/platform"
	"github.com/oauthcore/oauthcore/registry"
)

// A rotation that is sent again, because its end was not heard of, is the same rotation, whatever version its
// sender has seen. Another one from that version is refused.
func TestRotateSecretAgain(t *testing.T) {
	t.Parallel()
	p, c := fresh(t, nil)
	ctx := t.Context()
	a, _, err := p.CreateApp(ctx, developer, registry.Manifest{Name: "App", RedirectURIs: []string{"https://app.example/cb"}, Scopes: []string{"read"}})
	if err != nil {
		t.Fatal(err)
	}
	caller := developer
	caller.Match, caller.Draw = a.Version, drawing("first")
	_, first, err := p.RotateSecret(ctx, caller, a.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	again, secret, err := p.RotateSecret(ctx, caller, a.ID, time.Hour)
	if err != nil || secret != first || len(again.Secrets) != 2 {
		t.Fatalf("RotateSecret again: %v, the same secret %t; wanted the first answer", err, secret == first)
	}
	if _, ok := again.CheckSecret(secret, c.now()); !ok {
		t.Error("the secret that is shown again is not the app's")
	}
	caller.Draw = drawing("second")
	if _, _, err := p.RotateSecret(ctx, caller, a.ID, -time.Second); err == nil {
		t.Error("RotateSecret with a negative overlap: no error")
	}
	if _, _, err := p.RotateSecret(ctx, caller, a.ID, 0); !errors.Is(err, platform.ErrStale) {
		t.Errorf("RotateSecret by another request from the same version: %v, wanted ErrStale", err)
	}
}

// Staff see every app, and have no secret of one that is not their own.
func TestSecretsAreTheOwners(t *testing.T) {
	t.Parallel()
	p, _ := fresh(t, nil)
	a, _, err := p.CreateApp(t.Context(), developer, registry.Manifest{Name: "App", RedirectURIs: []string{"https://app.example/cb"}, Scopes: []string{"read"}})
	if err != nil {
		t.Fatal(err)
	}
	staff := platform.Caller{Subject: "staff", Tenant: developer.Tenant, Roles: []string{"developer", "admin", "super_admin"}}
	if _, secret, err := p.RotateSecret(t.Context(), staff, a.ID, 0); !errors.Is(err, registry.ErrForbidden) {
		t.Errorf("RotateSecret by staff: %v, a secret %t; wanted ErrForbidden", err, secret != "")
	}
	if _, _, err := p.RotateSecret(t.Context(), developer, a.ID, time.Hour); err != nil {
		t.Fatal(err)
	}
	if _, err := p.EndRotation(t.Context(), staff, a.ID, true); !errors.Is(err, registry.ErrForbidden) {
		t.Errorf("EndRotation by staff: %v, wanted ErrForbidden", err)
	}
}

// Whoever reviews reads any app, whatever other roles they lack; nobody reads one that is deleted.
func TestReviewed(t *testing.T) {
	t.Parallel()
	p, _ := fresh(t, nil)
	ctx := t.Context()
	a, _, err := p.CreateApp(ctx, developer, registry.Manifest{Name: "App", RedirectURIs: []string{"https://app.example/cb"}, Scopes: []string{"read"}})
	if err != nil {
		t.Fatal(err)
	}
	super := platform.Caller{Subject: "sue", Tenant: "zero", Roles: []string{"super_admin"}}
	if got, err := p.Reviewed(ctx, super, a.ID); err != nil || got.ID != a.ID {
		t.Errorf("Reviewed by a super_admin: %v, %v; wanted the app", got, err)
	}
	if _, err := p.Reviewed(ctx, developer, a.ID); !errors.Is(err, registry.ErrForbidden) {
		t.Errorf("Reviewed by its developer: %v, wanted ErrForbidden", err)
	}
	if _, err := p.DeleteApp(ctx, developer, a.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Reviewed(ctx, super, a.ID); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("Reviewed once it is deleted: %v, wanted ErrNotFound", err)
	}
}
