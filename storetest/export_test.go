package storetest

import (
	"slices"
	"testing"

	"github.com/oauthcore/oauthcore/store"
)

// Failing runs every rule against new stores, in a recording testing.TB, and returns the log of each that
// fails, by name, and the names of those that skip.
func Failing(t testing.TB, newStore func(testing.TB) store.Store, reopen func(testing.TB, store.Store) store.Store) (failed map[string]string, skipped []string) {
	failed = make(map[string]string)
	for _, r := range rules {
		rec := record(t, func(t testing.TB) {
			r.run(&tester{TB: t, newStore: newStore, reopen: reopen, contenders: 16})
		})
		switch {
		case rec.failed:
			failed[r.name] = rec.log.String()
		case rec.skipped:
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

// Problems returns what is wrong with waivers.
func Problems(waive map[string]string) []string { return (&Options{Waive: waive}).problems() }

// Waived runs the rule of that name as a waived one and reports whether it failed and whether it skipped.
func Waived(t testing.TB, name string, newStore func(testing.TB) store.Store) (failed, skipped bool) {
	i := slices.Index(Names(), name)
	rec := record(t, func(t testing.TB) {
		rules[i].runWaived(&tester{TB: t, newStore: newStore, contenders: 16}, "a reason")
	})
	return rec.failed, rec.skipped
}
