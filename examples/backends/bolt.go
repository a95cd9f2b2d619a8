package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/oauthcore/oauthcore/examples/backends/boltstore"
	"github.com/oauthcore/oauthcore/store"
)

// openBolt opens bolt:path, a file for one process at a time.
func openBolt(_ context.Context, address string) (store.Store, func() error, error) {
	db, err := bolt.Open(strings.TrimPrefix(address, "bolt:"), 0o600, &bolt.Options{
		Timeout:      time.Second,          // zero waits for ever while another process has the file
		FreelistType: bolt.FreelistMapType, // the default is slow once many records have been swept
	})
	if err != nil {
		return nil, nil, fmt.Errorf("bolt: %w", err)
	}
	records, err := boltstore.New(db)
	if err != nil {
		db.Close()
		return nil, nil, err
	}
	return records, db.Close, nil
}
