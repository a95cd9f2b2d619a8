package registry

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/oauthcore/oauthcore/internal/table"
	"github.com/oauthcore/oauthcore/store"
)

// Config configures a [Registry].
type Config struct {
	_ [0]func()

	Store store.Store      // required
	Now   func() time.Time // nil: time.Now
}

// Registry keeps apps and installations, one record each. Safe for many goroutines, and for many
// processes on one store.
//
// An error of a method that writes may mean that the write happened, unless it wraps one of this
// package's errors or is the change's own.
type Registry struct {
	store         store.Store
	apps          *table.Table[appRecord]
	marks         *table.Table[mark]
	installations *table.Table[Installation]
	clock         func() time.Time
}

// New returns the registry kept in c.Store. It reads and writes nothing.
func New(c Config) (*Registry, error) {
	if c.Store == nil {
		return nil, errors.New("registry: Config.Store is nil")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Registry{
		store:         c.Store,
		apps:          table.New[appRecord](c.Store, "a/"),
		marks:         table.New[mark](c.Store, "d/"),
		installations: table.New[Installation](c.Store, "i/"),
		clock:         c.Now,
	}, nil
}

// now is the time without a monotonic reading, as it comes back from a store.
func (r *Registry) now() time.Time { return r.clock().UTC().Round(0) }

// Create stores a new app, with the manifest as given and no review, and sets its Version, Created and
// Updated; an empty ID is generated. An ID that was ever used is [ErrExists]. Who may create an app, and
// who may choose its ID, is the host's to decide: for a token of the app itself the ID is the subject, and
// must not be that of a user (RFC 9700, Section 4.15).
func (r *Registry) Create(ctx context.Context, a *App) error {
	now := r.now()
	n := *a
	if n.ID == "" {
		n.ID = rand.Text()
	}
	n.Created, n.Updated = now, now
	if err := n.check(nil, now); err != nil {
		return err
	}
	if err := r.raise(ctx, n.marks(), now); err != nil {
		return wrap(err)
	}
	row, err := r.apps.Create(ctx, table.NewWrite(), table.Row[appRecord]{
		ID:     table.Hash(n.ID),
		Labels: []string{ownerLabel(n.Owner)},
		Value:  newAppRecord(&n),
	}, now.Unix())
	if errors.Is(err, store.ErrExists) {
		return ErrExists
	}
	if err != nil {
		return wrap(err)
	}
	n.Version = row.Version
	*a = n
	return nil
}

// App returns an app, deleted ones too, or [ErrNotFound].
func (r *Registry) App(ctx context.Context, id string) (*App, error) {
	row, err := r.apps.Get(ctx, table.Hash(id))
	if err != nil {
		return nil, wrap(err)
	}
	if row.Version == 0 {
		return nil, ErrNotFound
	}
	return row.Value.app(row.Version), nil
}

// Update applies change to the app as one atomic write and returns the app as it then is. It calls change
// again, with the app read again, if another write came between; change must do nothing else. An error of
// change is returned as it is, and nothing is written. No change lowers the Epoch, brings a deleted app
// back, or gives it another ID, owner or tenant.
func (r *Registry) Update(ctx context.Context, id string, change func(*App) error) (*App, error) {
	now := r.now()
	var dropped []table.Row[mark]
	row, err := r.apps.Update(ctx, table.Hash(id), now.Unix(), func(row *table.Row[appRecord]) error {
		if row.Version == 0 {
			return ErrNotFound
		}
		before := row.Value.app(row.Version)
		after, err := copyOf(row)
		if err != nil {
			return err
		}
		if err := change(after); err != nil {
			return changeError{err}
		}
		after.Updated = now
		if err := after.check(before, now); err != nil {
			return changeError{err}
		}
		// Marks go up before the app is written and come down after: see the package's Design.
		if err := r.raise(ctx, missing(after.marks(), before.marks()), now); err != nil {
			return err
		}
		if dropped, err = r.read(ctx, missing(before.marks(), after.marks())); err != nil {
			return err
		}
		row.Value = newAppRecord(after)
		return nil
	})
	if err != nil {
		return nil, wrap(err)
	}
	r.lower(ctx, dropped, now)
	return row.Value.app(row.Version), nil
}

// changeError is an error that is not the store's.
type changeError struct{ error }

// wrap puts the package's name before an error of the store, and returns others as they are.
func wrap(err error) error {
	if e, ok := errors.AsType[changeError](err); ok {
		return e.error
	}
	if errors.Is(err, ErrNotFound) {
		return err
	}
	return fmt.Errorf("registry: %w", err)
}
