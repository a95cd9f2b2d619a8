package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/store/memory"
)

// Lists go on from page to page until each item was seen once, and cursors are good for their list only.
func TestLists(t *testing.T) {
	t.Parallel()
	s, address := serveOn(t, demonstration(), memory.New(), "")
	developer, reviewer, olga := s.as(t, address, partner), s.as(t, address, admin), s.as(t, address, organizer)
	var made []string
	for i := range 7 {
		id, _ := publish(developer, reviewer, fmt.Sprintf("Pager %d", i), "paging")
		olga.reg(http.StatusCreated, "POST", "/installations", map[string]any{"client_id": id})
		made = append(made, id)
	}
	slices.Sort(made)
	var stolen string
	for _, test := range []struct {
		path string
		by   *caller
		more int // items beside those made
	}{
		{"/apps?limit=3", developer, 3},
		{"/developer/apps?limit=3", developer, 3},
		{"/search?category=paging&limit=3", olga, 0},
		{"/installations?limit=3", olga, 0},
	} {
		t.Run(test.path, func(t *testing.T) {
			var seen []string
			cursor := ""
			for page := 0; page == 0 || cursor != ""; page++ {
				a := test.by.do("GET", "/app-registry/v1"+test.path+"&cursor="+cursor, nil)
				p, _ := a.body["page"].(map[string]any)
				if a.status != http.StatusOK || p["limit"] != 3.0 || len(a.items()) > 3 || page > 20 {
					t.Fatalf("status %d, page %v with %d items", a.status, p, len(a.items()))
				}
				seen = append(seen, a.ids()...)
				cursor, _ = p["next_cursor"].(string)
				if p["has_more"] != (cursor != "") {
					t.Errorf("has_more is %v with cursor %q", p["has_more"], cursor)
				}
				if stolen == "" {
					stolen = cursor
				}
			}
			slices.Sort(seen)
			if len(slices.Compact(slices.Clone(seen))) != len(seen) {
				t.Errorf("items were seen twice: %q", seen)
			}
			ours := slices.DeleteFunc(slices.Clone(seen), func(id string) bool { return !slices.Contains(made, id) })
			if !slices.Equal(ours, made) || len(seen) != len(made)+test.more {
				t.Errorf("seen %q, wanted %q and %d more", seen, made, test.more)
			}
		})
	}
	// A client can make a cursor of anything; what no store has given out is its mistake.
	forge := func(after string) string {
		genuine := olga.do("GET", "/app-registry/v1/search?category=paging&limit=1", nil).body["page"].(map[string]any)["next_cursor"].(string)
		b, _ := base64.RawURLEncoding.DecodeString(genuine)
		var at map[string]string
		json.Unmarshal(b, &at)
		at["a"] = after
		b, _ = json.Marshal(at)
		return base64.RawURLEncoding.EncodeToString(b)
	}
	for _, after := range []string{"x", "d/\x00", "d/ü", "platform/x", "d/" + strings.Repeat("x", 120)} {
		if a := olga.do("GET", "/app-registry/v1/search?category=paging&limit=1&cursor="+forge(after), nil); a.status/100 != 4 {
			t.Errorf("a forged cursor at %.20q: status %d, wanted a refusal", after, a.status)
		}
	}
	for _, bad := range []string{"cursor=x", "cursor=e30", "cursor=" + stolen + "&category=paging", "limit=0", "limit=101", "limit=x"} {
		if a := olga.do("GET", "/app-registry/v1/search?"+bad, nil); a.status != http.StatusBadRequest || a.code() != "invalid_request" {
			t.Errorf("%s: status %d, code %q; wanted 400 invalid_request", bad, a.status, a.code())
		}
	}
}

// A write with If-Match happens to what its caller has seen, or not at all.
func TestIfMatch(t *testing.T) {
	t.Parallel()
	s, address := serveOn(t, demonstration(), memory.New(), "")
	developer := s.as(t, address, dev)
	created := developer.do("POST", "/app-registry/v1/apps", manifest("Matched"))
	id := created.body["data"].(map[string]any)["client_id"].(string)
	path, tag := "/app-registry/v1/apps/"+id, created.header.Get("ETag")
	if location := created.header.Get("Location"); location != address+path {
		t.Errorf("Location is %q, wanted %q", location, address+path)
	}
	if read := developer.do("GET", path, nil); tag == "" || read.header.Get("ETag") != tag {
		t.Fatalf("ETag is %q, then %q", tag, read.header.Get("ETag"))
	}
	first := developer.do("PATCH", path, map[string]any{"description": "one"}, "If-Match", tag)
	if next := first.header.Get("ETag"); first.status != http.StatusOK || next == tag {
		t.Fatalf("the first change: status %d, ETag %q", first.status, next)
	}
	for _, test := range []struct {
		header string
		status int
	}{
		{tag, http.StatusPreconditionFailed},
		{`"x"`, http.StatusPreconditionFailed},
		{`W/` + first.header.Get("ETag"), http.StatusBadRequest},
		{`17`, http.StatusBadRequest},
		{`*`, http.StatusOK},
	} {
		if a := developer.do("PATCH", path, map[string]any{"description": "two"}, "If-Match", test.header); a.status != test.status {
			t.Errorf("If-Match %s: status %d, wanted %d", test.header, a.status, test.status)
		}
	}
	for _, stale := range []struct{ method, path string }{
		{"DELETE", path}, {"POST", path + "/submit"}, {"POST", "/app-registry/v1/developer/apps/" + id + "/secret-rotation"},
	} {
		if a := developer.do(stale.method, stale.path, nil, "If-Match", tag); a.status != http.StatusPreconditionFailed || a.code() != "precondition_failed" {
			t.Errorf("%s %s: status %d, wanted 412", stale.method, stale.path, a.status)
		}
	}
	profile := developer.do("PUT", "/app-registry/v1/developer/profile", map[string]string{"name": "Devika"})
	tag = profile.header.Get("ETag")
	developer.do("PUT", "/app-registry/v1/developer/profile", map[string]string{"name": "Devika D."})
	if a := developer.do("PUT", "/app-registry/v1/developer/profile", map[string]string{"name": "x"}, "If-Match", tag); a.status != http.StatusPreconditionFailed {
		t.Errorf("the profile: status %d, wanted 412", a.status)
	}
	olga := s.as(t, address, organizer)
	asked := olga.do("POST", "/app-registry/v1/installations", map[string]any{"client_id": "gate-keeper"})
	tag = asked.header.Get("ETag")
	olga.do("POST", "/app-registry/v1/installations/gate-keeper/approve", nil)
	if a := olga.do("DELETE", "/app-registry/v1/installations/gate-keeper", nil, "If-Match", tag); a.status != http.StatusPreconditionFailed {
		t.Errorf("the installation: status %d, wanted 412", a.status)
	}
}

// Requests in a wrong form are told what is wrong, in the envelope, and change nothing.
func TestBadRequests(t *testing.T) {
	t.Parallel()
	s, address := serveOn(t, demonstration(), memory.New(), "")
	developer := s.as(t, address, dev)
	for _, test := range []struct {
		name, method, path, body string
		status                   int
		code, want               string
	}{
		{"no JSON", "POST", "/apps", `name=x`, 400, "invalid_request", "JSON"},
		{"an empty body", "POST", "/apps", ``, 400, "invalid_request", "empty"},
		{"two values", "POST", "/apps", `{} {}`, 400, "invalid_request", "more than one"},
		{"a bracket too many", "POST", "/apps", `{}}`, 400, "invalid_request", "a bracket too many"},
		{"an unknown member", "POST", "/apps", `{"redirct_uris": []}`, 400, "invalid_request", "redirct_uris"},
		{"a member of a wrong type", "POST", "/apps", `{"scopes": "read:events"}`, 400, "invalid_request", "scopes"},
		{"too much", "POST", "/apps", `{"client_name": "` + strings.Repeat("x", 65<<10) + `"}`, 413, "invalid_request", "larger"},
		{"a manifest with faults", "POST", "/apps", `{"client_name": "x", "redirect_uris": ["http://evil.example/cb"], "logo_uri": "ftp://x"}`, 422, "validation_failed", "redirect_uris"},
		{"a scope that the platform does not have", "POST", "/apps", `{"client_name": "x", "redirect_uris": ["https://x.example/cb"], "scopes": ["admin:all"]}`, 422, "validation_failed", "admin:all"},
		{"a patch that makes a manifest invalid", "PATCH", "/apps/my-app", `{"redirect_uris": null}`, 422, "validation_failed", "redirect_uris"},
		{"a patch with an unknown member", "PATCH", "/apps/my-app", `{"secrets": []}`, 400, "invalid_request", "secrets"},
		{"an overlap that is too long", "POST", "/developer/apps/demo-web/secret-rotation", `{"overlap_seconds": 604801}`, 422, "validation_failed", "overlap_seconds"},
		{"an overlap that overflows", "POST", "/developer/apps/demo-web/secret-rotation", `{"overlap_seconds": 9223372036854775807}`, 422, "validation_failed", "overlap_seconds"},
		{"a negative overlap", "POST", "/developer/apps/demo-web/secret-rotation", `{"overlap_seconds": -1}`, 422, "validation_failed", "overlap_seconds"},
		{"a secret for an app without one", "POST", "/developer/apps/my-app/secret-rotation", ``, 409, "invalid_state", "without a secret"},
		{"a transition that does not fit", "POST", "/apps/my-app/submit", ``, 409, "invalid_state", "nothing is proposed"},
		{"an overlap that is no number", "POST", "/developer/apps/demo-web/secret-rotation", `{"overlap_seconds": 1.5}`, 400, "invalid_request", "overlap_seconds"},
		{"another's app", "GET", "/apps/gate-keeper", ``, 404, "not_found", ""},
		{"a profile with faults", "PUT", "/developer/profile", `{"website": "http://x", "email": "x"}`, 422, "validation_failed", "website"},
		{"an unknown path", "GET", "/nothing", ``, 404, "not_found", ""},
		{"an unknown method", "PUT", "/apps", `{}`, 405, "method_not_allowed", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var body any
			if test.body != "" {
				body = test.body
			}
			a := developer.do(test.method, "/app-registry/v1"+test.path, body)
			if a.status != test.status || a.code() != test.code || !strings.Contains(a.raw, test.want) || a.body["data"] != nil {
				t.Errorf("status %d, %s; wanted %d %s with %q", a.status, a.raw, test.status, test.code, test.want)
			}
			meta, _ := a.body["meta"].(map[string]any)
			if id, _ := meta["request_id"].(string); id == "" || id != a.header.Get("x-request-id") {
				t.Errorf("the request id is %q in meta and %q in the header", id, a.header.Get("x-request-id"))
			}
		})
	}
	reviewer := s.as(t, address, admin)
	id := developer.reg(http.StatusCreated, "POST", "/apps", manifest("Noted"))["client_id"].(string)
	developer.reg(http.StatusOK, "POST", "/apps/"+id+"/submit", nil)
	for _, note := range []string{"", "a\x00b", strings.Repeat("x", 1001)} {
		if a := reviewer.do("POST", "/app-registry/v1/admin/apps/"+id+"/reject", map[string]string{"note": note}); a.status != http.StatusUnprocessableEntity {
			t.Errorf("a note of %d bytes: status %d, wanted 422", len(note), a.status)
		}
	}
	if a := developer.do("PUT", "/app-registry/v1/apps", "{}"); a.header.Get("Allow") != "GET, POST" {
		t.Errorf("Allow is %q, wanted GET, POST", a.header.Get("Allow"))
	}
	if a := developer.do("POST", "/app-registry/v1/apps", "{}", "Content-Type", "text/plain"); a.status != http.StatusUnsupportedMediaType {
		t.Errorf("a body of text/plain: status %d, wanted 415", a.status)
	}
}

// A caller's trace goes on in the answer.
func TestTraceID(t *testing.T) {
	t.Parallel()
	_, address := serveOn(t, demonstration(), memory.New(), "")
	c := &caller{t: t, address: address}
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	for sent, want := range map[string]string{
		"00-" + trace + "-00f067aa0ba902b7-01":                    trace,
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01": "",
		"nonsense": "",
	} {
		a := c.do("GET", "/app-registry/v1/health", nil, "traceparent", sent)
		got, _ := a.body["meta"].(map[string]any)["trace_id"].(string)
		if len(got) != 32 || (got == trace) != (want == trace) {
			t.Errorf("traceparent %q: trace_id %q", sent, got)
		}
	}
}

// Recommendations are the same for everyone who asks the same: most installed first.
func TestRecommendations(t *testing.T) {
	t.Parallel()
	conf := demonstration()
	for _, tenant := range []string{"t3", "t4"} {
		conf.Users = append(conf.Users, user{Email: "org@" + tenant, Password: "x", Tenant: tenant, Roles: []string{"organizer"}})
	}
	s, address := serveOn(t, conf, memory.New(), "")
	install := func(c *caller, id string) {
		c.reg(http.StatusOK, "POST", "/installations/"+id+"/approve", map[string]any{"scopes": []string{"read:events"}})
	}
	olga, three, four := s.as(t, address, organizer), s.as(t, address, "org@t3"), s.as(t, address, "org@t4")
	want := func(when string, ids ...string) {
		t.Helper()
		if got := olga.do("GET", "/app-registry/v1/recommendations", nil).ids(); !slices.Equal(got, ids) {
			t.Errorf("%s: got %q, wanted %q", when, got, ids)
		}
	}
	want("nothing is installed", "badge-printer", "gate-keeper", "seat-planner")
	install(three, "seat-planner")
	install(four, "seat-planner")
	install(four, "gate-keeper")
	want("others have installed some", "seat-planner", "gate-keeper", "badge-printer")
	install(olga, "gate-keeper") // check-in, ticketing
	want("one is installed", "seat-planner", "badge-printer")
	four.reg(http.StatusOK, "DELETE", "/installations/seat-planner", nil)
	three.reg(http.StatusOK, "DELETE", "/installations/seat-planner", nil)
	want("nobody has the first any more", "badge-printer", "seat-planner")
	a := olga.do("GET", "/app-registry/v1/recommendations?limit=1", nil)
	first := a.items()[0].(map[string]any)
	if len(a.items()) != 1 || first["installs"] != 0.0 || !slices.Equal(first["because"].([]any), []any{"check-in"}) {
		t.Errorf("the first of one is %v", first)
	}
	olga.reg(http.StatusOK, "DELETE", "/installations/gate-keeper", nil)
	want("nothing is installed again", "gate-keeper", "badge-printer", "seat-planner")
	install(olga, "badge-printer") // check-in alone
	want("a category that one other is in", "gate-keeper")
}

// An app that is not shared is not there for other organisations.
func TestUnsharedApp(t *testing.T) {
	t.Parallel()
	s, address := serveOn(t, demonstration(), memory.New(), "")
	developer, reviewer, olga := s.as(t, address, partner), s.as(t, address, admin), s.as(t, address, organizer)
	id, _ := developer.reg(http.StatusCreated, "POST", "/apps", manifest("Ours"))["client_id"].(string)
	developer.reg(http.StatusOK, "POST", "/apps/"+id+"/submit", nil)
	reviewer.reg(http.StatusOK, "POST", "/admin/apps/"+id+"/approve", nil)
	reviewer.reg(http.StatusOK, "POST", "/admin/apps/"+id+"/publish", map[string]bool{"listed": true, "shared": false})
	if found := olga.do("GET", "/app-registry/v1/search?q=ours", nil).ids(); len(found) > 0 {
		t.Errorf("search finds %q, wanted nothing", found)
	}
	for _, id := range []string{id, "nothing"} { // one answer for both
		a := olga.do("POST", "/app-registry/v1/installations", map[string]any{"client_id": id})
		if a.status != http.StatusNotFound || a.code() != "not_found" {
			t.Errorf("installing %s: status %d, code %q; wanted 404", id, a.status, a.code())
		}
	}
}

// A read through guard, role table and envelope.
func BenchmarkListApps(b *testing.B) {
	conf := demonstration()
	conf.Keys = []string{"ES256"}
	s, address := serveOn(b, conf, memory.New(), "")
	developer := s.as(b, address, dev)
	r := httptest.NewRequest("GET", address+"/app-registry/v1/apps", nil)
	r.Header.Set("Authorization", "Bearer "+developer.token)
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatalf("status %d", w.Code)
		}
	}
}

// A write that is carried out once: two more writes than without a key.
func BenchmarkIdempotentWrite(b *testing.B) {
	conf := demonstration()
	conf.Keys = []string{"ES256"}
	s, address := serveOn(b, conf, memory.New(), "")
	developer := s.as(b, address, dev)
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		n++
		r := httptest.NewRequest("PUT", address+"/app-registry/v1/developer/profile", strings.NewReader(`{"name":"Devika"}`))
		r.Header.Set("Authorization", "Bearer "+developer.token)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", fmt.Sprint(n))
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatalf("status %d", w.Code)
		}
	}
}
