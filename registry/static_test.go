package registry_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/registry"
)

func TestStaticApp(t *testing.T) {
	t.Parallel()
	s := registry.Static{{ID: "a"}, {ID: "b", Tenant: "t1"}}
	for _, id := range []string{"", "c", "A", "a "} {
		if a, err := s.App(t.Context(), id); !errors.Is(err, registry.ErrNotFound) || a != nil {
			t.Errorf("App(%q): got %v, %v, want ErrNotFound", id, a, err)
		}
	}
	a, err := s.App(t.Context(), "b")
	if err != nil || a.ID != "b" {
		t.Fatalf("App(b): got %v, %v", a, err)
	}
	if i, err := s.Installation(t.Context(), a, "t2", "sue"); i != nil || err != nil {
		t.Errorf("Installation: got %v, %v, want none needed", i, err)
	}
}

func TestStaticValidate(t *testing.T) {
	t.Parallel()
	_, secret := registry.NewSecret(start)
	good := func() registry.App {
		return registry.App{ID: "seats", Manifest: valid(), Secrets: []registry.Secret{{Hash: secret.Hash}}}
	}
	public := func(a *registry.App) { a.Manifest.AuthMethod, a.Secrets = "none", nil }
	for _, c := range []struct {
		name   string
		change func(*registry.App)
		want   string // in the error; empty: none
	}{
		{"as it is", func(a *registry.App) {}, ""},
		{"with two secrets without IDs", func(a *registry.App) { a.Secrets = append(a.Secrets, registry.Secret{Hash: make([]byte, 32)}) }, ""},
		{"public", public, ""},
		{"with keys", func(a *registry.App) {
			a.Manifest.AuthMethod, a.Manifest.JWKS, a.Secrets = "private_key_jwt", set(jwk(t, edKey(t), "")), nil
		}, ""},
		{"without an ID", func(a *registry.App) { a.ID = "" }, "ID: got 0 bytes"},
		{"with a bad manifest", func(a *registry.App) { a.Manifest.Scopes = []string{""} }, "scopes: "},
		{"with a bad policy", func(a *registry.App) { a.Policy.AccessLifetime = -1 }, "Policy.AccessLifetime: "},
		{"without a secret", func(a *registry.App) { a.Secrets = nil }, "Secrets: is empty"},
		{"with an empty hash", func(a *registry.App) { a.Secrets[0].Hash = nil }, "Secrets: has a hash"},
		{"with three secrets", func(a *registry.App) { a.Secrets = append(a.Secrets, a.Secrets[0], a.Secrets[0]) }, "Secrets: has 3"},
		{"with one ID for two secrets", func(a *registry.App) { a.Secrets[0].ID = "x"; a.Secrets = append(a.Secrets, a.Secrets[0]) }, `Secrets: has ID "x" twice`},
		{"public, with a secret", func(a *registry.App) { a.Manifest.AuthMethod = "none" }, "Secrets: is not empty"},
		{"public, without PKCE", func(a *registry.App) { public(a); a.Policy.InsecureNoPKCE = true }, "Policy.InsecureNoPKCE: "},
	} {
		a := good()
		c.change(&a)
		err := (registry.Static{a}).Validate()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), fmt.Sprintf("registry: app %q: %s", a.ID, c.want)) {
			t.Errorf("%s: Validate: got %v, want %q", c.name, err, c.want)
		}
	}
	t.Run("reports every fault of every app", func(t *testing.T) {
		one, two := good(), good()
		one.Manifest.Scopes, one.Policy.RefreshLifetime = []string{""}, -1
		two.Manifest.RedirectURIs = nil
		err := (registry.Static{one, two}).Validate()
		if err == nil {
			t.Fatal("Validate: got nil")
		}
		for _, want := range []string{"scopes", "Policy.RefreshLifetime", "redirect_uris", "ID: is used twice"} {
			if !strings.Contains(err.Error(), `registry: app "seats": `+want) {
				t.Errorf("Validate: no %q in:\n%v", want, err)
			}
		}
	})
}

func BenchmarkStaticApp(b *testing.B) {
	for _, n := range []int{10, 1000, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := make(registry.Static, n)
			for i := range s {
				s[i].ID = fmt.Sprintf("client-%06d", i)
			}
			last := s[n-1].ID
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.App(b.Context(), last); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
