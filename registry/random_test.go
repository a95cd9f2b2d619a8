package registry_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/registry"
)

// Random sequences of transitions by random actors never break what must always hold.
func TestAppRandomTransitions(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	var actors []registry.Actor
	for _, name := range []string{"nobody", "owner", "colleague", "namesake", "staff", "rita", "author", "staffowner", "staffnamesake"} {
		actors = append(actors, appActors[name])
	}
	for range 100 {
		a := &registry.App{ID: "seats", Owner: "dev", Tenant: "t1"}
		var plains []string
		var authors []string // who had a hand in the revision there is
		approver, now := "", start
		var log []string
		for n := range 200 {
			before := clone(a)
			by := actors[rnd.IntN(len(actors))]
			now = now.Add(time.Duration(rnd.IntN(12)) * time.Hour)
			var err error
			var did string
			switch rnd.IntN(22) {
			default:
				m := valid()
				m.Name = fmt.Sprint("Name ", n)
				if did, err = "Propose", a.Propose(by, m); err == nil {
					authors = []string{by.Subject}
				}
			case 3, 4, 5:
				did, err = "Submit", a.Submit(by)
			case 6:
				did, err = "Claim", a.Claim(by)
			case 7, 8, 9, 10:
				if did, err = "Review", a.Review(by, rnd.IntN(3) > 0, "note"); err == nil {
					approver = by.Subject
				}
			case 11, 12:
				did, err = "Publish", a.Publish(by)
			case 13:
				did, err = "Withdraw", a.Withdraw(by)
			case 14, 15:
				did, err = "Halt", a.Halt(by, rnd.IntN(2) == 0)
			case 16:
				did, err = "EndGrants", a.EndGrants(by)
			case 17, 18:
				plain, s := registry.NewSecret(now)
				if did, err = "AddSecret", a.AddSecret(by, s, time.Duration(rnd.IntN(48)-8)*time.Hour); err == nil {
					plains = append(plains, plain)
				}
			case 19:
				if len(a.Secrets) > 0 {
					did, err = "RemoveSecret", a.RemoveSecret(by, a.Secrets[rnd.IntN(len(a.Secrets))].ID, now)
				}
			case 20:
				if rnd.IntN(40) == 0 {
					did, err = "Delete", a.Delete(by)
				}
			}
			log = append(log, fmt.Sprintf("%s by %+v: %v", did, by, err))
			fail := func(what string) {
				t.Helper()
				t.Fatalf("seed %d: %s after\n%s", seed, what, log)
			}
			if err != nil && !reflect.DeepEqual(before, a) {
				fail("a refusal changed the app")
			}
			if a.Epoch < before.Epoch {
				fail("the epoch went back")
			}
			if before.Deleted && (err == nil && did != "" || !a.Deleted) {
				fail("a deleted app changed")
			}
			usable := 0
			for _, p := range plains {
				if _, ok := a.CheckSecret(p, now); ok {
					usable++
				}
			}
			if usable > 2 || a.Deleted && usable > 0 {
				fail(fmt.Sprintf("%d secrets are usable", usable))
			}
			if before.Manifest.Name != a.Manifest.Name {
				if did != "Publish" || approver == "dev" || slices.Contains(authors, approver) {
					fail("a manifest went live that nobody else approved")
				}
			}
			if a.Suspended != before.Suspended && (!by.Staff || by.Subject == "dev") {
				fail("one who is not the platform, or owns the app, changed its suspension")
			}
		}
	}
}
