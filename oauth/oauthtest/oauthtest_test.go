package oauthtest_test

import (
	"net/http"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/oauth/oauthtest"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/memory"
)

func newMemory(testing.TB) store.Store { return memory.New() }

// long reports whether tests that sample should take all there is.
func long() bool { return os.Getenv("OAUTHCORE_LONG") != "" }

// TestRun serves through middleware, so that what hosts call in process is called on a server of the suite's
// own. Package oauth's tests run the whole suite on what oauth.New returns, with handles too.
func TestRun(t *testing.T) {
	oauthtest.RunSmall(t, newMemory, &oauthtest.Options{Serve: func(c oauth.Config) (http.Handler, error) {
		srv, err := oauth.New(c)
		return http.MaxBytesHandler(srv, 1<<20), err
	}})
}

// TestRunSurvivesLostAnswers cuts the connection of a request that races others: the case fails and says so,
// and neither the test nor the process ends for it.
func TestRunSurvivesLostAnswers(t *testing.T) {
	for name, cut := range map[string]func(*http.Request) bool{
		"Code/OneWinner": func(r *http.Request) bool { return r.URL.Path == "/token" },
		"Code/FormWorksOnce": func(r *http.Request) bool {
			return r.URL.Path == "/authorize" && r.Method == http.MethodPost
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := &oauthtest.Options{Serve: func(c oauth.Config) (http.Handler, error) {
				srv, err := oauth.New(c)
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if cut(r) {
						panic(http.ErrAbortHandler)
					}
					srv.ServeHTTP(w, r)
				}), err
			}}
			log := oauthtest.Failing(t, newMemory, o, func(rule string) bool { return rule == name }, func(string) {})[name]
			if !strings.Contains(log, "answered nothing: EOF") || strings.Contains(log, "panic") || credential.MatchString(log) {
				t.Errorf("the log is\n%s", log)
			}
		})
	}
}

// serving returns the options for a server that change, made once, has broken.
func serving(change func(*core, *oauth.Config)) *oauthtest.Options {
	return &oauthtest.Options{Serve: func(c oauth.Config) (http.Handler, error) { return new(core).serve(c, change) }}
}

// costly reports whether a case runs many flows.
func costly(name string) bool {
	return strings.HasPrefix(name, "Faults/") || strings.HasPrefix(name, "Meanwhile/") || strings.HasPrefix(name, "Newer/")
}

// expects returns which of the patterns of a broken core's cases matches the name, "" if none does.
func (b *broken) expects(name string) string {
	for pattern := range strings.FieldsSeq(b.fails) {
		if ok, err := path.Match(strings.TrimSuffix(pattern, "?"), name); ok && err == nil {
			return pattern
		}
	}
	return ""
}

// credential is a piece of any code, token, ticket or assertion; the keys of records are shorter.
var credential = regexp.MustCompile(`[A-Za-z0-9_-]{60}`)

// TestRunFindsBrokenCores holds the suite to failing exactly the cases that each fault breaks, and to
// saying why. That a costly case passes which the fault does not break is seen if OAUTHCORE_LONG is set.
func TestRunFindsBrokenCores(t *testing.T) {
	for _, b := range brokenCores {
		t.Run(b.fault, func(t *testing.T) {
			t.Parallel()
			found := make(map[string]bool) // patterns of which a case has failed
			failed := oauthtest.Failing(t, newMemory, serving(b.make()), func(name string) bool {
				p := b.expects(name)
				return long() || !costly(name) || p != "" && !strings.HasSuffix(p, "?") && !found[p]
			}, func(name string) { found[b.expects(name)] = true })
			for pattern := range strings.FieldsSeq(b.fails) {
				if !found[pattern] && !strings.HasSuffix(pattern, "?") {
					t.Errorf("%s passes, want it to fail", pattern)
				}
			}
			for name, log := range failed {
				if b.expects(name) == "" {
					t.Errorf("%s fails, want it to pass:\n%s", name, log)
				}
				if !strings.HasSuffix(log, "the rule: "+oauthtest.Text(name)+"\n") {
					t.Errorf("%s does not end with its rule:\n%s", name, log)
				}
				if strings.Contains(log, oauthtest.Secret) || credential.MatchString(log) {
					t.Errorf("the log of %s holds a secret or a token", name)
				}
			}
		})
	}
}

// TestRunProvesEveryCase sees that each case has a broken core of its own name, not only of its group's.
func TestRunProvesEveryCase(t *testing.T) {
	var proved []string
	for _, b := range brokenCores {
		proved = append(proved, strings.Fields(b.fails)...)
	}
	for _, name := range oauthtest.Names() {
		if !slices.Contains(proved, name) {
			t.Errorf("no broken core fails %s", name)
		}
	}
}

func TestNamesAreUnique(t *testing.T) {
	names := oauthtest.Names()
	slices.Sort(names)
	if unique := slices.Compact(slices.Clone(names)); len(unique) != len(names) {
		t.Errorf("%d names, %d of them different", len(names), len(unique))
	}
	for _, name := range names {
		if text := oauthtest.Text(name); !strings.HasSuffix(text, ".") {
			t.Errorf("the rule of %s is %q, want a sentence", name, text)
		}
	}
}
