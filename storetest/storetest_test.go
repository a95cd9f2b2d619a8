package storetest_test

import (
	"net"
	"slices"
	"strings"
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
func checkFailing(t *testing.T, newStore func(testing.TB) store.Store, o *storetest.Options, sleep func(time.Duration), fails string) {
	t.Helper()
	got, _ := storetest.Failing(t, newStore, o, sleep)
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
			t.Parallel()
			clock := new(clock)
			checkFailing(t, func(testing.TB) store.Store {
				b := &broken{plain: newPlain(), clock: clock}
				m.make(b)
				return b
			}, &storetest.Options{Reopen: sameHandle}, clock.sleep, m.fails)
		})
	}
	for _, m := range handleMutants {
		t.Run(m.fault, func(t *testing.T) {
			t.Parallel()
			newStore, o := m.make()
			checkFailing(t, newStore, o, new(clock).sleep, m.fails)
		})
	}
}

func TestRunProvesEveryCase(t *testing.T) {
	proved := " "
	for _, m := range mutants {
		proved += m.fails + " "
	}
	for _, m := range handleMutants {
		proved += m.fails + " "
	}
	for _, m := range wireMutants {
		proved += m.fails + " "
	}
	for _, name := range storetest.Names() {
		if !strings.Contains(proved, " "+name+" ") {
			t.Errorf("no broken store fails %s", name)
		}
	}
}

func TestOptions(t *testing.T) {
	t.Run("without Reopen the cases of two handles are skipped", func(t *testing.T) {
		failed, skipped := storetest.Failing(t, newPlainStore, new(storetest.Options), new(clock).sleep)
		if want := []string{"Handles/SeeWritesAtOnce", "Handles/OneWinner"}; len(failed) > 0 || !slices.Equal(skipped, want) {
			t.Errorf("failed %v, skipped %q, want only %q skipped", failed, skipped, want)
		}
	})
	t.Run("a Dial that does not use its dial fails the cases about a network", func(t *testing.T) {
		checkFailing(t, connect, &storetest.Options{
			Reopen: sameHandle,
			Dial: func(t testing.TB, s store.Store, _ dialer) store.Store {
				return connected(t, s, new(net.Dialer).DialContext, fault{})
			},
		}, new(clock).sleep, `Handles/ClosedIsAnError Network/DeadlineHolds Network/OutageIsAnError Network/RequestLost Network/ReplyLost Network/CancelledCall`)
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
