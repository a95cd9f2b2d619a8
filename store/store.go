// Package store is the contract between the library and a database: opaque, versioned records, changed
// only by compare and swap.
//
// A store knows nothing of OAuth. It keeps records under keys, and one primitive carries every decision
// the library makes: a [Store.Swap] that succeeds only at the version that was read. Any engine with a
// conditional write will do, and what a value holds may change without a change to the schema.
//
// Package storetest is this contract made executable; run it against a store of your own. Package
// [github.com/oauthcore/oauthcore/store/memory] is a store to start with and to compare with.
//
// # Writing a store
//
// One table with the columns key, version, expires and value, and a second one of label and key, is
// enough. Create writes both in one step and Sweep drops from both; nothing else changes labels. Keys and labels compare bytewise, so a database must not fold case, trim
// or normalise; versions and times need 64-bit integers; values are bytes, not text. Begin Create and
// Swap with [Record.Check]. Reads must go where writes go, not to a replica that lags. Switch the
// driver's own retries of writes off: the library repeats what is safe to repeat.
//
// # Errors
//
// Two sentinels have a meaning, [ErrExists] and [ErrConflict]; they may be wrapped. Every other error
// says only that the store could not answer: a write that failed with it may have happened all the same,
// since a driver may repeat a request and a connection may die after the commit. The library then reads
// again. An outage must therefore never look like a sentinel or like an absent record. An error must not
// print a Value.
//
// A context that is done when a method is called gives the context's error and no effect. One that ends
// during a write leaves the old record or the new one, whole.
//
// # Design
//
// Five methods, all required, and no optional ones, so that the compiler tells an author what is missing.
// There is no transaction: flows over two records write the one that points last. There is no Delete: a
// record that has served expires, and [Store.Sweep] drops it. There is no clock: expiry is a field that
// the library judges by its own time, and "now" is an argument. There is no verb such as "consume" or
// "revoke", which an adapter could get wrong.
//
// Versions start at random numbers and are chosen by the library, not counted by the store: a record that
// was dropped and created again can then not pass for the old one.
package store

import (
	"context"
	"errors"
)

// The answers of a write that did not happen. Test for them with [errors.Is]; a store may wrap them.
var (
	// ErrExists is Create's answer when the key is present.
	ErrExists = errors.New("store: key exists")

	// ErrConflict is Swap's answer when the record has another version, or is absent.
	ErrConflict = errors.New("store: version conflict")
)

// Record is what a store keeps. The limits are the library's promise, and [Record.Check] states them:
// a store may rely on them, and must answer a record beyond them with an error, never with a cut.
type Record struct {
	// Key names the record: 1 to 128 of the characters [A-Za-z0-9/_.~-], compared bytewise.
	// "a" and "A", "0123" and "123", are different keys.
	Key string

	// Version is 1 to 2^53-1 for a record that is there; 0 in the answer of Get means absent.
	// Create stores the version it is given, a random one up to 2^52, and each Swap adds exactly 1.
	Version int64

	// Expires is in Unix seconds, from 0 to the end of the year 9999; 0 is never. A record may be dropped
	// after that second, by Sweep or by the engine itself, and never before; nothing promises that it is.
	Expires int64

	// Labels are what List finds the record by: at most 16, distinct, each in the form of a key. Create
	// sets them and nothing changes them. Their order means nothing.
	Labels []string

	// Value is opaque: at most 64 KiB, returned byte for byte. nil and empty are the same.
	Value []byte
}

// Store is a database of records. Every method may be called by many goroutines and processes at once.
// A store keeps no slice that it was given and returns none that it or another caller can see: what a
// caller does to them afterwards changes nothing. It changes no record that it was given.
//
// nil from a write means that it is durable, to the level that the store documents, and that every read
// that begins afterwards sees it, whoever reads.
//
// Package storetest tests an implementation.
type Store interface {
	// Create stores r with its Version and Labels. If the key is present, even past its Expires, it
	// changes nothing and returns [ErrExists]; of many at once, one wins. Create again with the same
	// record is ErrExists too.
	Create(ctx context.Context, r Record) error

	// Get returns one record for each of 1 to 16 distinct keys, in the order of the keys, or an error and
	// none. A key that is absent gives a Record with that Key and Version 0. An expired record comes back
	// whole or not at all. Get is linearizable for each key, so that versions never go back, and no
	// snapshot over several. It has no effect. No keys, too many, or the same one twice, may be an error.
	Get(ctx context.Context, keys ...string) ([]Record, error)

	// Swap replaces Expires and Value of the record that has r's Key and Version, and adds 1 to its
	// Version, in one step; an identical Value and Expires are no exception. If the record has another
	// version or is absent it changes nothing and returns [ErrConflict]; of many at once, one wins. Swap
	// again with the same record is ErrConflict. Beyond Check it ignores r.Labels. It makes one attempt: it never
	// reads the new version to try again with that.
	Swap(ctx context.Context, r Record) error

	// List returns records that carry label, bytewise equal, in the bytewise order of their keys: those
	// with keys after the given one, which has the form of a key or is "", before all, and at most limit. next is where the next
	// page begins, to be given as after, and "" at the end; like after it need not be the key of a
	// record that is still there. A page may be short, even empty, without being the last. A record that
	// is there from the first page to the last is in exactly one. A limit below 1 is an error; a store may
	// give less than a large one asks for.
	List(ctx context.Context, label, after string, limit int) (page []Record, next string, err error)

	// Sweep drops records with 0 < Expires < before, at most limit, and returns how many it dropped; fewer
	// than limit means that it found no more. One that a Swap extends meanwhile stays. A limit below 1 is
	// an error. An engine that drops expired records itself may do nothing and return 0.
	Sweep(ctx context.Context, before int64, limit int) (int, error)
}
