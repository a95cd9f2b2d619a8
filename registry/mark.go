package registry

import (
	"context"
	"slices"
	"time"

	"github.com/oauthcore/oauthcore/internal/table"
)

// mark is a record that makes an app findable. Its key says which app and by what, and so determines its
// labels, which never change. It is a hint: whether it holds is read from the app.
type mark struct {
	App    string    `json:"app"`
	Raised time.Time `json:"raised"`
}

// grace is how long a mark is left alone that its app does not bear out: the app's write may be under way.
const grace = time.Hour

// marks returns what makes a findable, as absent rows.
func (a *App) marks() []table.Row[mark] {
	var rows []table.Row[mark]
	if a.Listed && !a.Deleted && !a.Manifest.empty() {
		categories := slices.Sorted(slices.Values(a.Manifest.Categories))
		labels := []string{listedLabel("")}
		for _, c := range categories {
			labels = append(labels, listedLabel(c))
		}
		rows = append(rows, table.Row[mark]{
			ID:     table.Hash(append([]string{"listed", a.ID}, categories...)...),
			Labels: labels,
			Value:  mark{App: a.ID},
		})
	}
	if a.Revision != nil && isQueue(a.Revision.State) {
		rows = append(rows, table.Row[mark]{
			ID:     table.Hash("queue", a.ID, string(a.Revision.State)),
			Labels: []string{queueLabel(a.Revision.State)},
			Value:  mark{App: a.ID},
		})
	}
	return rows
}

// isQueue reports whether revisions in state s wait for someone.
func isQueue(s State) bool { return s == Submitted || s == Approved }

func ownerLabel(owner string) string { return "a/owner/" + table.Hash(owner) }

func queueLabel(s State) string { return "d/queue/" + string(s) }

func listedLabel(category string) string {
	if category == "" {
		return "d/listed"
	}
	return "d/listed/" + table.Hash(category)
}

// missing returns those of rows whose ID none of others has.
func missing(rows, others []table.Row[mark]) []table.Row[mark] {
	return slices.DeleteFunc(rows, func(r table.Row[mark]) bool {
		return slices.ContainsFunc(others, func(o table.Row[mark]) bool { return o.ID == r.ID })
	})
}

// raise puts marks up. It writes one that is up too: its version then tells a writer that would take it
// down that it is wanted again.
func (r *Registry) raise(ctx context.Context, marks []table.Row[mark], now time.Time) error {
	for _, m := range marks {
		_, err := r.marks.Update(ctx, m.ID, now.Unix(), func(row *table.Row[mark]) error {
			if row.Version == 0 {
				row.Labels = m.Labels
			}
			row.Expires, row.Value = 0, mark{App: m.Value.App, Raised: now}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// read returns marks as they are stored.
func (r *Registry) read(ctx context.Context, marks []table.Row[mark]) ([]table.Row[mark], error) {
	var rows []table.Row[mark]
	for _, m := range marks {
		row, err := r.marks.Get(ctx, m.ID)
		if err != nil {
			return nil, err
		}
		if row.Version != 0 {
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// lower lets marks expire that nobody has raised since they were read. One that it fails to lower is seen
// by no reader, and lowered by the first that comes across it.
func (r *Registry) lower(ctx context.Context, marks []table.Row[mark], now time.Time) {
	for _, row := range marks {
		if row.Expires == 0 {
			row.Expires = now.Add(grace).Unix()
			_, _ = r.marks.Swap(ctx, table.NewWrite(), row)
		}
	}
}

// borne returns the apps that bear out the marks in rows, in order.
func (r *Registry) borne(ctx context.Context, rows []table.Row[mark], now time.Time) ([]*App, error) {
	apps, err := r.named(ctx, rows)
	if err != nil {
		return nil, err
	}
	var out []*App
	var stale []table.Row[mark]
	for _, row := range rows {
		a := apps[row.Value.App]
		if a != nil && slices.ContainsFunc(a.marks(), func(m table.Row[mark]) bool { return m.ID == row.ID }) {
			out = append(out, a)
		} else if now.Sub(row.Value.Raised) > grace {
			stale = append(stale, row)
		}
	}
	r.lower(ctx, stale, now)
	return out, nil
}

// named reads the apps that rows name, as many at once as a store gives.
func (r *Registry) named(ctx context.Context, rows []table.Row[mark]) (map[string]*App, error) {
	apps := make(map[string]*App)
	for rows := range slices.Chunk(rows, 16) {
		var keys []string
		for _, row := range rows {
			if k := r.apps.Key(table.Hash(row.Value.App)); !slices.Contains(keys, k) {
				keys = append(keys, k)
			}
		}
		records, err := table.Get(ctx, r.store, keys...)
		if err != nil {
			return nil, err
		}
		for _, rec := range records {
			row, err := r.apps.Decode(rec)
			if err != nil {
				return nil, err
			}
			if row.Version != 0 {
				a := row.Value.app(row.Version)
				apps[a.ID] = a
			}
		}
	}
	return apps, nil
}
