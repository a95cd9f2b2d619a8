package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/store/memory"
)

// Members are read by exactly their names, and each once: what is misspelt is said, not ignored.
func TestMembers(t *testing.T) {
	t.Parallel()
	s, address := serveOn(t, demonstration(), memory.New(), "")
	developer, olga := s.as(t, address, dev), s.as(t, address, organizer)
	anyone := &caller{t: t, address: address}
	id := developer.reg(http.StatusCreated, "POST", "/apps", manifest("Spelt"))["client_id"].(string)
	for _, test := range []struct {
		by                       *caller
		method, path, body, want string
	}{
		{developer, "POST", "/app-registry/v1/apps", `{"client_name": "x", "Redirect_URIs": ["https://x.example/cb"]}`, "Redirect_URIs"},
		{developer, "POST", "/app-registry/v1/apps", `{"client_name": "x", "client_name": "y"}`, "client_name"},
		{developer, "PATCH", "/app-registry/v1/apps/" + id, `{"Scopes": ["read:events"]}`, "Scopes"},
		{developer, "PATCH", "/app-registry/v1/apps/" + id, `{"Scopes": null}`, "Scopes"},
		{developer, "PATCH", "/app-registry/v1/apps/" + id, `{"scopes": [], "scopes": ["read:events"]}`, "scopes"},
		{developer, "PUT", "/app-registry/v1/developer/profile", `{"Name": "x"}`, "Name"},
		{developer, "POST", "/app-registry/v1/developer/apps/" + id + "/secret-rotation", `{"Overlap_Seconds": 0}`, "Overlap_Seconds"},
		{olga, "POST", "/app-registry/v1/installations", `{"client_id": "gate-keeper", "Scopes": ["read:events"]}`, "Scopes"},
		{olga, "POST", "/app-registry/v1/installations/gate-keeper/approve", `{"SCOPES": ["read:events"]}`, "SCOPES"},
		{anyone, "POST", "/auth/v1/login", `{"Email": "dev@eventzr.com", "password": "Password123!"}`, "Email"},
		{developer, "PUT", "/app-registry/v1/developer/profile", `null`, "null"},
		{developer, "PATCH", "/app-registry/v1/apps/" + id, `null`, "null"},
		{developer, "PATCH", "/app-registry/v1/apps/" + id, `[]`, "array"},
	} {
		a := test.by.do(test.method, test.path, test.body)
		fault, _ := a.body["error"].(map[string]any)
		message, _ := fault["message"].(string)
		if a.status != http.StatusBadRequest || a.code() != "invalid_request" || !strings.Contains(message, test.want) {
			t.Errorf("%s %s with %s: status %d, %v; wanted 400 with %q", test.method, test.path, test.body, a.status, a.body["error"], test.want)
		}
	}
}

// Lists go on where they stopped, whatever went meanwhile.
func TestListsWhileSomeGo(t *testing.T) {
	t.Parallel()
	s, address := serveOn(t, demonstration(), memory.New(), "")
	developer, reviewer, olga := s.as(t, address, partner), s.as(t, address, admin), s.as(t, address, organizer)
	var made []string
	for i := range 6 {
		id, _ := publish(developer, reviewer, fmt.Sprintf("Pager %d", i))
		olga.reg(http.StatusCreated, "POST", "/installations", map[string]any{"client_id": id})
		olga.reg(http.StatusOK, "POST", "/installations/"+id+"/approve", nil)
		made = append(made, id)
	}
	first := olga.do("GET", "/app-registry/v1/installations?limit=3", nil)
	seen := first.ids()
	if len(seen) != 3 {
		t.Fatalf("the first page is %q, wanted 3", seen)
	}
	olga.reg(http.StatusOK, "DELETE", "/installations/"+seen[0], nil)
	cursor := first.body["page"].(map[string]any)["next_cursor"].(string)
	seen = append(seen, olga.do("GET", "/app-registry/v1/installations?limit=3&cursor="+cursor, nil).ids()...)
	slices.Sort(seen)
	slices.Sort(made)
	if !slices.Equal(seen, made) {
		t.Errorf("seen on two pages, with one uninstalled between: %q, wanted %q", seen, made)
	}
}

// Lists that end on their first page say so.
func TestShortLists(t *testing.T) {
	t.Parallel()
	s, address := serveOn(t, demonstration(), memory.New(), "")
	for path, limit := range map[string]float64{"/recommendations?limit=2": 2, "/recommendations": 20, "/developer/apps/my-service/usage": 30} {
		a := s.as(t, address, admin).do("GET", "/app-registry/v1"+path, nil)
		p, _ := a.body["page"].(map[string]any)
		if cursor, there := p["next_cursor"]; a.status != http.StatusOK || !there || cursor != nil || p["has_more"] != false || p["limit"] != limit {
			t.Errorf("%s: status %d, page %v; wanted the end, and limit %v", path, a.status, p, limit)
		}
	}
}

// Of two who see that there is nothing yet, one writes first and the other is told.
func TestFirstWrite(t *testing.T) {
	t.Parallel()
	s, address := serveOn(t, demonstration(), memory.New(), "")
	developer, olga := s.as(t, address, dev), s.as(t, address, organizer)
	const profile, installations = "/app-registry/v1/developer/profile", "/app-registry/v1/installations"
	tag := developer.do("GET", profile, nil).header.Get("ETag")
	if tag == "" {
		t.Fatal("a profile that nobody has written has no ETag")
	}
	ask := map[string]any{"client_id": "gate-keeper", "scopes": []string{"read:events"}}
	for _, test := range []struct {
		name         string
		by           *caller
		method, path string
		body         any
		header       []string
	}{
		{"by ETag", developer, "PUT", profile, map[string]string{"name": "Devika"}, []string{"If-Match", tag}},
		{"by absence", s.as(t, address, partner), "PUT", profile, map[string]string{"name": "Pat"}, []string{"If-None-Match", "*"}},
		{"of an installation", olga, "POST", installations, ask, []string{"If-None-Match", "*"}},
	} {
		if a := test.by.do(test.method, test.path, test.body, test.header...); a.status/100 != 2 {
			t.Errorf("%s, first: status %d, %v", test.name, a.status, a.body["error"])
		}
		if a := test.by.do(test.method, test.path, test.body, test.header...); a.status != http.StatusPreconditionFailed {
			t.Errorf("%s, second: status %d, wanted 412", test.name, a.status)
		}
	}
	for _, header := range [][]string{{"If-None-Match", tag}, {"If-None-Match", "*", "If-Match", tag}} {
		if a := developer.do("PUT", profile, map[string]string{"name": "x"}, header...); a.status != http.StatusBadRequest {
			t.Errorf("%q: status %d, wanted 400", header, a.status)
		}
	}
	if a := developer.do("GET", profile, nil, "If-None-Match", tag); a.status != http.StatusOK {
		t.Errorf("a read with If-None-Match: status %d, wanted 200", a.status)
	}
}

// What makes something new advertises no precondition.
func TestPreconditionsAdvertised(t *testing.T) {
	t.Parallel()
	_, address := serveOn(t, demonstration(), memory.New(), "")
	a := (&caller{t: t, address: address}).do("GET", "/openapi.json", nil)
	paths, _ := a.body["paths"].(map[string]any)
	for path, want := range map[string]bool{"/apps": false, "/webhooks": false, "/installations": true, "/apps/{id}/submit": true} {
		op, _ := paths["/app-registry/v1"+path].(map[string]any)["post"].(map[string]any)
		said, err := json.Marshal(op["parameters"])
		if got := strings.Contains(string(said), "IfMatch"); err != nil || got != want {
			t.Errorf("POST %s advertises If-Match: %t, wanted %t", path, got, want)
		}
	}
}

// The login answers in the envelope whatever is asked of it.
func TestLoginEnvelope(t *testing.T) {
	t.Parallel()
	_, address := serveOn(t, demonstration(), memory.New(), "")
	c := &caller{t: t, address: address}
	a := c.do("GET", "/auth/v1/login", nil)
	if a.status != http.StatusMethodNotAllowed || a.code() != "method_not_allowed" || a.header.Get("Allow") != "POST" || a.header.Get("x-request-id") == "" {
		t.Errorf("GET: status %d, Allow %q, %s; wanted 405 in the envelope", a.status, a.header.Get("Allow"), a.raw)
	}
	if a := c.do("POST", "/auth/v1/logout", nil); a.status != http.StatusNotFound || a.code() != "not_found" {
		t.Errorf("another path: status %d, %s; wanted 404 in the envelope", a.status, a.raw)
	}
}

// Keys at an address would be fetched by nobody, so that such an app could never authenticate.
func TestNoKeysAtAnAddress(t *testing.T) {
	t.Parallel()
	s, address := serveOn(t, demonstration(), memory.New(), "")
	a := s.as(t, address, dev).do("POST", "/app-registry/v1/apps", map[string]any{"client_name": "Signer", "grant_types": []string{"client_credentials"},
		"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://signer.example/jwks", "scopes": []string{"read:events"}})
	if a.status != http.StatusUnprocessableEntity || !strings.Contains(a.raw, "jwks_uri: this platform fetches no keys") {
		t.Errorf("status %d, %s; wanted 422 about jwks_uri", a.status, a.raw)
	}
}

// Whoever reviews reads what there is to review, a super_admin too.
func TestReviewerReads(t *testing.T) {
	t.Parallel()
	conf := demonstration()
	conf.Users = append(conf.Users, user{Email: "super@eventzr.com", Password: "x", Tenant: tenantOne, Roles: []string{"super_admin"}})
	s, address := serveOn(t, conf, memory.New(), "")
	id := s.as(t, address, partner).reg(http.StatusCreated, "POST", "/apps", manifest("Read"))["client_id"].(string)
	path := "/app-registry/v1/admin/apps/" + id
	for _, email := range []string{"super@eventzr.com", admin} {
		a := s.as(t, address, email).do("GET", path, nil)
		if data, _ := a.body["data"].(map[string]any); a.status != http.StatusOK || data["client_id"] != id || a.header.Get("ETag") == "" {
			t.Errorf("by %s: status %d, %v; wanted the app and its ETag", email, a.status, a.body["error"])
		}
	}
	if a := s.as(t, address, dev).do("GET", path, nil); a.status != http.StatusForbidden {
		t.Errorf("by a developer: status %d, wanted 403", a.status)
	}
}
