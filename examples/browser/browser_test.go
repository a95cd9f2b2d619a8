package browser_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// The pair of RFC 7636, Appendix B.
const (
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

const password = "correct horse" // of everyone

// app is a site that users sign in to. Its host name is not the server's, so that to the browser it is
// another site, not only another origin.
type app struct {
	site    string // https://localhost:port
	server  string // the issuer, once it is known
	id      string // client_id
	arrived chan url.Values
}

func startApp(t *testing.T) *app {
	t.Helper()
	a := &app{id: "web", arrived: make(chan url.Values, 1)}
	ts := httptest.NewTLSServer(a)
	t.Cleanup(ts.Close)
	a.site = strings.Replace(ts.URL, "127.0.0.1", "localhost", 1)
	return a
}

// ServeHTTP shows links that start a sign-in, and takes what comes back.
func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	switch r.URL.Path {
	case "/callback":
		a.arrived <- r.URL.Query()
		fmt.Fprint(w, `<!DOCTYPE html><title>App</title><p id="arrived">You are back.`)
	case "/":
		request := url.Values{"response_type": {"code"}, "client_id": {a.id}, "redirect_uri": {a.site + "/callback"},
			"scope": {"read:events write:events"}, "state": {"s1"}, "code_challenge": {challenge}, "code_challenge_method": {"S256"}}
		link := a.server + "/app-registry/v1/oauth/authorize?" + request.Encode()
		fmt.Fprintf(w, `<!DOCTYPE html><title>App</title><a id="sign-in" href="%s">Sign in</a> <a id="ask-again" href="%s">Ask again</a>`,
			link, link+"&prompt=consent")
	default:
		w.WriteHeader(http.StatusNoContent) // the icon that browsers ask for
	}
}

// startServer runs examples/appregistry for the app until the test ends, and returns the issuer.
func startServer(t *testing.T, site string) string {
	t.Helper()
	dir := t.TempDir()
	program, file := filepath.Join(dir, "appregistry"), filepath.Join(dir, "config.json")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir = filepath.Join("..", "appregistry")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the server: %v\n%s", err, out)
	}
	config, err := json.Marshal(map[string]any{
		"users": []map[string]any{
			{"email": "ada@example.com", "password": password, "name": "Ada", "roles": []string{"organizer"}},
			{"email": "dev@example.com", "password": password, "name": "Devika Developer", "tenant": "makers", "roles": []string{"developer"}},
			{"email": "admin@example.com", "password": password, "name": "Ada Admin", "tenant": "platform", "roles": []string{"admin"}},
			{"email": "olga@example.com", "password": password, "name": "Olga Organizer", "tenant": "festival", "roles": []string{"organizer"}},
		},
		"apps": []map[string]any{{"id": "web", "name": "My Site", "secret": "not used here",
			"redirect_uris": []string{site + "/callback"}, "scopes": []string{"read:events", "write:events"}}},
		"scopes": map[string]string{"read:events": "See your events", "write:events": "Create and change events"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, config, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-addr", "127.0.0.1:0", "-config", file)
	cmd.Stderr = t.Output()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	issuer, ok := strings.CutPrefix(strings.TrimSpace(line), "Listening on ")
	if !ok {
		t.Fatalf("the server printed %q, %v; wanted its address", line, err)
	}
	return issuer
}

// browser is a tab of Chromium.
type browser struct {
	ctx      context.Context
	messages func() (chromedp.ConsoleMessage, error, bool)
	policies policies
}

// startBrowser runs Chromium with a fresh profile until the test ends.
func startBrowser(t *testing.T) *browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		if strings.Contains(os.Getenv("OAUTHCORE_REQUIRE"), "chromium") {
			t.Fatal("OAUTHCORE_REQUIRE names chromium, which is not installed")
		}
		t.Skip("Chromium is not installed")
	}
	ctx, cancel := chromedp.NewExecAllocator(t.Context(),
		chromedp.ExecPath(path),
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("ignore-certificate-errors", true),
	)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(360, 640)); err != nil {
		t.Fatalf("starting %s: %v", path, err)
	}
	next, stop := iter.Pull2(chromedp.Console(ctx))
	t.Cleanup(stop)
	b := &browser{ctx: ctx, messages: next, policies: policies{pages: make(map[string][]string)}}
	if err := b.policies.watch(ctx); err != nil {
		t.Fatal(err)
	}
	return b
}

// do runs the steps.
func (b *browser) do(t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		path := value[string](t, b, `location.pathname`)
		b.quiet(t)
		t.Fatalf("at %s: %v", path, err)
	}
}

// value evaluates an expression in the page.
func value[T any](t *testing.T, b *browser, expression string) T {
	t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// quiet checks that the browser had nothing to say against the pages it has shown, but for those with
// these statuses: no script that failed, no request that failed, no policy that was broken; and that each has
// a policy to break.
func (b *browser) quiet(t *testing.T, statuses ...int) {
	t.Helper()
	b.policies.check(t)
	const mark = "all has been read"
	value[any](t, b, `console.log("`+mark+`")`)
	for {
		m, err, ok := b.messages()
		switch {
		case err != nil || !ok:
			t.Fatalf("reading what the browser says: %v", err)
		case m.Text == mark:
			if len(statuses) > 0 {
				t.Errorf("the browser was shown no page of status %d", statuses[0])
			}
			return
		case len(statuses) > 0 && strings.Contains(m.Text, fmt.Sprintf("the server responded with a status of %d ", statuses[0])):
			statuses = statuses[1:]
			continue
		}
		t.Errorf("the browser says %s", m)
	}
}

// arrives waits for the app's page and returns what the app was given.
func (b *browser) arrives(t *testing.T, a *app) url.Values {
	t.Helper()
	b.do(t, chromedp.WaitVisible("#arrived"))
	q := <-a.arrived
	if q.Get("state") != "s1" || q.Get("iss") != a.server {
		t.Errorf("the app is given state %q and iss %q, wanted %q and %q", q.Get("state"), q.Get("iss"), "s1", a.server)
	}
	return q
}

// No sub-test starts anew: the browser keeps what it was given.
func TestSignIn(t *testing.T) {
	b := startBrowser(t)
	a := startApp(t)
	a.server = startServer(t, a.site)

	t.Run("a user signs in and allows", func(t *testing.T) {
		b.do(t, chromedp.Navigate(a.site), chromedp.Click("#sign-in"), chromedp.WaitVisible("#password"))
		b.look(t, "consent-sign-in")
		b.do(t, chromedp.SendKeys("#email", "ada@example.com"), chromedp.SendKeys("#password", "wrong"),
			chromedp.Click("button.main"), chromedp.WaitVisible(".error"))
		b.look(t, "consent-sign-in-wrong")
		b.do(t, chromedp.SendKeys("#password", password), chromedp.Click("button.main"), chromedp.WaitVisible("#permissions"))
		b.look(t, "consent-own")
		b.do(t, chromedp.Click("#scope-1"), chromedp.Click(`button[value="allow"]`))
		if q := b.arrives(t, a); q.Get("code") == "" {
			t.Errorf("the app is given error %q, wanted a code", q.Get("error"))
		}
		b.quiet(t, http.StatusUnauthorized)
	})
	t.Run("the same user is sent straight on", func(t *testing.T) {
		b.do(t, chromedp.Navigate(a.site), chromedp.Click("#sign-in"))
		if q := b.arrives(t, a); q.Get("code") == "" {
			t.Errorf("the app is given error %q, wanted a code", q.Get("error"))
		}
		b.quiet(t)
	})
	t.Run("a user denies by keyboard", func(t *testing.T) {
		b.do(t, chromedp.Navigate(a.site), chromedp.Click("#ask-again"), chromedp.WaitVisible("#permissions"))
		b.typeAt(t, `button[value="deny"]`, kb.Enter)
		if q := b.arrives(t, a); q.Get("error") != "access_denied" || q.Has("code") {
			t.Errorf("the app is given error %q and a code %t, wanted access_denied and none", q.Get("error"), q.Has("code"))
		}
		b.quiet(t)
	})
}
