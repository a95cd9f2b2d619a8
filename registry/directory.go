package registry

import (
	"context"
	"errors"
	"fmt"
)

// Query selects apps, by at most one of Owner, Category and State.
type Query struct {
	Owner    string // apps of this developer, but deleted ones
	Category string // listed apps that may be used, in this category; with none of the three set: in any
	State    State  // the queues: apps whose revision is Submitted, or Approved
	After    string // the cursor that the page before gave
	Limit    int    // at most so many; zero: 20, at most 100
}

const (
	defaultLimit = 20
	maxLimit     = 100
	maxLists     = 10 // pages of the store that one page may look at
)

// check returns every fault of q.
func (q *Query) check() error {
	var f faults
	set := 0
	for _, s := range []string{q.Owner, q.Category, string(q.State)} {
		if s != "" {
			set++
		}
	}
	if set > 1 {
		f.add("Query", errors.New("wanted at most one of Owner, Category and State"))
	}
	if q.State != "" && !isQueue(q.State) {
		f.add("Query.State", fmt.Errorf("got %.100q, wanted %q or %q", string(q.State), Submitted, Approved))
	}
	if q.Limit < 0 || q.Limit > maxLimit {
		f.add("Query.Limit", fmt.Errorf("got %d, wanted 0 to %d", q.Limit, maxLimit))
	}
	return f.join("registry: ")
}

// Apps returns a page of the apps that q selects and the cursor of the next, "" at the end. A page may be
// short, even empty, before the end. The order means nothing, but stays. An app that is selected all the
// while, in the same categories, is on exactly one page.
func (r *Registry) Apps(ctx context.Context, q Query) (apps []*App, next string, err error) {
	if err := q.check(); err != nil {
		return nil, "", err
	}
	limit := q.Limit
	if limit == 0 {
		limit = defaultLimit
	}
	next = q.After
	for range maxLists {
		var page []*App
		page, next, err = r.page(ctx, &q, next, limit-len(apps))
		if err != nil {
			return nil, "", wrap(err)
		}
		apps = append(apps, page...)
		if next == "" || len(apps) == limit {
			break
		}
	}
	return apps, next, nil
}

// page returns what q selects among the next limit records of the store.
func (r *Registry) page(ctx context.Context, q *Query, after string, limit int) (apps []*App, next string, err error) {
	if q.Owner != "" {
		rows, next, err := r.apps.List(ctx, ownerLabel(q.Owner), after, limit)
		for _, row := range rows {
			if !row.Value.Deleted {
				apps = append(apps, row.Value.app(row.Version))
			}
		}
		return apps, next, err
	}
	label := listedLabel(q.Category)
	if q.State != "" {
		label = queueLabel(q.State)
	}
	rows, next, err := r.marks.List(ctx, label, after, limit)
	if err != nil {
		return nil, "", err
	}
	borne, err := r.borne(ctx, rows, r.now())
	for _, a := range borne {
		if q.State != "" || a.Active() {
			apps = append(apps, a)
		}
	}
	return apps, next, err
}
