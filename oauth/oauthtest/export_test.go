package oauthtest

import (
	"testing"

	"github.com/oauthcore/oauthcore/internal/recorder"
	"github.com/oauthcore/oauthcore/store"
)

// Secret is that of every app.
const Secret = secret

var small = scale{rounds: 2, contenders: 8, pairs: 4, brief: true}

// Failing runs those rules that wants is true for, on a small scale, in a recording testing.TB, and returns
// the log of each that fails, by name, having told failed of it.
func Failing(t testing.TB, newStore func(testing.TB) store.Store, o *Options, wants func(name string) bool, failed func(name string)) map[string]string {
	logs := make(map[string]string)
	for _, r := range rules {
		if !wants(r.name) {
			continue
		}
		rec := recorder.Record(t, func(t testing.TB) {
			r.run(t, newStore, o, small)
		})
		if rec.Failed {
			logs[r.name] = rec.Log
			failed(r.name)
		}
	}
	return logs
}

// RunSmall is Run on the scale of Failing.
func RunSmall(t *testing.T, newStore func(testing.TB) store.Store, o *Options) {
	runAll(t, newStore, o, small)
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
