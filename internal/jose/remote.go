package jose

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/oauthcore/oauthcore/internal/fetch"
)

const (
	minFresh     = time.Minute // whatever the server says, a set is used this long
	maxFresh     = time.Hour   // and no longer without asking again
	defaultFresh = 5 * time.Minute

	// While the server cannot be reached the last set serves for this long.
	maxStale = 24 * time.Hour

	// An attempt is at least so long after the one before it: with a set in hand, and without.
	cooldown     = 30 * time.Second
	coldCooldown = time.Second
)

// Remote is a key set that is fetched when it is first needed and again when it has aged, or when a token
// names a key that is not in it. It is safe for many goroutines.
//
// At most one fetch is in flight, in a goroutine of its own that ends within [fetch.Timeout]: it serves all who
// wait, so no caller's cancellation may end it. An unknown kid causes a fetch at most every 30 seconds. While
// fetches fail the last set keeps serving, up to 24 hours, and nobody waits for one; after that the set is gone.
type Remote struct {
	load func(ctx context.Context) (*fetch.Document, error)
	now  func() time.Time

	mu      sync.Mutex
	set     *Set // nil: none yet
	sum     [sha256.Size]byte
	fetched time.Time     // when set was last confirmed
	fresh   time.Time     // set is not questioned before
	tried   time.Time     // when the last attempt ended
	err     error         // of the last attempt
	flight  chan struct{} // closed when the attempt in flight ends; nil: none is
}

// NewRemote returns the set at a URI that [fetch.CheckURI] allows. It does no network traffic. now may be nil,
// for time.Now.
func NewRemote(uri string, client *fetch.Client, now func() time.Time) *Remote {
	return newRemote(now, func(ctx context.Context) (*fetch.Document, error) {
		return client.Get(ctx, uri, MaxSetSize)
	})
}

func newRemote(now func() time.Time, load func(context.Context) (*fetch.Document, error)) *Remote {
	if now == nil {
		now = time.Now
	}
	return &Remote{load: load, now: now}
}

// Verify checks j as [Set.Verify] does. An error that is not [ErrInvalid] means that the keys could not be
// had, or that kid is unknown and nobody could be asked whether it is new.
func (r *Remote) Verify(ctx context.Context, j *JWS, algs []string) error {
	_, err := r.Find(ctx, j, algs)
	return err
}

// Find is Verify and returns the set that the key was found in. As long as the document does not change,
// the set is the same.
func (r *Remote) Find(ctx context.Context, j *JWS, algs []string) (*Set, error) {
	set, err := r.Current(ctx)
	if err != nil {
		return nil, err
	}
	if err = set.Verify(j, algs); err != errKey {
		return set, err
	}
	if set, err = r.renew(ctx, set); err != nil {
		return nil, err
	}
	return set, set.Verify(j, algs)
}

// Current returns the set as of now, fetching it first if it is too old.
func (r *Remote) Current(ctx context.Context) (*Set, error) {
	r.mu.Lock()
	now := r.now()
	set := r.usable(now)
	if set != nil && now.Before(r.fresh) {
		r.mu.Unlock()
		return set, nil
	}
	flight := r.start(ctx, now)
	// Once the server is known to be down, those with an old set do not wait to hear it again.
	if flight == nil || set != nil && r.err != nil {
		defer r.mu.Unlock()
		return r.outcome(now)
	}
	r.mu.Unlock()
	if err := wait(ctx, flight); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.outcome(r.now())
}

// renew returns a set that is newer than old, in which a key was missing.
func (r *Remote) renew(ctx context.Context, old *Set) (*Set, error) {
	r.mu.Lock()
	now := r.now()
	if r.set != old {
		defer r.mu.Unlock()
		return r.outcome(now)
	}
	if flight := r.start(ctx, now); flight != nil {
		r.mu.Unlock()
		if err := wait(ctx, flight); err != nil {
			return nil, err
		}
		r.mu.Lock()
	}
	defer r.mu.Unlock()
	// An old set says nothing about a key that may be new.
	if r.err != nil {
		return nil, r.err
	}
	return r.outcome(r.now())
}

// start returns the flight that is on its way or that it starts, and nil if it is too early for one.
func (r *Remote) start(ctx context.Context, now time.Time) chan struct{} {
	if r.flight != nil {
		return r.flight
	}
	pause := cooldown
	if r.set == nil {
		pause = coldCooldown
	}
	// A negative age is a clock that was set back; it must not keep us from asking.
	if age := now.Sub(r.tried); age >= 0 && age < pause {
		return nil
	}
	r.flight = make(chan struct{})
	go r.attempt(context.WithoutCancel(ctx), r.flight)
	return r.flight
}

// attempt fetches the set once and settles the outcome.
func (r *Remote) attempt(ctx context.Context, flight chan struct{}) {
	ctx, cancel := context.WithTimeout(ctx, fetch.Timeout)
	defer cancel()
	doc, err := r.load(ctx)
	var set *Set
	var sum [sha256.Size]byte
	if err == nil {
		sum = sha256.Sum256(doc.Body)
		if set, err = ParseSet(doc.Body); err != nil {
			// Not good is the document, not the token: %v keeps ErrInvalid out.
			err = fmt.Errorf("key set: %v", err)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	r.tried, r.err, r.flight = now, err, nil
	if err == nil {
		if r.set == nil || r.sum != sum {
			r.set, r.sum = set, sum
		}
		r.fetched, r.fresh = now, now.Add(lifetime(doc.MaxAge))
	}
	close(flight)
}

func lifetime(maxAge time.Duration) time.Duration {
	if maxAge < 0 {
		return defaultFresh
	}
	return min(max(maxAge, minFresh), maxFresh)
}

// usable returns the set unless it is too stale to serve.
func (r *Remote) usable(now time.Time) *Set {
	if r.set == nil || now.Sub(r.fetched) > maxStale {
		return nil
	}
	return r.set
}

func (r *Remote) outcome(now time.Time) (*Set, error) {
	if set := r.usable(now); set != nil {
		return set, nil
	}
	if r.err != nil {
		return nil, r.err
	}
	return nil, errors.New("key set: too old, and it is too early to ask again")
}

func wait(ctx context.Context, flight chan struct{}) error {
	select {
	case <-flight:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
