package redisstore

import "github.com/oauthcore/oauthcore/store"

const (
	Slack  = slack
	Shards = shards
)

// Prefix returns what the store's keys begin with.
func (s *Store) Prefix() string { return s.prefix }

// RecordName returns the name in Redis of a record.
func (s *Store) RecordName(key string) string { return s.record(key) }

// EntryNames returns the names in Redis of a label's list and of what is due in its shard.
func (s *Store) EntryNames(label string) (list, due string) {
	names := s.entry(label)
	return names[0], names[1]
}

func Encode(r store.Record) string                  { return encode(r) }
func Decode(key, data string) (store.Record, error) { return decode(key, data) }
