package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/oauthcore/oauthcore/internal/engine"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/memory"
)

// opened opens a store by its flag, until the test ends or close is called.
func opened(t *testing.T, name string) (st store.Store, closeStore func()) {
	t.Helper()
	st, end, err := openStore(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	closeStore = sync.OnceFunc(func() {
		if err := end(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(closeStore)
	return st, closeStore
}

// All that the service keeps is there after a restart on a SQLite file: tokens, apps, installations,
// webhooks, sessions, profiles, and the answers to requests that are repeated.
func TestRestart(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "the registry?.db")
	const issuer = "http://127.0.0.1:8080"
	start := func() (*server, string, func()) {
		st, closeStore := opened(t, file)
		keep, err := secretsFor(file, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		conf := cheaply(demonstration())
		conf.Issuer = issuer
		s, err := newServer(t.Context(), conf, st, keep, discard)
		if err != nil {
			t.Fatal(err)
		}
		address, stop := listen(t, s)
		return s, address, func() {
			stop()
			if err := s.platform.Flush(context.Background()); err != nil {
				t.Error(err)
			}
			closeStore()
		}
	}

	s, address, stop := start()
	developer, olga := s.as(t, address, dev), s.as(t, address, organizer)
	created := developer.do("POST", "/app-registry/v1/apps", manifest("Kept"), "Idempotency-Key", "k1")
	olga.reg(http.StatusOK, "POST", "/installations/gate-keeper/approve", map[string]any{"scopes": []string{"read:events"}})
	developer.reg(http.StatusOK, "PUT", "/developer/profile", map[string]string{"name": "Devika"})
	machine := asApp(t, address, "my-service", "my-service-secret")
	hook := machine.reg(http.StatusCreated, "POST", "/webhooks", map[string]string{"url": "https://hooks.example/x"})
	login := (&caller{t: t, address: address}).do("POST", "/auth/v1/login", map[string]string{"email": dev, "password": "Password123!"})
	refresh := login.body["data"].(map[string]any)["refreshToken"].(string)
	stop()

	_, address, stop = start()
	defer stop()
	developer.address, olga.address, machine.address = address, address, address
	again := developer.do("POST", "/app-registry/v1/apps", manifest("Kept"), "Idempotency-Key", "k1")
	if again.raw != created.raw {
		t.Errorf("the repeated request: status %d, %v; wanted the first answer", again.status, again.body["error"])
	}
	if i := olga.reg(http.StatusOK, "GET", "/installations/gate-keeper", nil); i["status"] != "active" {
		t.Errorf("the installation is %v", i["status"])
	}
	if p := developer.reg(http.StatusOK, "GET", "/developer/profile", nil); p["name"] != "Devika" {
		t.Errorf("the profile is %v", p)
	}
	if w := machine.reg(http.StatusOK, "GET", "/webhooks/"+hook["id"].(string), nil); w["url"] != "https://hooks.example/x" {
		t.Errorf("the webhook is %v", w)
	}
	if days := developer.do("GET", "/app-registry/v1/developer/apps/my-service/usage", nil).items(); len(days) == 0 {
		t.Error("the usage is gone")
	}
	next := (&caller{t: t, address: address}).do("POST", oauthPaths.Token, map[string]string{
		"grant_type": "refresh_token", "client_id": console, "refresh_token": refresh})
	if next.status != http.StatusOK {
		t.Errorf("refresh: status %d, %v", next.status, next.body)
	}
}

// Two servers on one PostgreSQL are one service.
func TestTwoServers(t *testing.T) {
	t.Parallel()
	pg := engine.Postgres(t, &engine.Config{Shared: true, Settings: []string{"synchronous_commit=on"}})
	pg.Query("CREATE DATABASE appregistry")
	const issuer = "http://127.0.0.1:8080"
	var callers [2]*caller
	var servers [2]*server
	for i := range callers {
		st, _ := opened(t, pg.DSN("appregistry"))
		s, address := serveOn(t, demonstration(), st, issuer)
		servers[i], callers[i] = s, &caller{t: t, address: address}
	}
	first, second := callers[0], callers[1]
	olga := [2]*caller{servers[0].as(t, first.address, organizer), nil}
	olga[1] = &caller{t, second.address, olga[0].token}

	olga[0].reg(http.StatusOK, "POST", "/installations/gate-keeper/approve", map[string]any{"scopes": []string{"read:events"}})
	verifier := strings.Repeat("v", 43)
	request := codeRequest("gate-keeper", "https://gate-keeper.example/callback", verifier, "read:events")
	code := olga[1].authorize(request, map[string][]string{"decision": {"allow"}, "scope": {"read:events"}}).Query().Get("code")
	exchange := func(c *caller, form string) got {
		return c.do("POST", oauthPaths.Token, form, "Content-Type", "application/x-www-form-urlencoded",
			"Authorization", "Basic Z2F0ZS1rZWVwZXI6Z2F0ZS1rZWVwZXItc2VjcmV0")
	}
	signedIn := exchange(first, "grant_type=authorization_code&redirect_uri=https://gate-keeper.example/callback&code="+code+"&code_verifier="+verifier)
	if signedIn.status != http.StatusOK {
		t.Fatalf("sign in on the first: status %d, %v", signedIn.status, signedIn.body)
	}
	refreshed := exchange(second, "grant_type=refresh_token&refresh_token="+signedIn.body["refresh_token"].(string))
	if refreshed.status != http.StatusOK {
		t.Fatalf("refresh on the second: status %d, %v", refreshed.status, refreshed.body)
	}
	api := &caller{t, second.address, refreshed.body["access_token"].(string)}
	if a := api.do("GET", "/api/me", nil); a.status != http.StatusOK {
		t.Errorf("the second's API: status %d, wanted 200", a.status)
	}
	olga[0].reg(http.StatusOK, "DELETE", "/installations/gate-keeper", nil)
	if a := api.do("GET", "/api/me", nil); a.status != http.StatusUnauthorized {
		t.Errorf("uninstalled on the first, the second's API answers %d, wanted 401", a.status)
	}
	if a := exchange(second, "grant_type=refresh_token&refresh_token="+refreshed.body["refresh_token"].(string)); a.status != http.StatusBadRequest || a.body["error"] != "invalid_grant" {
		t.Errorf("uninstalled on the first, the second refreshes: status %d, %v; wanted 400 invalid_grant", a.status, a.body["error"])
	}

	developer := [2]*caller{servers[0].as(t, first.address, dev), nil}
	developer[1] = &caller{t, second.address, developer[0].token}
	answers := together(100, func(i int) got {
		return developer[i%2].do("POST", "/app-registry/v1/apps", manifest("Raced"), "Idempotency-Key", "k1")
	})
	ids := make(map[any]bool)
	for _, a := range answers {
		if a.status != http.StatusCreated {
			t.Fatalf("a raced write: status %d, %v", a.status, a.body["error"])
		}
		ids[a.body["data"].(map[string]any)["client_id"]] = true
	}
	if listed := developer[1].do("GET", "/app-registry/v1/apps", nil).items(); len(ids) != 1 || len(listed) != 4 {
		t.Errorf("a hundred identical writes gave %d ids, and there are %d apps; wanted 1 and 4", len(ids), len(listed))
	}
}

// What -store and -secrets cannot mean is said before anything is served.
func TestStorageRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open := filepath.Join(dir, "open")
	if err := os.WriteFile(open, []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	garbage := filepath.Join(dir, "garbage")
	if err := os.WriteFile(garbage, []byte("a secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(dir, "other")
	if _, err := loadSecrets(other, []string{"ES256"}); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		args []string
		want string
	}{
		{"PostgreSQL without secrets", []string{"-store", "postgres://x"}, "-secrets"},
		{"nothing", []string{"-store", ""}, "-store"},
		{"another database", []string{"-store", "mysql://x", "-secrets", other + "2"}, "mysql"},
		{"a PostgreSQL that is not there", []string{"-store", "postgres://127.0.0.1:1/x", "-secrets", other + "3"}, "-store"},
		{"a folder that is not there", []string{"-store", filepath.Join(dir, "no", "x.db")}, "-secrets"},
		{"secrets that others can read", []string{"-secrets", open}, "0600"},
		{"a file that is none", []string{"-secrets", garbage}, "not a file of secrets"},
		{"secrets with other keys", []string{"-secrets", other}, `the configuration wants ["RS256"]`},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := run(t.Context(), append(test.args, "-addr", "127.0.0.1:0"), io.Discard, io.Discard)
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "a secret") {
				t.Errorf("run(%q): got %v, wanted an error with %q", test.args, err, test.want)
			}
		})
	}
}

// Servers that start together on one file get the same secrets, which only their owner can read.
func TestSecretsFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secrets")
	all := make([]*secrets, 8)
	var wg sync.WaitGroup
	for i := range all {
		wg.Go(func() {
			var err error
			if all[i], err = loadSecrets(file, []string{"EdDSA", "ES256"}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, s := range all {
		if s == nil || !slices.Equal(s.Secrets[0], all[0].Secrets[0]) || len(s.Keys) != 2 {
			t.Fatal("two servers got different secrets")
		}
		if _, err := s.ring(); err != nil {
			t.Error(err)
		}
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v, %v; wanted 0600", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(file), ".*")); len(left) > 0 {
		t.Errorf("files were left behind: %q", left)
	}
}

// A store that a demonstration left behind has apps whose secrets are public: no other service starts on it.
func TestDemonstrationStaysOne(t *testing.T) {
	t.Parallel()
	st := memory.New()
	s, address := serveOn(t, demonstration(), st, "")
	conf := demonstration()
	conf.Demonstration, conf.Registered = false, nil
	conf.Issuer = s.issuer
	start := func() error {
		_, err := newServer(t.Context(), conf, st, testSecrets(t), discard)
		return err
	}
	if err := start(); err == nil || !strings.Contains(err.Error(), "is public") {
		t.Errorf("a service on the store of a demonstration: %v", err)
	}
	for _, known := range demonstration().Registered {
		s.as(t, address, known.Owner).reg(http.StatusOK, "DELETE", "/apps/"+known.ID, nil)
	}
	if err := start(); err != nil {
		t.Errorf("a service on a store whose demonstration is over: %v", err)
	}
}
