package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/store/memory"
)

// An app from its first draft to the end of its life, by the people who have a part in it.
func TestLifeOfAnApp(t *testing.T) {
	t.Parallel()
	s, address := serveOn(t, demonstration(), memory.New(), "")
	developer, reviewer, olga := s.as(t, address, partner), s.as(t, address, admin), s.as(t, address, organizer)

	app := developer.reg(http.StatusCreated, "POST", "/apps", manifest("Crowd Counter", "seating"))
	id, secret := app["client_id"].(string), app["client_secret"].(string)
	if app["status"] != "draft" || !strings.HasPrefix(secret, "ocs_") || app["tenant_id"] != tenantTwo || app["manifest"] != nil {
		t.Errorf("the new app is %v, wanted a draft without live manifest", app["status"])
	}
	if again := developer.reg(http.StatusOK, "GET", "/apps/"+id, nil); again["client_secret"] != nil {
		t.Error("the secret is shown a second time")
	}
	machine := func() got {
		return (&caller{t: t, address: address}).do("POST", oauthPaths.Token, map[string]string{
			"grant_type": "client_credentials", "client_id": id, "client_secret": secret, "tenant": tenantOne})
	}
	if a := machine(); a.status != http.StatusUnauthorized {
		t.Errorf("a draft gets a token: status %d", a.status)
	}

	t.Run("review sends it back with a note, and then publishes it", func(t *testing.T) {
		developer.reg(http.StatusOK, "POST", "/apps/"+id+"/submit", nil)
		if waiting := reviewer.do("GET", "/app-registry/v1/admin/apps?state=submitted", nil).ids(); !slices.Contains(waiting, id) {
			t.Errorf("the queue has %q, wanted the app in it", waiting)
		}
		reviewer.reg(http.StatusOK, "POST", "/admin/apps/"+id+"/claim", nil)
		reviewer.reg(http.StatusUnprocessableEntity, "POST", "/admin/apps/"+id+"/reject", map[string]string{})
		back := reviewer.reg(http.StatusOK, "POST", "/admin/apps/"+id+"/request-changes", map[string]string{"note": "Say what you count."})
		if r := back["revision"].(map[string]any); r["state"] != "rejected" || r["note"] != "Say what you count." || r["reviewer"] != admin {
			t.Errorf("the revision is %v by %v, wanted rejected with its note", r["state"], r["reviewer"])
		}
		developer.reg(http.StatusOK, "PATCH", "/apps/"+id, map[string]any{"description": "Counts heads.", "logo_uri": nil})
		developer.reg(http.StatusOK, "POST", "/apps/"+id+"/submit", nil)
		reviewer.reg(http.StatusOK, "POST", "/admin/apps/"+id+"/approve", map[string]string{"note": "Fine."})
		done := reviewer.reg(http.StatusOK, "POST", "/admin/apps/"+id+"/publish", nil)
		if m := done["manifest"].(map[string]any); done["status"] != "published" || m["description"] != "Counts heads." || done["revision"] != nil {
			t.Errorf("published: %v", done)
		}
	})
	t.Run("an organizer finds it, installs it, and it may act", func(t *testing.T) {
		if found := olga.do("GET", "/app-registry/v1/search?q=heads+COUNTER&category=seating", nil).ids(); !slices.Equal(found, []string{id}) {
			t.Errorf("search finds %q, wanted %q", found, id)
		}
		if a := machine(); a.status != http.StatusBadRequest {
			t.Errorf("it gets a token before it is installed: status %d", a.status)
		}
		asked := olga.reg(http.StatusCreated, "POST", "/installations", map[string]any{"client_id": id, "scopes": []string{"read:events"}})
		if asked["status"] != "requested" {
			t.Errorf("status is %v, wanted requested", asked["status"])
		}
		installed := olga.reg(http.StatusOK, "POST", "/installations/"+id+"/approve", nil)
		if installed["status"] != "active" {
			t.Errorf("status is %v, wanted active", installed["status"])
		}
		a := machine()
		if a.status != http.StatusOK || a.body["scope"] != "read:events" {
			t.Errorf("its token: status %d, scope %v; wanted the installation's scope", a.status, a.body["scope"])
		}
		more := olga.reg(http.StatusOK, "PATCH", "/installations/"+id, map[string]any{"scopes": []string{"write:events"}})
		if more["status"] != "active" || !slices.Equal(more["requested"].([]any), []any{"write:events"}) {
			t.Errorf("asked for more: %v", more)
		}
		olga.reg(http.StatusOK, "POST", "/installations/"+id+"/approve", nil)
		if a := machine(); a.body["scope"] != "read:events write:events" {
			t.Errorf("after growth its scope is %v", a.body["scope"])
		}
		olga.reg(http.StatusUnprocessableEntity, "POST", "/installations/"+id+"/narrow", map[string]any{"scopes": []string{"write:events"}})
		olga.reg(http.StatusOK, "POST", "/installations/"+id+"/narrow", map[string]any{"scopes": []string{"read:events"}})
		if a := machine(); a.body["scope"] != "read:events" {
			t.Errorf("after narrowing its scope is %v", a.body["scope"])
		}
	})
	t.Run("halting it anywhere stops it, and the API refuses what it has", func(t *testing.T) {
		tok := &caller{t, address, machine().body["access_token"].(string)}
		for _, test := range []struct {
			by            *caller
			halt, proceed string
		}{
			{olga, "/installations/" + id + "/suspend", "/installations/" + id + "/resume"},
			{developer, "/apps/" + id + "/pause", "/apps/" + id + "/resume"},
			{reviewer, "/admin/apps/" + id + "/suspend", "/admin/apps/" + id + "/reinstate"},
		} {
			test.by.reg(http.StatusOK, "POST", test.halt, nil)
			if a := machine(); a.status == http.StatusOK {
				t.Errorf("%s: it gets a token", test.halt)
			}
			if a := tok.do("GET", "/api/me", nil); a.status != http.StatusUnauthorized {
				t.Errorf("%s: the API answers %d, wanted 401", test.halt, a.status)
			}
			test.by.reg(http.StatusOK, "POST", test.proceed, nil)
			if a := tok.do("GET", "/api/me", nil); a.status != http.StatusOK {
				t.Errorf("%s: the API answers %d, wanted 200", test.proceed, a.status)
			}
		}
	})
	t.Run("its secret rotates with an overlap", func(t *testing.T) {
		old := secret
		next := developer.reg(http.StatusCreated, "POST", "/developer/apps/"+id+"/secret-rotation", map[string]int{"overlap_seconds": 60})
		developer.reg(http.StatusConflict, "POST", "/developer/apps/"+id+"/secret-rotation", nil)
		for _, secret = range []string{old, next["client_secret"].(string)} {
			if a := machine(); a.status != http.StatusOK {
				t.Errorf("during the overlap: status %d", a.status)
			}
		}
		developer.reg(http.StatusOK, "POST", "/developer/apps/"+id+"/secret-rotation/cancel", nil)
		if a := machine(); a.status != http.StatusUnauthorized {
			t.Errorf("the cancelled secret: status %d, wanted 401", a.status)
		}
		next = developer.reg(http.StatusCreated, "POST", "/developer/apps/"+id+"/secret-rotation", nil)
		developer.reg(http.StatusOK, "POST", "/developer/apps/"+id+"/secret-rotation/complete", nil)
		developer.reg(http.StatusConflict, "POST", "/developer/apps/"+id+"/secret-rotation/complete", nil)
		secret = old
		if a := machine(); a.status != http.StatusUnauthorized {
			t.Errorf("the old secret: status %d, wanted 401", a.status)
		}
		secret = next["client_secret"].(string)
		if a := machine(); a.status != http.StatusOK {
			t.Errorf("the new secret: status %d, wanted 200", a.status)
		}
	})
	t.Run("its usage is counted", func(t *testing.T) {
		days := developer.do("GET", "/app-registry/v1/developer/apps/"+id+"/usage", nil).items()
		if len(days) == 0 {
			t.Fatal("no day has counts")
		}
		counts := days[0].(map[string]any)["counts"].(map[string]any)
		if counts["token ok"] == nil || counts["token invalid_client"] == nil {
			t.Errorf("counts are %v, wanted successes and failed authentications", counts)
		}
	})
	t.Run("uninstalling and deleting end it", func(t *testing.T) {
		tok := &caller{t, address, machine().body["access_token"].(string)}
		olga.reg(http.StatusOK, "DELETE", "/installations/"+id, nil)
		if a := tok.do("GET", "/api/me", nil); a.status != http.StatusUnauthorized {
			t.Errorf("uninstalled: the API answers %d, wanted 401", a.status)
		}
		olga.reg(http.StatusNotFound, "GET", "/installations/"+id, nil)
		if gone := developer.reg(http.StatusOK, "DELETE", "/apps/"+id, nil); gone["status"] != "deleted" {
			t.Errorf("status is %v, wanted deleted", gone["status"])
		}
		developer.reg(http.StatusNotFound, "GET", "/apps/"+id, nil)
		if found := olga.do("GET", "/app-registry/v1/search?q=counter", nil).ids(); len(found) > 0 {
			t.Errorf("search finds %q, wanted nothing", found)
		}
	})
}

// The largest app that can be proposed goes through review, and its answers can be repeated.
func TestLargestApp(t *testing.T) {
	t.Parallel()
	s, address := serveOn(t, demonstration(), memory.New(), "")
	developer, reviewer := s.as(t, address, dev), s.as(t, address, admin)
	large := manifest("Large")
	var redirects []string
	for i := range 32 {
		redirects = append(redirects, fmt.Sprintf("https://app.example/%02d%s", i, strings.Repeat("x", 600)))
	}
	large["redirect_uris"], large["description"] = redirects, strings.Repeat("<", 600) // six bytes each, as JSON
	id, _ := developer.reg(http.StatusCreated, "POST", "/apps", large)["client_id"].(string)
	developer.reg(http.StatusOK, "POST", "/apps/"+id+"/submit", nil)
	reviewer.reg(http.StatusOK, "POST", "/admin/apps/"+id+"/approve", nil)
	reviewer.reg(http.StatusOK, "POST", "/admin/apps/"+id+"/publish", nil)
	developer.reg(http.StatusOK, "PATCH", "/apps/"+id, map[string]string{"logo_uri": "https://app.example/logo.png"})
	developer.reg(http.StatusOK, "POST", "/apps/"+id+"/submit", nil)
	reject := func() got {
		return reviewer.do("POST", "/app-registry/v1/admin/apps/"+id+"/reject", map[string]string{"note": strings.Repeat("<", 1000)}, "Idempotency-Key", "k")
	}
	first := reject()
	if again := reject(); first.status != http.StatusOK || again.raw != first.raw {
		t.Errorf("rejecting: status %d, %v; then %d, the same body %t", first.status, first.body["error"], again.status, again.raw == first.raw)
	}
	if n := len(first.raw); n < 50_000 {
		t.Errorf("the answer has %d bytes, wanted a large one", n)
	}
	if a := developer.do("POST", "/app-registry/v1/apps", strings.Replace(`{"description": "X"}`, "X", strings.Repeat("<", 4000), 1)); a.status != http.StatusUnprocessableEntity {
		t.Errorf("a manifest over 24 KiB as JSON: status %d, wanted 422", a.status)
	}
}
