package storetest_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/storetest"
)

func newPlainStore(testing.TB) store.Store { return newPlain() }

func sameHandle(_ testing.TB, s store.Store) store.Store { return s }

func later(seconds int64) int64 { return time.Now().Unix() + seconds }

// checkFailing holds the suite to failing exactly the cases in fails, and to saying why.
func checkFailing(t *testing.T, newStore func(testing.TB) store.Store, reopen func(testing.TB, store.Store) store.Store, fails string) {
	t.Helper()
	got, _ := storetest.Failing(t, newStore, reopen)
	for want := range strings.FieldsSeq(fails) {
		name, maybe := strings.CutSuffix(want, "?")
		if name == "..." {
			clear(got)
			break
		}
		if !slices.Contains(storetest.Names(), name) {
			t.Errorf("there is no case %s", name)
		}
		log, failed := got[name]
		if !failed && !maybe {
			t.Errorf("%s passes, want it to fail", name)
		}
		if failed && !strings.HasSuffix(log, "the rule: "+storetest.Text(name)+"\n") {
			t.Errorf("%s does not end with its rule:\n%s", name, log)
		}
		delete(got, name)
	}
	for name, log := range got {
		t.Errorf("%s fails, want it to pass:\n%s", name, log)
	}
}

func TestRun(t *testing.T) {
	storetest.Run(t, newPlainStore, &storetest.Options{Reopen: sameHandle})
}

func TestRunFindsBrokenStores(t *testing.T) {
	for _, m := range mutants {
		t.Run(m.fault, func(t *testing.T) {
			newStore := func(testing.TB) store.Store {
				b := &broken{plain: newPlain()}
				m.make(b)
				return b
			}
			checkFailing(t, newStore, sameHandle, m.fails)
		})
	}
	t.Run("two stores are one", func(t *testing.T) {
		var mu sync.Mutex
		stores := make(map[testing.TB]store.Store)
		checkFailing(t, func(t testing.TB) store.Store {
			mu.Lock()
			defer mu.Unlock()
			if stores[t] == nil {
				stores[t] = newPlain()
			}
			return stores[t]
		}, sameHandle, `Stores/AreApart`)
	})
	t.Run("a second handle reads what was there a write ago", func(t *testing.T) {
		checkFailing(t, newPlainStore, func(_ testing.TB, s store.Store) store.Store {
			b := &broken{plain: s.(*plain)}
			replica := newPlain()
			b.get = func(ctx context.Context, keys ...string) ([]store.Record, error) {
				rs, err := replica.Get(ctx, keys...)
				for _, k := range keys {
					if r, ok := b.peek(k); ok {
						replica.set(r)
					}
				}
				return rs, err
			}
			return b
		}, `Handles/SeeWritesAtOnce`)
	})
	t.Run("a second handle has a lock of its own", func(t *testing.T) {
		looksFirst := mutants[slices.IndexFunc(mutants, func(m mutant) bool { return m.fault == "Swap compares and writes in two steps" })]
		checkFailing(t, newPlainStore, func(_ testing.TB, s store.Store) store.Store {
			b := &broken{plain: s.(*plain)}
			looksFirst.make(b)
			return b
		}, `Handles/OneWinner`)
	})
}

func TestRunProvesEveryCase(t *testing.T) {
	proved := "Stores/AreApart Handles/SeeWritesAtOnce Handles/OneWinner "
	for _, m := range mutants {
		proved += m.fails + " "
	}
	for _, name := range storetest.Names() {
		if !strings.Contains(" "+proved, name+" ") {
			t.Errorf("no broken store fails %s", name)
		}
	}
}

func TestOptions(t *testing.T) {
	t.Run("without Reopen the cases of two handles are skipped", func(t *testing.T) {
		failed, skipped := storetest.Failing(t, newPlainStore, nil)
		if want := []string{"Handles/SeeWritesAtOnce", "Handles/OneWinner"}; len(failed) > 0 || !slices.Equal(skipped, want) {
			t.Errorf("failed %v, skipped %q, want only %q skipped", failed, skipped, want)
		}
	})
	t.Run("a waiver must name a case that can be waived, and give a reason", func(t *testing.T) {
		got := storetest.Problems(map[string]string{
			"Key/NoSuchCase":       "a reason",
			"Swap/OneWinner":       "a reason",
			"Value/NUL":            "",
			"Value/InvalidUTF8":    "a reason",
			"Key/LongestIsKept":    "a reason",
			"Create/ExistsNowhere": "",
		})
		want := []string{
			"waiver of Create/ExistsNowhere: there is no such case",
			"waiver of Key/NoSuchCase: there is no such case",
			"waiver of Swap/OneWinner: this case cannot be waived",
			"waiver of Value/NUL: it gives no reason",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("problems (-want +got):\n%s", diff)
		}
	})
	t.Run("a waived case that fails is skipped, and one that passes fails", func(t *testing.T) {
		cut := func(testing.TB) store.Store {
			b := &broken{plain: newPlain()}
			b.values(func(v []byte) []byte { return v[:min(len(v), 65535)] })
			return b
		}
		if failed, skipped := storetest.Waived(t, "Value/Longest", cut); failed || !skipped {
			t.Errorf("a waived case that fails: failed %v, skipped %v, want it skipped", failed, skipped)
		}
		if failed, skipped := storetest.Waived(t, "Value/NUL", cut); !failed || skipped {
			t.Errorf("a waived case that passes: failed %v, skipped %v, want it failed", failed, skipped)
		}
	})
}

func TestNamesAreUnique(t *testing.T) {
	names := storetest.Names()
	slices.Sort(names)
	if unique := slices.Compact(slices.Clone(names)); len(unique) != len(names) {
		t.Errorf("%d names, %d of them different", len(names), len(unique))
	}
	for _, name := range names {
		if text := storetest.Text(name); !strings.HasSuffix(text, ".") {
			t.Errorf("the rule of %s is %q, want a sentence", name, text)
		}
	}
}
