package platform

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
)

// Usage is what an app asked of the OAuth endpoints on one day.
type Usage struct {
	Day    string           `json:"day"`    // of UTC, as 2026-01-31
	Counts map[string]int64 `json:"counts"` // requests by endpoint and outcome: "token ok", "token invalid_grant"
}

// UsageDays is how many days back usage is kept.
const UsageDays = 30

const (
	maxPending = 10_000 // apps and days; half of them for names that strangers may have made up
	maxKinds   = 64     // of one app's day
)

// tally counts what is not stored yet. It is safe for many goroutines.
type tally struct {
	mu     sync.Mutex
	counts map[appDay]map[string]int64
}

type appDay struct{ app, day string }

// Count notes an event of the server. It does no I/O: [Platform.Flush] stores what was counted.
func (p *Platform) Count(e oauth.Event) {
	outcome := "ok"
	if e.Err != nil {
		outcome = "error"
		if refusal, ok := errors.AsType[*oauth.Error](e.Err); ok {
			outcome = refusal.Code
		}
	}
	key, kind := appDay{e.App, e.Time.UTC().Format(time.DateOnly)}, e.Endpoint+" "+outcome
	p.pending.mu.Lock()
	defer p.pending.mu.Unlock()
	most := maxPending
	if outcome == "invalid_client" || outcome == "invalid_request" { // as all are that name an app which is none
		most /= 2
	}
	p.pending.count(key, kind, 1, most)
}

// count adds to a count, unless that makes it one of more than so many. The caller holds mu.
func (t *tally) count(key appDay, kind string, n int64, most int) {
	if t.counts == nil {
		t.counts = make(map[appDay]map[string]int64)
	}
	if t.counts[key] == nil {
		if key.app == "" || len(t.counts) >= most {
			return
		}
		t.counts[key] = make(map[string]int64)
	}
	t.counts[key][kind] += n
}

// Flush stores what was counted. The counts inform and decide nothing: those since the last Flush are lost
// with the process, and those of a write without an outcome may be there twice.
func (p *Platform) Flush(ctx context.Context) error {
	return p.flush(ctx, func(string) bool { return true })
}

// flush is Flush for some apps.
func (p *Platform) flush(ctx context.Context, of func(app string) bool) error {
	t := &p.pending
	counts := make(map[appDay]map[string]int64)
	t.mu.Lock()
	for key, n := range t.counts {
		if of(key.app) {
			counts[key] = n
			delete(t.counts, key)
		}
	}
	t.mu.Unlock()
	var failed error
	for key, n := range counts {
		if err := p.add(ctx, key, n); err != nil {
			failed = err
			t.mu.Lock()
			for kind, n := range n {
				t.count(key, kind, n, maxPending)
			}
			t.mu.Unlock()
		}
	}
	return failed
}

// add stores the counts of an app that the registry has; others are names that somebody made up, or apps of
// the configuration.
func (p *Platform) add(ctx context.Context, key appDay, counts map[string]int64) error {
	if _, err := p.registry.App(ctx, key.app); err != nil {
		if errors.Is(err, registry.ErrNotFound) {
			return nil
		}
		return err
	}
	_, err := p.usage.update(ctx, hash(key.app, key.day), func(r *row[Usage]) error {
		r.value.Day = key.day
		r.expires = p.now().Add((UsageDays + 1) * 24 * time.Hour).Unix()
		all := maps.Clone(r.value.Counts)
		if all == nil {
			all = make(map[string]int64)
		}
		for kind, n := range counts {
			if _, known := all[kind]; known || len(all) < maxKinds {
				all[kind] += n
			}
		}
		r.value.Counts = all
		return nil
	})
	return err
}

// UsageOf returns what an app did in the last 30 days, the latest first, days without requests left out.
// Requests to other servers on the store show after their next [Platform.Flush], and what another call is just
// storing may be missing.
func (p *Platform) UsageOf(ctx context.Context, c Caller, id string) ([]Usage, error) {
	if _, err := p.App(ctx, c, id); err != nil {
		return nil, err
	}
	if err := p.flush(ctx, func(app string) bool { return app == id }); err != nil {
		return nil, err
	}
	today := p.now()
	ids := make([]string, UsageDays)
	for i := range ids {
		ids[i] = hash(id, today.AddDate(0, 0, -i).Format(time.DateOnly))
	}
	rows, err := p.usage.getAll(ctx, ids)
	if err != nil {
		return nil, err
	}
	all := []Usage{}
	for _, r := range rows {
		if r.version != 0 {
			all = append(all, r.value)
		}
	}
	return all, nil
}
