package storetest

import (
	"context"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/internal/recorder"
	"github.com/oauthcore/oauthcore/store"
)

// small is a scale at which a hundred broken stores can be tried. sleep is what cases do that wait.
func small(sleep func(time.Duration)) scale {
	return scale{contenders: 16, writes: 100, calls: 500, load: 10 * time.Millisecond, patience: 2 * time.Second, sleep: sleep}
}

// Failing runs every rule at a small scale against new stores, in a recording testing.TB, and returns the log
// of each that fails, by name, and the names of those that skip.
func Failing(t testing.TB, newStore func(testing.TB) store.Store, o *Options, sleep func(time.Duration)) (failed map[string]string, skipped []string) {
	failed = make(map[string]string)
	for _, r := range rules {
		if r.network && o.Dial == nil {
			continue
		}
		out := recorder.Record(t, func(t testing.TB) {
			r.run(&tester{TB: t, newStore: newStore, o: o, scale: small(sleep)})
		})
		switch {
		case out.Failed:
			failed[r.name] = out.Log
		case out.Skipped:
			skipped = append(skipped, r.name)
		}
	}
	return failed, skipped
}

// Names returns the names of the rules, and Text the sentence of one.
func Names() (names []string) {
	for _, r := range rules {
		names = append(names, r.name)
	}
	return names
}

func Text(name string) string {
	for _, r := range rules {
		if r.name == name {
			return r.text
		}
	}
	return ""
}

// LosingReply returns the dial of a proxy that loses the reply to the first request, and what ends the proxy and
// reports whether it did.
func LosingReply() (dial func(ctx context.Context, network, addr string) (net.Conn, error), end func() (struck bool)) {
	p := newProxy()
	p.arm(loseReply, 1)
	return p.dial, func() bool {
		defer p.close()
		return p.disarm()
	}
}

// Problems returns what is wrong with waivers.
func Problems(waive map[string]string) []string { return (&Options{Waive: waive}).problems() }

// Waived runs the rule of that name as a waived one and reports whether it failed and whether it skipped.
func Waived(t testing.TB, name string, newStore func(testing.TB) store.Store) (failed, skipped bool) {
	i := slices.Index(Names(), name)
	out := recorder.Record(t, func(t testing.TB) {
		rules[i].runWaived(&tester{TB: t, newStore: newStore, o: new(Options), scale: small(time.Sleep)}, "a reason")
	})
	return out.Failed, out.Skipped
}
