package boltstore_test

import (
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/oauthcore/oauthcore/store"
)

// FuzzDamage puts bytes where the store keeps a record. Whatever they are, it reads a record within the
// limits of the contract or gives an error, from every method.
func FuzzDamage(f *testing.F) {
	const head = "\x00\x00\x00\x00\x00\x00\x00\x07\x00\x00\x00\x00\x00\x00\x00\x09"
	for _, seed := range []string{"", "short", head, head + "\n", head + "label other\nvalue", head + "label label\n", head + "\xff\n",
		"\xff" + head[1:] + "\n", head[:8] + "\xff" + head[9:] + "\n"} {
		f.Add([]byte(seed))
	}
	s := open(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		ctx := t.Context()
		put := func(bucket, key string, value []byte) {
			err := s.(opened).db.Update(func(tx *bolt.Tx) error { return tx.Bucket([]byte(bucket)).Put([]byte(key), value) })
			if err != nil {
				t.Fatal(err)
			}
		}
		put("oauth_records", "key", b)
		put("oauth_labels", "label\x00key", nil)
		put("oauth_expiry", "\x00\x00\x00\x00\x00\x00\x00\x09key", nil)

		rs, err := s.Get(ctx, "key")
		if err != nil {
			if _, _, err := s.List(ctx, "label", "", 1); err == nil {
				t.Error("List gave the record that Get refused")
			}
			if err := s.Swap(ctx, store.Record{Key: "key", Version: 7}); err == nil {
				t.Error("Swap took the record that Get refused")
			}
			if n, err := s.Sweep(ctx, 10, 1); err == nil {
				t.Errorf("Sweep dropped %d records, one of which Get refused", n)
			}
			return
		}
		if err := rs[0].Check(); err != nil || rs[0].Key != "key" {
			t.Errorf("Get gave a record with the key %q: %v", rs[0].Key, err)
		}
		if err := s.Swap(ctx, rs[0]); err != nil && rs[0].Version < 1<<53-1 {
			t.Errorf("Swap of the record that Get gave = %v, want nil", err)
		}
	})
}
