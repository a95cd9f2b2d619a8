package attack

import (
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/registry"
)

func TestA001(t *testing.T) { run(t) }
func TestA002(t *testing.T) { run(t) }
func TestA003(t *testing.T) { run(t) }
func TestA004(t *testing.T) { run(t) }
func TestA008(t *testing.T) { run(t) }
func TestA012(t *testing.T) { run(t) }
func TestA014(t *testing.T) { run(t) }
func TestA015(t *testing.T) { run(t) }
func TestA017(t *testing.T) { run(t) }
func TestA018(t *testing.T) { run(t) }
func TestA024(t *testing.T) { run(t) }
func TestA027(t *testing.T) { run(t) }
func TestA028(t *testing.T) { run(t) }
func TestA029(t *testing.T) { run(t) }
func TestA005(t *testing.T) { run(t) }
func TestA006(t *testing.T) { run(t) }
func TestA007(t *testing.T) { run(t) }
func TestA009(t *testing.T) { run(t) }
func TestA010(t *testing.T) { run(t) }
func TestA011(t *testing.T) { run(t) }

func TestA019(t *testing.T) {
	run(t)
	w := newWorld(t)
	for _, state := range []string{"xyz", "a&code=evil", `"><script>`, `'"\`, strings.Repeat("s", 4096), "\u00e9\u4e16", "a b+c%20", "iss=x"} {
		r := w.authorizeRequest(&session{app: "web", verifier: strings.Repeat("v", 43)})
		r.params.Set("state", state)
		for name, a := range map[string]*answer{"success": w.authorize(r), "refusal": w.do(r.with("scope", "nothing"))} {
			if q := a.location(); len(q["state"]) != 1 || q.Get("state") != state || len(q["iss"]) != 1 || len(q["code"]) > 1 {
				t.Errorf("%s with the state %.20q: redirected to %.200q", name, state, a.header.Get("Location"))
			}
		}
	}
	for name, pairs := range map[string][]string{"absent": nil, "empty": {"state", ""}, "too long": {"state", strings.Repeat("s", 4097)}, "with a line break": {"state", "a\nb"}} {
		r := w.authorizeRequest(&session{app: "web", verifier: strings.Repeat("v", 43)})
		r.params.Del("state")
		a := w.do(r.with(append(pairs, "scope", "nothing")...))
		if a.location().Has("state") || !a.location().Has("error") {
			t.Errorf("%s: redirected to %.200q", name, a.header.Get("Location"))
		}
	}
}

func TestA026(t *testing.T) {
	run(t)
	for name, change := range map[string]func(*registry.App){"suspended": func(a *registry.App) { a.Suspended = true }, "deleted": func(a *registry.App) { a.Deleted = true }} {
		w := newWorld(t)
		good := w.authorizeRequest(&session{app: "web", verifier: strings.Repeat("v", 43)})
		target, cookies := w.consentPage(&session{app: "web", verifier: strings.Repeat("v", 43)})
		unknown := w.do(good.with("client_id", "nobody"))
		w.edited("web", change)
		a := w.do(good)
		shown(t, a, 400)
		if a.body != unknown.body {
			t.Errorf("%s: the page says %q, of an unknown app %q", name, a.body, unknown.body)
		}
		if mid := w.answerPage(target, cookies, nil); mid.location().Has("code") || mid.writes != 0 {
			t.Errorf("%s between the page and its form: %d %q", name, mid.status, mid.header.Get("Location"))
		}
	}
}

func TestA030(t *testing.T) {
	run(t)
	w := newWorld(t)
	w.signedIn(nil)
	r := w.authorizeRequest(&session{app: "web", verifier: strings.Repeat("v", 43)})
	if a := w.do(r.with("prompt", "none")); a.location().Get("error") != "login_required" || a.writes != 0 {
		t.Errorf("with nobody signed in: %d %q", a.status, a.header.Get("Location"))
	}
}
