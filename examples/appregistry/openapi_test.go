package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/pkce"
	"github.com/oauthcore/oauthcore/store/memory"
)

// The document has every path that answers, with every method, and none that does not.
func TestOpenAPIRoutes(t *testing.T) {
	t.Parallel()
	s, address := serveOn(t, demonstration(), memory.New(), "")
	d := openAPI(t, address)
	ids := make(map[string]bool)
	for path, methods := range d.Paths {
		for _, method := range []string{"DELETE", "GET", "PATCH", "POST", "PUT"} {
			r := httptest.NewRequest(method, address+strings.ReplaceAll(path, "{id}", "x"), nil)
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			op, said := methods[strings.ToLower(method)]
			answers := w.Code != http.StatusMethodNotAllowed && (w.Code != http.StatusNotFound || strings.Contains(path, "/oauth/"))
			if strings.Contains(path, "/oauth/") && method == "POST" && strings.HasSuffix(path, "/authorize") {
				continue // RFC 6749 allows it, and the document leaves it out
			}
			if answers != said {
				t.Errorf("%s %s: status %d, and the document has it %t", method, path, w.Code, said)
			}
			if said && ids[op.OperationID] {
				t.Errorf("%s names two operations", op.OperationID)
			}
			if said {
				ids[op.OperationID] = true
			}
		}
	}
	if len(ids) < 40 {
		t.Errorf("the document has %d operations, wanted those of the route table", len(ids))
	}
}

// recorder notes which operations were called, and holds each answer to the document.
type recorder struct {
	t       *testing.T
	doc     *document
	schemas *schemas
	called  map[string]bool // operations that succeeded
}

// check holds an answer to the document.
func (rec *recorder) check(method, path string, body any, a got) {
	rec.t.Helper()
	template, op := rec.operation(method, path)
	if op == nil {
		rec.t.Errorf("%s %s is not in the document", method, path)
		return
	}
	name := method + " " + template
	response, ok := op.Responses[fmt.Sprint(a.status)]
	switch {
	case ok:
		rec.called[op.OperationID] = true
	case a.status/100 == 2:
		rec.t.Errorf("%s: status %d is not in the document", name, a.status)
		return
	default:
		response = op.Responses["default"]
	}
	response = rec.schemas.resolve(response)
	content, _ := response["content"].(map[string]any)["application/json"].(map[string]any)
	for _, f := range rec.schemas.faults("answer", content["schema"].(map[string]any), a.body) {
		rec.t.Errorf("%s, status %d: %s", name, a.status, f)
	}
	if headers, _ := response["headers"].(map[string]any); headers != nil {
		for h := range headers {
			if a.header.Get(h) == "" {
				rec.t.Errorf("%s, status %d: no header %s", name, a.status, h)
			}
		}
	}
	if a.status/100 == 2 && body != nil {
		of, _ := op.RequestBody["content"].(map[string]any)["application/json"].(map[string]any)
		var sent any
		b, _ := json.Marshal(body)
		json.Unmarshal(b, &sent)
		for _, f := range rec.schemas.faults("request", of["schema"].(map[string]any), sent) {
			rec.t.Errorf("%s was accepted: %s", name, f)
		}
	}
}

// operation finds a path's template; a part in braces is any.
func (rec *recorder) operation(method, path string) (string, *operation) {
	path, _, _ = strings.Cut(path, "?")
	parts := strings.Split(path, "/")
	for template, methods := range rec.doc.Paths {
		fits := strings.Split(template, "/")
		if len(fits) != len(parts) || slices.ContainsFunc(slices.Collect(maps.Keys(indexes(fits))), func(i int) bool {
			return fits[i] != parts[i] && !strings.HasPrefix(fits[i], "{")
		}) {
			continue
		}
		if op, ok := methods[strings.ToLower(method)]; ok {
			return template, &op
		}
	}
	return "", nil
}

func indexes(s []string) map[int]string { return maps.Collect(slices.All(s)) }

// Every operation of the document is called, and every answer is what the document says.
func TestOpenAPIAnswers(t *testing.T) {
	t.Parallel()
	conf := demonstration()
	conf.InsecureWebhooks = true
	s, address := serveOn(t, conf, memory.New(), "")
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	t.Cleanup(hook.Close)
	d := openAPI(t, address)
	rec := &recorder{t, d, &schemas{d.Components}, make(map[string]bool)}
	send := func(c *caller, method, path string, body any) map[string]any {
		t.Helper()
		a := c.do(method, path, body)
		rec.check(method, path, body, a)
		data, _ := a.body["data"].(map[string]any)
		return data
	}
	anyone := &caller{t: t, address: address}
	send(anyone, "POST", "/auth/v1/login", map[string]string{"email": dev, "password": "Password123!"})
	send(anyone, "POST", "/auth/v1/login", map[string]string{"email": dev, "password": "wrong"})
	developer, reviewer, olga := s.as(t, address, dev), s.as(t, address, admin), s.as(t, address, organizer)
	reg := func(c *caller, method, path string, body any) map[string]any {
		t.Helper()
		return send(c, method, "/app-registry/v1"+path, body)
	}
	reg(anyone, "GET", "/health", nil)
	reg(anyone, "GET", "/apps", nil)
	reg(olga, "GET", "/admin/apps", nil)

	id := reg(developer, "POST", "/apps", manifest("Seen", "ticketing"))["client_id"].(string)
	reg(developer, "POST", "/apps", map[string]any{"client_name": "x", "scopes": []string{"nothing"}})
	for _, step := range []struct {
		by           *caller
		method, path string
		body         any
	}{
		{developer, "GET", "/apps", nil},
		{developer, "GET", "/apps?limit=1", nil},
		{developer, "GET", "/apps/" + id, nil},
		{developer, "GET", "/apps/nothing", nil},
		{developer, "PATCH", "/apps/" + id, map[string]any{"description": "Seen."}},
		{developer, "POST", "/apps/" + id + "/submit", nil},
		{developer, "POST", "/apps/" + id + "/submit", nil},
		{reviewer, "GET", "/admin/apps?state=submitted", nil},
		{reviewer, "POST", "/admin/apps/" + id + "/claim", nil},
		{reviewer, "POST", "/admin/apps/" + id + "/reject", map[string]string{"note": "No."}},
		{developer, "PATCH", "/apps/" + id, map[string]any{"description": "Seen again."}},
		{developer, "POST", "/apps/" + id + "/submit", nil},
		{reviewer, "POST", "/admin/apps/" + id + "/request-changes", map[string]string{"note": "Almost."}},
		{developer, "POST", "/apps/" + id + "/withdraw", nil},
		{developer, "PATCH", "/apps/" + id, manifest("Seen", "ticketing")},
		{developer, "POST", "/apps/" + id + "/submit", nil},
		{reviewer, "POST", "/admin/apps/" + id + "/approve", map[string]string{"note": "Yes."}},
		{reviewer, "POST", "/admin/apps/" + id + "/publish", map[string]bool{"listed": true, "shared": true}},
		{reviewer, "POST", "/admin/apps/" + id + "/suspend", nil},
		{reviewer, "POST", "/admin/apps/" + id + "/reinstate", nil},
		{developer, "POST", "/apps/" + id + "/pause", nil},
		{developer, "POST", "/apps/" + id + "/resume", nil},

		{developer, "PUT", "/developer/profile", map[string]string{"name": "Devika", "website": "https://devika.example"}},
		{developer, "GET", "/developer/profile", nil},
		{developer, "GET", "/developer/apps", nil},
		{developer, "POST", "/developer/apps/" + id + "/secret-rotation", map[string]int{"overlap_seconds": 3600}},
		{developer, "POST", "/developer/apps/" + id + "/secret-rotation/cancel", nil},
		{developer, "POST", "/developer/apps/" + id + "/secret-rotation", nil},
		{developer, "POST", "/developer/apps/" + id + "/secret-rotation/complete", nil},
		{developer, "GET", "/developer/apps/my-service/usage", nil},

		{olga, "POST", "/installations", map[string]any{"client_id": "gate-keeper"}},
		{olga, "GET", "/installations", nil},
		{olga, "GET", "/installations/gate-keeper", nil},
		{olga, "POST", "/installations/gate-keeper/refuse", nil},
		{olga, "POST", "/installations/gate-keeper/approve", map[string]any{"scopes": []string{"read:events", "write:events"}}},
		{olga, "POST", "/installations/gate-keeper/narrow", map[string]any{"scopes": []string{"read:events"}}},
		{olga, "POST", "/installations/gate-keeper/suspend", nil},
		{olga, "POST", "/installations/gate-keeper/resume", nil},
		{olga, "GET", "/recommendations", nil},
		{olga, "DELETE", "/installations/gate-keeper", nil},
		{olga, "POST", "/installations/seat-planner/approve", map[string]any{"scopes": []string{"read:events"}}},
		{olga, "PATCH", "/installations/seat-planner", map[string]any{"scopes": []string{"write:events"}}},
		{olga, "GET", "/search?q=seat", nil},
		{developer, "DELETE", "/apps/" + id, nil},
	} {
		reg(step.by, step.method, step.path, step.body)
	}

	machine := asApp(t, address, "my-service", "my-service-secret")
	rec.called["postOauthToken"] = true
	wh := reg(machine, "POST", "/webhooks", map[string]string{"url": hook.URL + "/hook"})["id"].(string)
	reg(machine, "GET", "/webhooks", nil)
	reg(machine, "GET", "/webhooks/"+wh, nil)
	reg(machine, "POST", "/webhooks/"+wh+"/rotate-secret", map[string]int{"overlap_seconds": 60})
	reg(machine, "POST", "/webhooks/"+wh+"/test", nil)
	reg(machine, "DELETE", "/webhooks/"+wh, nil)
	reg(machine, "GET", "/webhooks/"+wh, nil)

	// The OAuth endpoints are the library's, and tested there; the document's words about them are tried here.
	verifier := pkce.NewVerifier()
	request := codeRequest("my-app", "https://myapp.com/callback", verifier, "read:events")
	code := olga.authorize(request, url.Values{"decision": {"allow"}, "scope": {"read:events"}}).Query().Get("code")
	rec.called["getOauthAuthorize"] = code != ""
	const path = "/app-registry/v1/oauth/"
	tokens := anyone.do("POST", path+"token", map[string]string{"grant_type": "authorization_code", "client_id": "my-app",
		"redirect_uri": "https://myapp.com/callback", "code": code, "code_verifier": verifier})
	rec.check("POST", path+"token", nil, tokens)
	rec.check("POST", path+"token", nil, anyone.do("POST", path+"token", map[string]string{"grant_type": "nothing"}))
	tok, _ := tokens.body["access_token"].(string)
	basic := []string{"Content-Type", "application/x-www-form-urlencoded", "Authorization", "Basic ZGVtby1hcGk6ZGVtby1hcGktc2VjcmV0"}
	rec.check("POST", path+"introspect", nil, anyone.do("POST", path+"introspect", "token="+tok, basic...))
	rec.check("GET", path+"jwks", nil, anyone.do("GET", path+"jwks", nil))
	if a := anyone.do("POST", path+"revoke", "client_id=my-app&token="+tok, basic[:2]...); a.status == http.StatusOK {
		rec.called["postOauthRevoke"] = true
	}

	for path, methods := range d.Paths {
		for method, op := range methods {
			if !rec.called[op.OperationID] {
				t.Errorf("%s %s was not called with success", method, path)
			}
		}
	}
}

// Both documents of a server below a path name their addresses there.
func TestOpenAPIServers(t *testing.T) {
	t.Parallel()
	s := serve(t, demonstration(), "/tenants/one")
	a := (&caller{t: t, address: s.issuer}).do("GET", "/openapi.json", nil)
	servers, _ := a.body["servers"].([]any)
	if len(servers) != 1 || servers[0].(map[string]any)["url"] != s.issuer {
		t.Errorf("servers are %v, wanted %s", servers, s.issuer)
	}
	if a := (&caller{t: t, address: s.issuer}).do("GET", "/app-registry/v1/health", nil); a.status != http.StatusOK {
		t.Errorf("health below a path: status %d", a.status)
	}
}
