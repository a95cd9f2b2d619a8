package main

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/pkce"
)

// refusing is a server that is asked for all that it refuses.
type refusing struct {
	*survey
	anyone, boss, owner, nobody, homeless, machine *caller

	other string            // the address of a server on the same store that cannot read its answers
	ids   map[string]string // by group, of something there is
}

func newRefusing(t *testing.T) (r *refusing, closeStore func()) {
	conf := demonstration()
	conf.InsecureWebhooks = true
	conf.Users = append(conf.Users, user{Email: "nobody", Password: "x", Tenant: tenantOne},
		user{Email: "homeless", Password: "x", Roles: []string{"organizer"}})
	st, closeStore := opened(t, filepath.Join(t.TempDir(), "registry.db"))
	s, address := serveOn(t, conf, st, "")
	r = &refusing{survey: newSurvey(openAPI(t, address)), anyone: &caller{t: t, address: address}, boss: s.as(t, address, admin),
		nobody: s.as(t, address, "nobody"), homeless: s.as(t, address, "homeless"), machine: asApp(t, address, "my-service", "my-service-secret")}

	same := *testSecrets(t)
	same.Secrets = [][]byte{bytes.Repeat([]byte{1}, 32)} // the same keys, and answers sealed otherwise
	twin, err := newServer(t.Context(), conf, st, &same, discard)
	if err != nil {
		t.Fatal(err)
	}
	r.other, _ = listen(t, twin)

	// Two of everything that is listed, so that each list has a cursor.
	hook := ""
	r.owner = s.as(t, address, dev)
	for i := range 2 {
		r.boss.reg(http.StatusCreated, "POST", "/apps", manifest("Mine"))
		r.boss.reg(http.StatusCreated, "POST", "/installations", map[string]any{"client_id": []string{"gate-keeper", "seat-planner"}[i]})
		id := r.owner.reg(http.StatusCreated, "POST", "/apps", manifest("Theirs"))["client_id"].(string)
		r.owner.reg(http.StatusOK, "POST", "/apps/"+id+"/submit", nil)
		hook = r.machine.reg(http.StatusCreated, "POST", "/webhooks", map[string]string{"url": "http://127.0.0.1:1/"})["id"].(string)
	}
	r.ids = map[string]string{"apps": "my-app", "admin": "my-app", "developer": "my-app", "installations": "gate-keeper", "webhooks": hook}
	return r, closeStore
}

// bodies are what is sent where the document asks for a schema: in form, whatever it asks for.
var bodies = map[string]string{"Manifest": `{}`, "ManifestPatch": `{}`, "Note": `{"note":"x"}`, "Publish": `{}`, "Overlap": `{}`, "ProfileInput": `{}`,
	"InstallationRequest": `{"client_id":"gate-keeper"}`, "Scopes": `{"scopes":["read:events"]}`, "WebhookInput": `{"url":"http://127.0.0.1:1/"}`,
	"Login": `{"email":"x","password":"x"}`}

// target is one operation as it is called.
type target struct {
	method, template, path string
	body                   any // nil: none
	by                     *caller
}

func (r *refusing) target(template, method string, op operation) target {
	group, _, _ := strings.Cut(strings.TrimPrefix(template, "/app-registry/v1/"), "/")
	to := target{method: strings.ToUpper(method), template: template, path: strings.ReplaceAll(template, "{id}", r.ids[group]), by: r.boss}
	if group == "developer" {
		to.by = r.owner // of my-app: secrets are nobody else's
	}
	if len(op.Security) == 0 {
		to.by = r.anyone
	} else if op.Security[0]["app"] != nil {
		to.by = r.machine
	}
	if schema := jsonOf(r.notes.resolve(op.RequestBody), "application/json"); schema != nil {
		ref, _ := schema["$ref"].(string)
		to.body = bodies[ref[strings.LastIndex(ref, "/")+1:]]
	}
	return to
}

// forged is a cursor of the list that no server gave out.
func (r *refusing) forged(to target) string {
	a := to.by.do("GET", to.path+"?limit=1", nil)
	page, _ := a.body["page"].(map[string]any)
	next, _ := page["next_cursor"].(string)
	b, _ := base64.RawURLEncoding.DecodeString(next)
	var at map[string]string
	if err := json.Unmarshal(b, &at); err != nil {
		return ""
	}
	at["a"] = "x"
	b, _ = json.Marshal(at)
	return base64.RawURLEncoding.EncodeToString(b)
}

// refusals are ways to be refused. Each is tried on each operation that documents the status, until one of them
// is answered with it. The last two carry the operation out on their way.
var refusals = []struct {
	status int
	ways   []func(r *refusing, to target)
}{
	{http.StatusBadRequest, []func(*refusing, target){
		func(r *refusing, to target) { r.do(to.by, to.method, to.path, to.body, "If-Match", "17") },
		func(r *refusing, to target) { r.do(to.by, to.method, to.path, "{") },
	}},
	{http.StatusUnauthorized, []func(*refusing, target){
		func(r *refusing, to target) { r.do(r.anyone, to.method, to.path, to.body) },
	}},
	{http.StatusForbidden, []func(*refusing, target){
		func(r *refusing, to target) { r.do(r.nobody, to.method, to.path, to.body) },
	}},
	{http.StatusNotFound, []func(*refusing, target){
		func(r *refusing, to target) {
			r.do(to.by, to.method, strings.ReplaceAll(to.template, "{id}", "nothing"), to.body)
		},
		func(r *refusing, to target) {
			r.do(to.by, to.method, to.path, map[string]string{"client_id": "nothing"})
		},
	}},
	{http.StatusPreconditionFailed, []func(*refusing, target){
		func(r *refusing, to target) { r.do(to.by, to.method, to.path, to.body, "If-Match", `"x"`) },
	}},
	{http.StatusRequestEntityTooLarge, []func(*refusing, target){
		func(r *refusing, to target) { r.do(to.by, to.method, to.path, strings.Repeat(" ", 65<<10)) },
	}},
	{http.StatusUnsupportedMediaType, []func(*refusing, target){
		func(r *refusing, to target) { r.do(to.by, to.method, to.path, "{}", "Content-Type", "text/plain") },
	}},
	{http.StatusConflict, []func(*refusing, target){
		func(r *refusing, to target) { // an answer that was lost
			for _, address := range []string{to.by.address, r.other} {
				r.do(&caller{to.by.t, address, to.by.token}, to.method, to.path, to.body, "Idempotency-Key", to.method+to.path)
			}
		},
	}},
	{http.StatusUnprocessableEntity, []func(*refusing, target){
		func(r *refusing, to target) { // a cursor that no server gave out
			if to.method == "GET" {
				r.do(to.by, "GET", to.path+"?cursor="+r.forged(to), nil)
			}
		},
		func(r *refusing, to target) { r.do(r.homeless, to.method, to.path, to.body) },
		func(r *refusing, to target) { // a key that was used for something else
			for _, body := range []any{to.body, "{}\n"} {
				r.do(to.by, to.method, to.path, body, "Idempotency-Key", "reused-"+to.method+to.path)
			}
		},
	}},
}

// Every refusal of the document happens, at every operation that documents it; and [caller.do] knows that no
// others do.
func TestOpenAPIRefusals(t *testing.T) {
	t.Parallel()
	r, closeStore := newRefusing(t)
	var targets []target
	for template, methods := range r.doc.Paths {
		for method, op := range methods {
			if !strings.HasPrefix(template, "/app-registry/v1/oauth/") {
				targets = append(targets, r.target(template, method, op))
			}
		}
	}
	last := map[string]int{"DELETE": 1} // what it is done to is gone
	slices.SortFunc(targets, func(a, b target) int {
		return cmp.Or(last[a.method]-last[b.method], strings.Compare(a.template, b.template), strings.Compare(a.method, b.method))
	})
	for _, to := range targets {
		op := r.doc.operation(to.method, to.template)
		for _, refusal := range refusals {
			for _, try := range refusal.ways {
				if status := fmt.Sprint(refusal.status); op.Responses[status] != nil && !r.seen[op.OperationID+" "+status] {
					try(r, to)
				}
			}
		}
	}
	signIn := r.oauth(t)
	r.tooOften()
	closeStore()
	for _, to := range targets {
		r.do(to.by, to.method, to.path, to.body)
	}
	r.withoutStore(signIn)
	for template, methods := range r.doc.Paths {
		for method, op := range methods {
			for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
				if status >= "400" && !r.seen[op.OperationID+" "+status] {
					t.Errorf("%s %s never answers with %s", method, template, status)
				}
			}
		}
	}
}

// oauth is refused by the endpoints of the library. It returns what signs a browser in, once.
func (r *refusing) oauth(t *testing.T) (signIn func()) {
	long := "token=" + strings.Repeat("x", 65<<10)
	for _, path := range []string{oauthPaths.Token, oauthPaths.Introspect, oauthPaths.Revoke} {
		r.do(r.anyone, "POST", path, "x=y", append(form, demoAPI...)...)
		r.do(r.anyone, "POST", path, "token=x&grant_type=client_credentials&client_id=my-service&client_secret=wrong", form...)
		r.do(r.anyone, "POST", path, long, form...)
	}
	r.do(r.anyone, "GET", oauthPaths.Authorize, nil)
	r.do(r.anyone, "POST", oauthPaths.Authorize, "", form...)
	r.do(r.anyone, "POST", oauthPaths.Authorize, long, form...)
	page := r.do(r.anyone, "GET", oauthPaths.Authorize+"?"+r.request("demo-web", "http://127.0.0.1/callback"), nil)
	action := formAction.FindStringSubmatch(page.raw)
	if action == nil {
		t.Fatalf("got no sign-in page:\n%s", page.raw)
	}
	to := strings.ReplaceAll(action[1], "&amp;", "&")
	browser := append(form, "Cookie", strings.Split(page.header.Get("Set-Cookie"), ";")[0])
	r.do(r.anyone, "POST", to, "email=x&password=x", browser...)
	r.do(r.anyone, "POST", to, "email=x&password=x", append(browser, "Origin", "https://elsewhere.example")...)
	return func() { r.do(r.anyone, "POST", to, "email=nobody&password=x", browser...) }
}

// withoutStore asks the same endpoints, and the login, when the store is gone.
func (r *refusing) withoutStore(signIn func()) {
	signIn()
	r.do(r.anyone, "GET", oauthPaths.Authorize+"?"+r.request("gate-keeper", "https://gate-keeper.example/callback"), nil)
	for _, path := range []string{oauthPaths.Token, oauthPaths.Introspect, oauthPaths.Revoke} {
		r.do(r.anyone, "POST", path, "token=x&grant_type=client_credentials&client_id=my-service&client_secret=my-service-secret", form...)
	}
	r.do(r.anyone, "POST", "/auth/v1/login", map[string]string{"email": "nobody", "password": "x"})
}

// tooOften guesses an app's secret until it is told to wait, which is then so at all endpoints.
func (r *refusing) tooOften() {
	for _, path := range []string{oauthPaths.Token, oauthPaths.Introspect, oauthPaths.Revoke} {
		for range 1000 {
			a := r.do(r.anyone, "POST", path, "token=x&grant_type=client_credentials", append(form, "Authorization", "Basic ZGVtby1qb2I6Z3Vlc3NlZA==")...)
			if a.status == http.StatusTooManyRequests {
				break
			}
		}
	}
}

// request is an authorization request, as a query.
func (r *refusing) request(app, redirect string) string {
	return codeRequest(app, redirect, pkce.NewVerifier(), "read:events").Encode()
}
