package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/oauth/resource"
)

// maxLines bounds each table of the report, which strangers can add lines to. What comes after is counted
// in a last line, whose address is empty.
const maxLines = 1000

// activity counts what operators are told to watch: how much is asked, which authentications fail, and from
// which addresses an app is not expected. It counts from the start of the program and is safe for many
// goroutines.
//
// An address is that of the connection. Behind a proxy, which connects for everyone, it would have to be read
// from what the proxy says.
type activity struct {
	expected map[string][]netip.Prefix
	now      func() time.Time
	since    time.Time

	mu         sync.Mutex
	tokens     map[string]int // by app
	calls      map[string]int // of the API, by app
	failed     int            // authentications
	refusals   map[line]seen
	unexpected map[line]seen
}

// line is what a line of a table is about.
type line struct {
	where, app, why string
	from            netip.Addr
}

type seen struct {
	times int
	last  time.Time
}

func newActivity(expected map[string][]netip.Prefix, now func() time.Time) *activity {
	return &activity{
		expected: expected, now: now, since: now(),
		tokens: make(map[string]int), calls: make(map[string]int),
		refusals: make(map[line]seen), unexpected: make(map[line]seen),
	}
}

// observe counts an event of the authorization server.
func (a *activity) observe(e oauth.Event) {
	if e.Remote == "" {
		return // not a request
	}
	from := addr(e.Remote)
	a.mu.Lock()
	defer a.mu.Unlock()
	if e.Err != nil {
		why := "error"
		if refusal, ok := errors.AsType[*oauth.Error](e.Err); ok {
			why = refusal.Code
		}
		app := e.App
		if _, known := a.expected[app]; !known {
			app = "" // a name that a stranger made up
		}
		a.refuse(line{e.Endpoint, app, why, from})
		return
	}
	if e.Endpoint == "token" {
		a.tokens[e.App]++
		a.place(e.App, e.Endpoint, from)
	}
}

// count counts the calls that the guard let through to h.
func (a *activity) count(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		app := resource.Claims(r.Context()).ClientID
		a.mu.Lock()
		a.calls[app]++
		a.place(app, r.URL.Path, addr(r.RemoteAddr))
		a.mu.Unlock()
		h.ServeHTTP(w, r)
	})
}

// refused counts a call that the guard refused. Whose it was is not known: nothing of its token is proven.
func (a *activity) refused(r *http.Request, e *resource.Error) {
	why := e.Code
	if why == "" {
		why = noToken
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refuse(line{r.URL.Path, "", why, addr(r.RemoteAddr)})
}

const noToken = "no token"

// authentication are the refusals that say that someone did not prove who they are.
var authentication = []string{"invalid_client", "invalid_token", noToken}

func (a *activity) refuse(l line) {
	if slices.Contains(authentication, l.why) {
		a.failed++
	}
	a.add(a.refusals, l)
}

// place notes where an app was seen, if it is not expected there. Its secret or its token was good: if it is
// not the app's new home, someone else has it.
func (a *activity) place(app, where string, from netip.Addr) {
	if !slices.ContainsFunc(a.expected[app], func(p netip.Prefix) bool { return p.Contains(from) }) {
		a.add(a.unexpected, line{where: where, app: app, from: from})
	}
}

func (a *activity) add(to map[line]seen, l line) {
	if _, ok := to[l]; !ok && len(to) >= maxLines {
		l = line{}
	}
	to[l] = seen{to[l].times + 1, a.now()}
}

// addr is the address of a host and port, the zero Addr if there is none.
func addr(remote string) netip.Addr {
	ap, _ := netip.ParseAddrPort(remote)
	return ap.Addr().Unmap()
}

// print writes the report, once it is whole: a reader that is slow holds up nobody else.
func (a *activity) print(w io.Writer) error {
	_, err := w.Write(a.report())
	return err
}

func (a *activity) report() []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	var b bytes.Buffer
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "Activity since %s\n\n", a.since.UTC().Format(time.RFC3339))
	fmt.Fprintln(t, "app\ttokens\tcalls")
	for _, app := range slices.Sorted(maps.Keys(a.expected)) {
		fmt.Fprintf(t, "%s\t%d\t%d\n", app, a.tokens[app], a.calls[app])
	}
	fmt.Fprintf(t, "\nFailed authentications: %d\n", a.failed)
	table(t, "Refused requests", a.refusals)
	table(t, "Unexpected addresses", a.unexpected)
	t.Flush()
	return b.Bytes()
}

// table writes one of the tables, the most frequent first.
func table(w io.Writer, title string, lines map[line]seen) {
	fmt.Fprintf(w, "\n%s: %d\n", title, len(lines))
	if len(lines) == 0 {
		return
	}
	fmt.Fprintln(w, "times\tlast\tfrom\twhere\tapp\twhy")
	for _, l := range slices.SortedFunc(maps.Keys(lines), func(x, y line) int {
		return cmp.Or(
			cmp.Compare(lines[y].times, lines[x].times), x.from.Compare(y.from),
			cmp.Compare(x.where, y.where), cmp.Compare(x.app, y.app), cmp.Compare(x.why, y.why),
		)
	}) {
		from := "others"
		if l.from.IsValid() {
			from = l.from.String()
		}
		s := lines[l]
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\n", s.times, s.last.UTC().Format(time.RFC3339), from, l.where, cmp.Or(l.app, "-"), cmp.Or(l.why, "-"))
	}
}
