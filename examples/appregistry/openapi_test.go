package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/oauthcore/oauthcore/pkce"
	"github.com/oauthcore/oauthcore/store/memory"
)

// document is what the tests read of the OpenAPI document.
type document struct {
	Paths      map[string]map[string]operation
	Components map[string]map[string]map[string]any
}

type operation struct {
	OperationID string
	Parameters  []map[string]any
	RequestBody map[string]any
	Responses   map[string]map[string]any
	Security    []map[string][]string
	Roles       []string `json:"x-roles"`
}

func openAPI(t testing.TB, address string) *document {
	t.Helper()
	resp, err := http.Get(address + "/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	d := new(document)
	if err := json.NewDecoder(resp.Body).Decode(d); err != nil {
		t.Fatalf("/openapi.json: status %d, %v", resp.StatusCode, err)
	}
	return d
}

// documented is the document, in which servers differ by their address alone.
var documented = sync.OnceValues(func() (*document, error) {
	keep, err := commonSecrets()
	if err != nil {
		return nil, err
	}
	conf := demonstration()
	conf.Issuer, conf.Users = "http://127.0.0.1", nil
	s, err := newServer(context.Background(), conf, memory.New(), keep, discard)
	if err != nil {
		return nil, err
	}
	w, d := httptest.NewRecorder(), new(document)
	s.ServeHTTP(w, httptest.NewRequest("GET", "/openapi.json", nil))
	return d, json.Unmarshal(w.Body.Bytes(), d)
})

// operation finds what a request calls; a part of a path in braces is any. nil: the document has no such.
func (d *document) operation(method, path string) *operation {
	path, _, _ = strings.Cut(path, "?")
	parts := strings.Split(path, "/")
	for template, methods := range d.Paths {
		fits := strings.Split(template, "/")
		for i := range fits {
			if len(fits) == len(parts) && strings.HasPrefix(fits[i], "{") {
				fits[i] = parts[i]
			}
		}
		if op, ok := methods[strings.ToLower(method)]; ok && slices.Equal(fits, parts) {
			return &op
		}
	}
	return nil
}

// holds checks an answer of the service's API, and the request if it was accepted, against the document. Each
// that a test of this package gets from [caller.do] comes by here.
func (a *got) holds(t testing.TB) {
	t.Helper()
	if !strings.HasPrefix(a.path, "/app-registry/") && !strings.HasPrefix(a.path, "/auth/") {
		return
	}
	d, err := documented()
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range d.faults(&schemas{components: d.Components, closed: true}, a) {
		t.Errorf("%s %s, status %d: %s", a.method, a.path, a.status, fault)
	}
}

// faults returns what the document does not say of an answer, or says otherwise: its status is there, it has
// all that it must have and nothing that is not named, and what was sent for it is what the document asks for.
func (d *document) faults(s *schemas, a *got) (all []string) {
	op := d.operation(a.method, a.path)
	if op == nil {
		if a.status != http.StatusNotFound && a.status != http.StatusMethodNotAllowed {
			return []string{"the document has no such operation"}
		}
		return nil
	}
	response, ok := op.Responses[fmt.Sprint(a.status)]
	if !ok {
		return []string{fmt.Sprintf("the document has no such status; error %v", a.body["error"])}
	}
	response = s.resolve(response)
	switch schema := jsonOf(response, a.header.Get("Content-Type")); {
	case schema == nil && a.body != nil:
		all = append(all, "the document has no JSON here")
	case schema != nil && a.body == nil:
		all = append(all, "the document has JSON here")
	case schema != nil:
		all = s.faults("answer", schema, a.body)
	}
	headers, _ := response["headers"].(map[string]any)
	for h := range headers {
		if a.header.Get(h) == "" {
			all = append(all, "no header "+h)
		}
	}
	if a.status/100 == 2 && a.sent != "" {
		var sent any
		schema := jsonOf(s.resolve(op.RequestBody), "application/json")
		if err := json.Unmarshal([]byte(a.sent), &sent); err != nil || schema == nil {
			return append(all, "it was accepted with a body that the document does not have")
		}
		all = append(all, s.faults("request", schema, sent)...)
	}
	return all
}

// jsonOf is the schema of a body of a media type; nil: there is none.
func jsonOf(body map[string]any, kind string) map[string]any {
	content, _ := body["content"].(map[string]any)
	media, _ := content[kind].(map[string]any)
	schema, _ := media["schema"].(map[string]any)
	return schema
}

// patterns are those of a mux, which tells nobody.
func patterns(mux *http.ServeMux) []string {
	index, found := reflect.ValueOf(mux).Elem().FieldByName("index"), make(map[string]bool)
	add := func(all reflect.Value) {
		for i := range all.Len() {
			found[all.Index(i).Elem().FieldByName("str").String()] = true
		}
	}
	add(index.FieldByName("multis"))
	for some := index.FieldByName("segments").MapRange(); some.Next(); {
		add(some.Value())
	}
	return slices.Sorted(maps.Keys(found))
}

// The document has what the mux has, method by method, and the mux what the document has.
func TestOpenAPIRoutes(t *testing.T) {
	t.Parallel()
	s, address := serveOn(t, demonstration(), memory.New(), "")
	d := openAPI(t, address)
	said, ids := make(map[string]bool), make(map[string]bool)
	for path, methods := range d.Paths {
		for method, op := range methods {
			said[strings.ToUpper(method)+" "+path] = true
			if ids[op.OperationID] {
				t.Errorf("%s names two operations", op.OperationID)
			}
			ids[op.OperationID] = true
		}
	}
	var there []string
	for _, pattern := range patterns(s.mux) {
		method, path, _ := strings.Cut(pattern, " ")
		switch {
		case pattern == "/auth/v1/" || pattern == "/app-registry/v1/": // where nothing is
		case pattern == "/app-registry/v1/oauth/" || pattern == "/": // the library's, below
		case path == "/openapi.json" || path == "/api/me" || pattern == "/.well-known/oauth-protected-resource/api": // the document itself, and the API of others
		case path == "/style.css" || path == "/icon.svg" || path == "/{$}" || path == "/sign-out" || path == "/callback": // pages
		case strings.HasPrefix(path, "/console/") || pattern == "/console/":
		default:
			there = append(there, method+" "+path)
		}
	}
	metadata := (&caller{t: t, address: address}).do("GET", "/.well-known/oauth-authorization-server", nil)
	for name, value := range metadata.body {
		endpoint, _ := value.(string)
		path, ours := strings.CutPrefix(endpoint, address)
		switch {
		case !ours || path == "":
		case name == "jwks_uri":
			there = append(there, "GET "+path)
		case name == "authorization_endpoint":
			there = append(there, "GET "+path, "POST "+path)
		default:
			there = append(there, "POST "+path)
		}
	}
	slices.Sort(there)
	if want := slices.Sorted(maps.Keys(said)); !slices.Equal(there, want) {
		t.Errorf("the mux has, and the document has not: %q\nthe document has, and the mux has not: %q", without(there, want), without(want, there))
	}
	// What is said of the library's endpoints is so: they have no other method.
	for path := range d.Paths {
		for _, method := range []string{"DELETE", "GET", "PATCH", "POST", "PUT"} {
			w := httptest.NewRecorder()
			s.ServeHTTP(w, httptest.NewRequest(method, address+path, nil))
			if allowed := w.Code != http.StatusMethodNotAllowed; allowed != said[method+" "+path] {
				t.Errorf("%s %s: status %d, and the document has it %t", method, path, w.Code, said[method+" "+path])
			}
		}
	}
}

// survey notes what of the document real answers have shown.
type survey struct {
	doc   *document
	notes *schemas
	seen  map[string]bool // "method template status"
}

func newSurvey(d *document) *survey {
	return &survey{d, &schemas{components: d.Components, met: make(map[string]bool)}, make(map[string]bool)}
}

// do is [caller.do], noted.
func (v *survey) do(c *caller, method, path string, body any, headers ...string) got {
	c.t.Helper()
	a := c.do(method, path, body, headers...)
	v.doc.faults(v.notes, &a) // which were reported
	if op := v.doc.operation(method, path); op != nil {
		v.seen[fmt.Sprint(op.OperationID, " ", a.status)] = true
	}
	return a
}

// Every operation of the document succeeds, with every status below 400 and every member that it names.
func TestOpenAPIAnswers(t *testing.T) {
	t.Parallel()
	conf := demonstration()
	conf.InsecureWebhooks, conf.Keys = true, []string{"RS256", "ES256"}
	s, address := serveOn(t, conf, memory.New(), "")
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	t.Cleanup(hook.Close)
	v := newSurvey(openAPI(t, address))
	reg := func(c *caller, method, path string, body any) map[string]any {
		t.Helper()
		data, _ := v.do(c, method, "/app-registry/v1"+path, body).body["data"].(map[string]any)
		return data
	}
	anyone := &caller{t: t, address: address}
	developer, reviewer, olga := s.as(t, address, dev), s.as(t, address, admin), s.as(t, address, organizer)
	v.do(anyone, "POST", "/auth/v1/login", map[string]string{"email": dev, "password": "Password123!"})
	full := manifest("Seen", "ticketing")
	for _, name := range []string{"logo_uri", "client_uri", "policy_uri", "tos_uri"} {
		full[name] = "https://app.example/" + name
	}
	full["contacts"] = []string{"help@app.example"}
	id := reg(developer, "POST", "/apps", full)["client_id"].(string)
	keyed := maps.Clone(full)
	keyed["token_endpoint_auth_method"] = "private_key_jwt"
	keyed["jwks"] = anyone.do("GET", oauthPaths.JWKS, nil).body
	reg(developer, "POST", "/apps", keyed)
	for _, step := range []struct {
		by           *caller
		method, path string
		body         any
	}{
		{anyone, "GET", "/health", nil},
		{developer, "GET", "/apps", nil},
		{developer, "GET", "/apps?limit=1", nil},
		{developer, "GET", "/apps/" + id, nil},
		{developer, "PATCH", "/apps/" + id, map[string]any{"description": "Seen."}},
		{developer, "POST", "/apps/" + id + "/submit", nil},
		{reviewer, "GET", "/admin/apps?state=submitted", nil},
		{reviewer, "GET", "/admin/apps/" + id, nil},
		{reviewer, "POST", "/admin/apps/" + id + "/claim", nil},
		{reviewer, "POST", "/admin/apps/" + id + "/reject", map[string]string{"note": "No."}},
		{developer, "PATCH", "/apps/" + id, map[string]any{"description": "Seen again."}},
		{developer, "POST", "/apps/" + id + "/submit", nil},
		{reviewer, "POST", "/admin/apps/" + id + "/request-changes", map[string]string{"note": "Almost."}},
		{developer, "POST", "/apps/" + id + "/withdraw", nil},
		{developer, "PATCH", "/apps/" + id, full},
		{developer, "POST", "/apps/" + id + "/submit", nil},
		{reviewer, "POST", "/admin/apps/" + id + "/approve", map[string]string{"note": "Yes."}},
		{reviewer, "POST", "/admin/apps/" + id + "/publish", map[string]bool{"listed": true, "shared": true}},
		{reviewer, "POST", "/admin/apps/" + id + "/suspend", nil},
		{reviewer, "POST", "/admin/apps/" + id + "/reinstate", nil},
		{developer, "POST", "/apps/" + id + "/pause", nil},
		{developer, "POST", "/apps/" + id + "/resume", nil},

		{developer, "PUT", "/developer/profile", map[string]string{"name": "Devika", "website": "https://devika.example", "email": "d@devika.example", "about": "Builds."}},
		{developer, "GET", "/developer/profile", nil},
		{developer, "GET", "/developer/apps", nil},
		{developer, "POST", "/developer/apps/" + id + "/secret-rotation", map[string]int{"overlap_seconds": 3600}},
		{developer, "POST", "/developer/apps/" + id + "/secret-rotation/cancel", nil},
		{developer, "POST", "/developer/apps/" + id + "/secret-rotation", nil},
		{developer, "POST", "/developer/apps/" + id + "/secret-rotation/complete", nil},

		{olga, "POST", "/installations", map[string]any{"client_id": "gate-keeper", "scopes": []string{"read:events"}}},
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
	reg(developer, "GET", "/developer/apps/my-service/usage", nil)
	wh := reg(machine, "POST", "/webhooks", map[string]string{"url": hook.URL + "/hook", "description": "One."})["id"].(string)
	for _, step := range [][2]string{{"GET", "/webhooks"}, {"GET", "/webhooks/" + wh}, {"POST", "/webhooks/" + wh + "/rotate-secret"},
		{"POST", "/webhooks/" + wh + "/test"}, {"DELETE", "/webhooks/" + wh}} {
		reg(machine, step[0], step[1], nil)
	}

	// The OAuth endpoints are the library's, and tested there; the document's words about them are tried here.
	verifier := pkce.NewVerifier()
	request := codeRequest("my-app", "https://myapp.com/callback", verifier, "read:events")
	v.do(olga, "GET", oauthPaths.Authorize+"?"+request.Encode(), nil)
	v.do(olga, "POST", oauthPaths.Authorize, request.Encode(), form...)
	code := olga.authorize(request, url.Values{"decision": {"allow"}, "scope": {"read:events"}}).Query().Get("code")
	v.do(olga, "GET", oauthPaths.Authorize+"?"+request.Encode(), nil) // now it needs no page
	tokens := v.do(anyone, "POST", oauthPaths.Token, map[string]string{"grant_type": "authorization_code", "client_id": "my-app",
		"redirect_uri": "https://myapp.com/callback", "code": code, "code_verifier": verifier})
	access, _ := tokens.body["access_token"].(string)
	v.do(anyone, "POST", oauthPaths.Introspect, "token="+access, append(form, demoAPI...)...)
	v.do(anyone, "POST", oauthPaths.Introspect, "token="+machine.token, append(form, demoAPI...)...)
	v.do(anyone, "POST", oauthPaths.Introspect, "token=unknown", append(form, demoAPI...)...)
	v.do(anyone, "GET", oauthPaths.JWKS, nil)
	v.do(anyone, "POST", oauthPaths.Revoke, "client_id=my-app&token="+access, form...)

	v.do(anyone, "GET", "/app-registry/v1/apps", nil) // the members of refusals; their statuses are below
	v.do(anyone, "POST", oauthPaths.Token, map[string]string{"grant_type": "nothing"})
	for _, methods := range v.doc.Paths {
		for _, op := range methods {
			for status := range op.Responses {
				if status < "400" && !v.seen[op.OperationID+" "+status] {
					t.Errorf("%s did not answer with %s", op.OperationID, status)
				}
			}
		}
	}
	for name, schema := range v.doc.Components["schemas"] {
		if name == "TokenRequest" || name == "TokenQuestion" {
			continue // sent as forms, and tested where the library is
		}
		members, _ := schema["properties"].(map[string]any)
		for m := range members {
			if !v.notes.met[property(members, m)] {
				t.Errorf("%s.%s: no answer has it, and no request that was accepted", name, m)
			}
		}
	}
}

// Headers of requests.
var (
	form    = []string{"Content-Type", "application/x-www-form-urlencoded"}
	demoAPI = []string{"Authorization", "Basic ZGVtby1hcGk6ZGVtby1hcGktc2VjcmV0"}
)

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
