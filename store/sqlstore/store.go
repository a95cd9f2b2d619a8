package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/oauthcore/oauthcore/store"
)

const (
	maxKeys  = 16   // of one Get
	maxPage  = 1000 // records of one List
	maxBatch = 1000 // records that one statement of Sweep changes

	// patience is how long a statement is sent again that the database aborts because of others.
	patience = 2 * time.Second

	never = "9223372036854775807" // sweep_at of a record that has no expiry
)

// Store keeps records in two tables of a database. It is safe for many goroutines, and any number of
// Stores may share the tables. Make one with [Open].
type Store struct {
	db      *sql.DB
	dialect Dialect
	text    *statements
	sweeper chan struct{} // holds one element while a Sweep runs
	writer  chan struct{} // SQLite: holds one element while a write runs
}

var _ store.Store = (*Store)(nil)

// Create implements [store.Store].
func (s *Store) Create(ctx context.Context, r store.Record) error {
	if err := before(ctx, r); err != nil {
		return err
	}
	text := s.text.create
	if len(r.Labels) > 0 {
		text = s.text.labelled
	}
	n, err := s.exec(ctx, text, r.Key, r.Version, r.Expires, sweepAt(r.Expires), encodeLabels(r.Labels), bytesOf(r.Value))
	switch {
	case err == nil && n > 0:
		return nil
	case err == nil || s.dialect.exists(err):
		return store.ErrExists
	}
	return fmt.Errorf("sqlstore: Create: %w", err)
}

// Get implements [store.Store]. No keys, more than 16, one twice, or one that is not of the form of a
// key are errors.
func (s *Store) Get(ctx context.Context, keys ...string) ([]store.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(keys) < 1 || len(keys) > maxKeys {
		return nil, fmt.Errorf("sqlstore: Get of %d keys, want 1 to %d", len(keys), maxKeys)
	}
	args := make([]any, len(keys))
	for i, k := range keys {
		if err := checkName(k); err != nil {
			return nil, err
		}
		if slices.Contains(keys[:i], k) {
			return nil, errors.New("sqlstore: Get of the same key twice")
		}
		args[i] = k
	}
	found, err := s.query(ctx, s.text.get[len(keys)], args...)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: Get: %w", err)
	}
	records := make([]store.Record, len(keys))
	for i, k := range keys {
		records[i].Key = k
		if j := slices.IndexFunc(found, func(r store.Record) bool { return r.Key == k }); j >= 0 {
			records[i] = found[j]
		}
	}
	return records, nil
}

// Swap implements [store.Store]. If the database rolls the write back because of others at the same time, it is
// sent again as it is, a few times; if that does not help, the error is [store.ErrConflict] and wraps
// the driver's.
func (s *Store) Swap(ctx context.Context, r store.Record) error {
	if err := before(ctx, r); err != nil {
		return err
	}
	args := []any{r.Expires, bytesOf(r.Value), sweepAt(r.Expires), r.Key, r.Version}
	if s.dialect == SQLite {
		args = slices.Delete(args, 2, 3)
	}
	n, err := s.exec(ctx, s.text.swap, args...)
	switch {
	case err == nil && n > 0:
		return nil
	case err == nil:
		return store.ErrConflict
	case s.dialect.aborted(err):
		return fmt.Errorf("sqlstore: Swap: %w: %w", store.ErrConflict, err)
	}
	return fmt.Errorf("sqlstore: Swap: %w", err)
}

// List implements [store.Store]. A page holds at most 1000 records.
func (s *Store) List(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	if limit < 1 {
		return nil, "", fmt.Errorf("sqlstore: List with limit %d, want at least 1", limit)
	}
	if err := checkName(label); err != nil {
		return nil, "", err
	}
	if after != "" {
		if err := checkName(after); err != nil {
			return nil, "", err
		}
	}
	limit = min(limit, maxPage)
	page, err := s.query(ctx, s.text.list, label, after, limit+1)
	switch {
	case err != nil:
		return nil, "", fmt.Errorf("sqlstore: List: %w", err)
	case len(page) <= limit:
		return page, "", nil
	}
	page = page[:limit]
	return page, page[limit-1].Key, nil
}

// Sweep implements [store.Store]. It drops the records in statements of at most 1000, each of which is a
// transaction of its own; with an error it returns how many were dropped before that.
func (s *Store) Sweep(ctx context.Context, before int64, limit int) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if limit < 1 {
		return 0, fmt.Errorf("sqlstore: Sweep with limit %d, want at least 1", limit)
	}
	// Two at once would want the same records, and one would wait for the other or be aborted.
	if err := take(ctx, s.sweeper); err != nil {
		return 0, err
	}
	defer func() { <-s.sweeper }()
	// First the records that were extended since their sweep_at was set, so that no Sweep passes over
	// them again before they expire. The next statement judges by expires; this one only keeps it fast.
	if _, err := s.batches(ctx, s.text.move, before, -1); err != nil {
		return 0, fmt.Errorf("sqlstore: Sweep: %w", err)
	}
	n, err := s.batches(ctx, s.text.drop, before, limit)
	if err != nil {
		return n, fmt.Errorf("sqlstore: Sweep: %w", err)
	}
	return n, nil
}

// batches runs a statement of Sweep until it finds no more, or has changed limit records, and returns how
// many it changed. A negative limit is none.
func (s *Store) batches(ctx context.Context, text string, before int64, limit int) (int, error) {
	for total := 0; ; {
		batch := maxBatch
		if limit >= 0 {
			batch = min(batch, limit-total)
		}
		args := []any{before, before, batch}
		if s.dialect == PostgreSQL {
			args = append(args, before, before)
		}
		n, err := s.exec(ctx, text, args...)
		total += int(n)
		if err != nil || int(n) < batch || total == limit {
			return total, err
		}
	}
}

// exec runs a write and returns the number of rows it changed.
func (s *Store) exec(ctx context.Context, text string, args ...any) (n int64, err error) {
	if s.writer != nil {
		if err := take(ctx, s.writer); err != nil {
			return 0, err
		}
		defer func() { <-s.writer }()
	}
	err = s.attempt(ctx, func() error {
		result, err := s.db.ExecContext(ctx, text, args...)
		if err == nil {
			n, err = result.RowsAffected()
		}
		return err
	})
	return n, err
}

// query returns the records that a query yields.
func (s *Store) query(ctx context.Context, text string, args ...any) (records []store.Record, err error) {
	err = s.attempt(ctx, func() error {
		records = nil
		rows, err := s.db.QueryContext(ctx, text, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var r store.Record
			var labels string
			if err := rows.Scan(&r.Key, &r.Version, &r.Expires, &labels, &r.Value); err != nil {
				return err
			}
			r.Labels = decodeLabels(labels)
			records = append(records, r)
		}
		return rows.Err()
	})
	return records, err
}

// attempt calls f, and again after a moment if the database aborted it because of others: nothing has
// happened then, and the same statement will be judged anew.
func (s *Store) attempt(ctx context.Context, f func() error) error {
	began := time.Now()
	for pause := time.Millisecond; ; pause = min(2*pause, 32*time.Millisecond) {
		err := f()
		if err == nil || !s.dialect.aborted(err) || time.Since(began) > patience {
			return err
		}
		select {
		case <-time.After(rand.N(pause)):
		case <-ctx.Done():
			return fmt.Errorf("%w, after %v", ctx.Err(), err)
		}
	}
}

// take fills the one place of a semaphore, to be emptied by the caller.
func take(ctx context.Context, place chan struct{}) error {
	select {
	case place <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// sweepAt is the least Unix time after which a record may have expired.
func sweepAt(expires int64) int64 {
	if expires == 0 {
		return 1<<63 - 1
	}
	return expires
}

// bytesOf returns b, or an empty slice for nil, which drivers send as NULL.
func bytesOf(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// encodeLabels returns labels as a JSON array of strings. Nothing in them needs an escape.
func encodeLabels(labels []string) string {
	if len(labels) == 0 {
		return "[]"
	}
	return `["` + strings.Join(labels, `","`) + `"]`
}

func decodeLabels(text string) []string {
	if len(text) <= len(`[""]`) {
		return nil
	}
	return strings.Split(text[len(`["`):len(text)-len(`"]`)], `","`)
}

// before is what a write checks first.
func before(ctx context.Context, r store.Record) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return r.Check()
}

// checkName returns an error if name is not of the form of a key or label. Nothing can be there under such a
// name, and not every database can be asked for it.
func checkName(name string) error { return store.Record{Key: name, Version: 1}.Check() }
