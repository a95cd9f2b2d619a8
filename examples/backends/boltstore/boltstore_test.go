package boltstore_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/oauthcore/oauthcore/examples/backends/boltstore"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/storetest"
)

// TestStore is all that the store's author must write: how to make an empty one, and how to come to its data
// a second time.
func TestStore(t *testing.T) {
	storetest.Run(t, unsynced, &storetest.Options{
		Reopen: func(t testing.TB, s store.Store) store.Store { return over(t, s.(opened).db) },
	})
}

// unsynced opens a store that does not wait for the disk: nothing here pulls the plug.
func unsynced(t testing.TB) store.Store {
	s := open(t)
	s.(opened).db.NoSync = true
	return s
}

func BenchmarkStore(b *testing.B) { storetest.Benchmark(b, open) }

// opened is a store with the database that it is in.
type opened struct {
	*boltstore.Store
	db *bolt.DB
}

func open(t testing.TB) store.Store {
	t.Helper()
	db := file(t, filepath.Join(t.TempDir(), "oauth.bolt"))
	t.Cleanup(func() { db.Close() })
	return over(t, db)
}

func file(t testing.TB, path string) *bolt.DB {
	t.Helper()
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func over(t testing.TB, db *bolt.DB) store.Store {
	t.Helper()
	s, err := boltstore.New(db)
	if err != nil {
		t.Fatal(err)
	}
	return opened{s, db}
}

func TestFile(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "oauth.bolt")
	db := file(t, path)
	s := over(t, db)
	r := store.Record{Key: "key", Version: 7, Labels: []string{"label"}, Value: []byte("value")}
	if err := s.Create(ctx, r); err != nil {
		t.Fatal(err)
	}
	t.Run("passes the probe of a server's start", func(t *testing.T) {
		if err := store.Probe(ctx, s); err != nil {
			t.Error(err)
		}
	})
	t.Run("closed is an error", func(t *testing.T) {
		db.Close()
		_, get := s.Get(ctx, "key")
		for call, err := range map[string]error{"Create": s.Create(ctx, r), "Swap": s.Swap(ctx, r), "Get": get} {
			if err == nil || errors.Is(err, store.ErrExists) || errors.Is(err, store.ErrConflict) {
				t.Errorf("%s on a closed file = %v, want an error that is no answer", call, err)
			}
		}
	})
	t.Run("opened again has its records", func(t *testing.T) {
		db := file(t, path)
		t.Cleanup(func() { db.Close() })
		rs, _, err := over(t, db).List(ctx, "label", "", 10)
		if err != nil || len(rs) != 1 || rs[0].Version != 7 || string(rs[0].Value) != "value" {
			t.Errorf("List = %v, %v, want the one record", rs, err)
		}
	})
	t.Run("opened for reading only is refused", func(t *testing.T) {
		db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: time.Second, ReadOnly: true})
		if err == nil {
			defer db.Close()
			_, err = boltstore.New(db)
		}
		if err == nil {
			t.Error("New on a file that cannot be written = nil, want an error")
		}
	})
}

func TestPageIsBounded(t *testing.T) {
	s := unsynced(t)
	for i := range 1001 {
		if err := s.Create(t.Context(), store.Record{Key: fmt.Sprintf("key/%04d", i), Version: 1, Labels: []string{"label"}}); err != nil {
			t.Fatal(err)
		}
	}
	page, next, err := s.List(t.Context(), "label", "", 5000)
	if err != nil || len(page) != 1000 || next != "key/0999" {
		t.Errorf("List of 1001 with limit 5000 = %d records, %q, %v, want 1000 and the last of them as cursor", len(page), next, err)
	}
}

func TestWaitingWriterGivesUp(t *testing.T) {
	s := open(t).(opened)
	slow, err := s.db.Begin(true)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	errs := make(chan error)
	for _, key := range []string{"a", "b"} {
		go func() { errs <- s.Create(ctx, store.Record{Key: key, Version: 1}) }()
	}
	if err := <-errs; !errors.Is(err, context.DeadlineExceeded) { // of the one whose turn it was not
		t.Errorf("Create behind a slow write, after its deadline = %v, want %v", err, context.DeadlineExceeded)
	}
	slow.Rollback()
	if err := <-errs; err != nil {
		t.Errorf("Create after a slow write = %v, want nil", err)
	}
}
