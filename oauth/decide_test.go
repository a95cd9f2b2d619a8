package oauth_test

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
)

// The requests of these tests ask for a scope that the app requires and one that it does not.
const (
	needed = "needed"
	extra  = "extra"
)

var (
	arrival = time.Unix(1_700_000_000, 0)

	logins = map[string]*oauth.Login{
		"nobody":         nil,
		"long before":    {Subject: "alice", Session: "1", Time: arrival.Add(-61 * time.Second)},
		"shortly before": {Subject: "alice", Session: "1", Time: arrival.Add(-60 * time.Second)},
		"just before":    {Subject: "alice", Session: "1", Time: arrival.Add(-time.Second)},
		"at arrival":     {Subject: "alice", Session: "1", Time: arrival},
		"same second":    {Subject: "alice", Session: "1", Time: arrival.Add(999 * time.Millisecond)},
		"after":          {Subject: "alice", Session: "1", Time: arrival.Add(time.Minute)},
	}

	prompts = []string{"", "none", "login", "consent", "login consent"}

	installations = map[string]*registry.Installation{
		"not needed": nil,
		"missing":    nil,
		"full":       {Allowed: []string{needed, extra, "other"}},
		"narrow":     {Allowed: []string{needed}},
		"lacking":    {Allowed: []string{extra}},
		"foreign":    {Allowed: []string{"other"}},
		"nothing":    {},
		"suspended":  {Allowed: []string{needed, extra}, Suspended: true},
		"paused":     {Allowed: []string{needed, extra}, Paused: true},
		"removed":    {Allowed: []string{needed, extra}, Removed: true},
	}

	consents = map[string]oauth.Consent{
		"never":            {},
		"all":              {Since: arrival, Scopes: []string{extra, needed, "other"}},
		"extra new":        {Since: arrival, Scopes: []string{needed}},
		"extra refused":    {Since: arrival, Scopes: []string{needed}, Refused: []string{extra}},
		"needed refused":   {Since: arrival, Scopes: []string{extra}, Refused: []string{needed}},
		"both refused":     {Since: arrival, Refused: []string{needed, extra}},
		"other only":       {Since: arrival, Scopes: []string{"other"}},
		"name changed":     {Since: arrival, Scopes: []string{needed, extra}},
		"redirect changed": {Since: arrival, Scopes: []string{needed, extra}},
	}

	kinds = map[string]registry.Manifest{
		"confidential":                   {RedirectURIs: []string{"https://app.example.com/cb"}},
		"confidential on loopback":       {RedirectURIs: []string{"http://127.0.0.1/cb"}},
		"confidential on private scheme": {RedirectURIs: []string{"com.example.app:/cb"}},
		"public":                         {RedirectURIs: []string{"https://app.example.com/cb"}, AuthMethod: "none"},
		"public on loopback":             {RedirectURIs: []string{"http://127.0.0.1/cb"}, AuthMethod: "none"},
		"public on localhost":            {RedirectURIs: []string{"http://localhost/cb"}, AuthMethod: "none"},
		"public on private scheme":       {RedirectURIs: []string{"com.example.app:/cb"}, AuthMethod: "none"},
	}
)

// signInGrid says whether a login is enough, for each prompt without max_age, and with one of a minute.
var signInGrid = map[string]string{
	//                  ""   none  login consent both | with max_age=60
	"nobody":         "page stop  page  page    page   page stop page page page",
	"long before":    "ok   ok    page  ok      page   page stop page page page",
	"shortly before": "ok   ok    page  ok      page   ok   ok   page ok   page",
	"just before":    "ok   ok    page  ok      page   ok   ok   page ok   page",
	"at arrival":     "ok   ok    ok    ok      ok     ok   ok   ok   ok   ok",
	"same second":    "ok   ok    ok    ok      ok     ok   ok   ok   ok   ok",
	"after":          "ok   ok    ok    ok      ok     ok   ok   ok   ok   ok",
}

// rule says what comes of all situations of a signed-in user that it covers. An empty field covers
// every value, and "a|b" both.
type rule struct {
	installation, prompt, posted, first, consent, kind string
	want                                               string
}

const (
	installedAll  = "not needed|full"
	installedOK   = installedAll + "|narrow"
	impersonable  = "confidential on loopback|confidential on private scheme|public on loopback|public on localhost|public on private scheme"
	identified    = "confidential|public"
	unsettled     = "never|needed refused|both refused|other only|name changed|redirect changed"
	settled       = "all|extra refused"
	asksNothing   = "|login" // of prompt: none of the values that concern consent
	asksByConsent = "consent|login consent"
)

var rules = []rule{
	// Without an installation nothing goes, whoever asks, and whatever was consented to.
	{installation: "missing|nothing|suspended|paused|removed", want: "access_denied"},
	{installation: "foreign", want: "invalid_scope"},
	{installation: "lacking", want: "access_denied"},

	// The form of a consent page comes back to it, to be approved; and prompt=consent shows it.
	{installation: installedOK, posted: "yes", want: "consent"},
	{installation: installedOK, prompt: asksByConsent, want: "consent"},

	// Else a first party is not asked about.
	{installation: installedOK, prompt: asksNothing + "|none", posted: "no", first: "yes", want: "grant"},

	// What was settled is not asked again, unless the app could be another.
	{installation: installedOK, prompt: asksNothing + "|none", posted: "no", first: "no", consent: settled, kind: identified, want: "grant"},
	{installation: installedOK, prompt: asksNothing, posted: "no", first: "no", consent: settled, kind: impersonable, want: "consent"},
	{installation: installedOK, prompt: "none", posted: "no", first: "no", consent: settled, kind: impersonable, want: "consent_required"},

	// What is not settled is asked.
	{installation: installedOK, prompt: asksNothing, posted: "no", first: "no", consent: unsettled, want: "consent"},
	{installation: installedOK, prompt: "none", posted: "no", first: "no", consent: unsettled, want: "consent_required"},

	// A new scope is asked for, but not one that the installation does not allow.
	{installation: installedAll, prompt: asksNothing, posted: "no", first: "no", consent: "extra new", want: "consent"},
	{installation: installedAll, prompt: "none", posted: "no", first: "no", consent: "extra new", want: "consent_required"},
	{installation: "narrow", prompt: asksNothing + "|none", posted: "no", first: "no", consent: "extra new", kind: identified, want: "grant"},
	{installation: "narrow", prompt: asksNothing, posted: "no", first: "no", consent: "extra new", kind: impersonable, want: "consent"},
	{installation: "narrow", prompt: "none", posted: "no", first: "no", consent: "extra new", kind: impersonable, want: "consent_required"},
}

func (r *rule) covers(installation, prompt, posted, first, consent, kind string) bool {
	has := func(set, v string) bool { return set == "" || slices.Contains(strings.Split(set, "|"), v) }
	return has(r.installation, installation) && has(r.prompt, prompt) && has(r.posted, posted) &&
		has(r.first, first) && has(r.consent, consent) && has(r.kind, kind)
}

// TestDecide goes through every combination. Each must be covered by a rule, all rules that cover one must
// agree, and a rule that covers none is an error too.
func TestDecide(t *testing.T) {
	t.Parallel()
	grid := make(map[string][]string)
	for name := range logins {
		if grid[name] = strings.Fields(signInGrid[name]); len(grid[name]) != 2*len(prompts) {
			t.Fatalf("login %q has %d cells, want %d", name, len(grid[name]), 2*len(prompts))
		}
	}
	used := make([]bool, len(rules))
	answer := []string{"yes", "no"}
	n := 0
	for p, prompt := range prompts {
		for installation := range installations {
			for _, posted := range answer {
				for _, first := range answer {
					for consent := range consents {
						for kind := range kinds {
							settled := ""
							for i, r := range rules {
								if !r.covers(installation, prompt, posted, first, consent, kind) {
									continue
								}
								if used[i] = true; settled != "" && settled != r.want {
									t.Fatalf("the rules say both %s and %s", settled, r.want)
								}
								settled = r.want
							}
							for name, login := range logins {
								for i, maxAge := range []bool{false, true} {
									n++
									want := map[string]string{"page": "sign-in", "stop": "login_required", "ok": settled}[grid[name][i*len(prompts)+p]]
									s := situation(login, prompt, maxAge, installation, posted == "yes", first == "yes", consent, kind)
									if err := checkDecision(s, want); err != nil {
										t.Fatalf("login %q, prompt %q, max_age %v, installation %q, posted %s, first party %s, consent %q, app %q: %v",
											name, prompt, maxAge, installation, posted, first, consent, kind, err)
									}
								}
							}
						}
					}
				}
			}
		}
	}
	for i, used := range used {
		if !used {
			t.Errorf("rule %d covers nothing: %+v", i, rules[i])
		}
	}
	t.Logf("%d situations", n)
}

func situation(login *oauth.Login, prompt string, maxAge bool, installation string, posted, first bool, consent, kind string) *oauth.Situation {
	app := &registry.App{ID: "app", Policy: registry.Policy{FirstParty: first}, Manifest: kinds[kind]}
	app.Manifest.Name = "App"
	app.Manifest.Scopes, app.Manifest.RequiredScopes = []string{needed, extra, "other"}, []string{needed}
	s := &oauth.Situation{App: app, Arrived: arrival, Login: login, Posted: posted,
		Installation: installations[installation], Missing: installation == "missing",
		Consent: consents[consent], ConsentTo: app.Manifest,
		Request: url.Values{"scope": {needed + " " + extra}, "redirect_uri": app.Manifest.RedirectURIs}}
	if prompt != "" {
		s.Request.Set("prompt", prompt)
	}
	if maxAge {
		s.Request.Set("max_age", "60")
	}
	switch consent {
	case "name changed":
		s.ConsentTo.Name = "Another"
	case "redirect changed":
		s.ConsentTo.RedirectURIs = append([]string{"https://other.example.com/cb"}, app.Manifest.RedirectURIs...)
	}
	return s
}

// checkDecision compares the outcome, and the scopes with what they are made of.
func checkDecision(s *oauth.Situation, want string) error {
	outcome, scopes, fresh, err := s.Decide()
	if err != nil {
		var e *oauth.Error
		if !errors.As(err, &e) {
			return err
		}
		outcome = e.Code
	}
	if outcome != want {
		return fmt.Errorf("got %s, want %s", outcome, want)
	}
	ceiling := []string{needed, extra}
	if s.Installation != nil {
		ceiling = shared(ceiling, s.Installation.Allowed)
	}
	allowed := s.Consent.Scopes
	if s.ConsentTo.Name != s.App.Manifest.Name || len(s.ConsentTo.RedirectURIs) != len(s.App.Manifest.RedirectURIs) {
		allowed = nil
	}
	var wantScopes, wantFresh []string
	switch {
	case outcome == "consent":
		wantScopes = ceiling
		wantFresh = slices.DeleteFunc(slices.Clone(ceiling), func(s string) bool { return slices.Contains(allowed, s) })
	case outcome == "grant" && s.App.Policy.FirstParty:
		wantScopes = ceiling
	case outcome == "grant":
		wantScopes = shared(ceiling, allowed)
		fresh = nil // shown to nobody
	}
	if !slices.Equal(scopes, wantScopes) || !slices.Equal(fresh, wantFresh) {
		return fmt.Errorf("got scopes %q, new %q, want %q, new %q", scopes, fresh, wantScopes, wantFresh)
	}
	return nil
}

func shared(a, b []string) (c []string) {
	for _, s := range a {
		if slices.Contains(b, s) {
			c = append(c, s)
		}
	}
	return c
}

// An app whose manifest has no scopes asks for none, and is let in or not.
func TestDecideWithoutScopes(t *testing.T) {
	t.Parallel()
	app := &registry.App{ID: "app", Manifest: registry.Manifest{Name: "App", RedirectURIs: []string{"https://app.example.com/cb"}}}
	for name, test := range map[string]struct {
		consent oauth.Consent
		want    string
	}{
		"is asked about the first time": {oauth.Consent{}, "consent"},
		"is remembered":                 {oauth.Consent{Since: arrival}, "grant"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &oauth.Situation{App: app, Arrived: arrival, Login: logins["after"], Consent: test.consent, ConsentTo: app.Manifest,
				Request: url.Values{"redirect_uri": app.Manifest.RedirectURIs}}
			got, scopes, _, err := s.Decide()
			if err != nil || got != test.want || len(scopes) != 0 {
				t.Errorf("got %s %q, %v, want %s", got, scopes, err, test.want)
			}
		})
	}
}
