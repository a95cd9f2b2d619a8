package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/sqlstore"
)

// Errors in the form of drivers that the tests do not import.
type (
	pqError      struct{ Code string } // github.com/lib/pq
	mattnCode    int
	mattnError   struct{ Code mattnCode } // github.com/mattn/go-sqlite3, returned as a value
	modernError  struct{ code int }       // modernc.org/sqlite
	ncrucesCode  uint8
	ncrucesError struct{ code ncrucesCode } // github.com/ncruces/go-sqlite3
)

func (e *pqError) SQLState() string       { return e.Code }
func (e *pqError) Error() string          { return "pq: " + e.Code }
func (e mattnError) Error() string        { return "mattn" }
func (e *modernError) Code() int          { return e.code }
func (e *modernError) Error() string      { return "modernc" }
func (e *ncrucesError) Code() ncrucesCode { return e.code }
func (e *ncrucesError) Error() string     { return "ncruces" }

// abortions are errors that say that nothing was written because of others, by dialect.
var abortions = map[sqlstore.Dialect][]error{
	sqlstore.PostgreSQL: {
		&pgconn.PgError{Code: "40001"}, &pgconn.PgError{Code: "40P01"}, &pgconn.PgError{Code: "55P03"},
		&pqError{"40001"}, fmt.Errorf("wrapped: %w", &pqError{"40P01"}),
	},
	sqlstore.SQLite: {
		mattnError{5}, mattnError{6}, &modernError{5}, &modernError{5 | 2<<8}, &ncrucesError{5},
		errors.Join(errors.New("other"), fmt.Errorf("wrapped: %w", &modernError{6})),
	},
	sqlstore.MySQL: {
		&mysql.MySQLError{Number: 1213}, &mysql.MySQLError{Number: 1205}, fmt.Errorf("wrapped: %w", &mysql.MySQLError{Number: 1020}),
	},
}

// failures are errors after which nothing is known.
var failures = map[sqlstore.Dialect][]error{
	sqlstore.PostgreSQL: {&pgconn.PgError{Code: "40003"}, &pgconn.PgError{Code: "57P01"}, &pgconn.PgError{Code: "23505"}, &pqError{"08006"}, errors.New("broken")},
	sqlstore.SQLite:     {&modernError{10}, &modernError{2067}, mattnError{13}, errors.New("broken")},
	sqlstore.MySQL:      {&mysql.MySQLError{Number: 1290}, &mysql.MySQLError{Number: 2013}, mysql.ErrInvalidConn, errors.New("broken")},
}

func TestAbortedStatementsAreSentAgain(t *testing.T) {
	for _, x := range dialects() {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			for i, abortion := range abortions[x.dialect] {
				var n atomic.Int64
				s := x.openSpied(t, &spy{before: func(string) error {
					if n.Add(1)%3 != 0 {
						return abortion
					}
					return nil
				}})
				r := store.Record{Key: "key", Version: 1, Expires: 10, Labels: []string{"label"}}
				_, get := s.Get(t.Context(), "key")
				_, _, list := s.List(t.Context(), "label", "", 1)
				_, sweep := s.Sweep(t.Context(), 5, 1)
				for call, err := range map[string]error{"Create": s.Create(t.Context(), r), "Swap": s.Swap(t.Context(), r), "Get": get, "List": list, "Sweep": sweep} {
					if err != nil {
						t.Errorf("%s, aborted twice by error %d, = %v, want nil", call, i, err)
					}
				}
				if got := n.Load(); got != 6*3 {
					t.Errorf("%d statements, want each of 6 three times", got)
				}
			}
		})
	}
}

func TestAbortedForEver(t *testing.T) {
	for _, x := range dialects() {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			abortion := abortions[x.dialect][0]
			s := x.openSpied(t, &spy{before: func(string) error { return abortion }})
			r := store.Record{Key: "key", Version: 1}
			if err := s.Swap(t.Context(), r); !errors.Is(err, store.ErrConflict) || !errors.Is(err, abortion) {
				t.Errorf("Swap = %v, want %v and the driver's error", err, store.ErrConflict)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if err := s.Swap(ctx, r); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, store.ErrConflict) {
				t.Errorf("Swap until the context ended = %v, want its error alone", err)
			}
			if err := s.Create(ctx, r); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, store.ErrExists) {
				t.Errorf("Create until the context ended = %v, want its error alone", err)
			}
		})
	}
}

func TestFailuresAreNoSentinels(t *testing.T) {
	for _, x := range dialects() {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			for _, failure := range failures[x.dialect] {
				var n atomic.Int64
				s := x.openSpied(t, &spy{before: func(string) error { n.Add(1); return failure }})
				r := store.Record{Key: "key", Version: 1, Value: []byte("a secret")}
				_, get := s.Get(t.Context(), "key")
				_, _, list := s.List(t.Context(), "label", "", 1)
				_, sweep := s.Sweep(t.Context(), 5, 1)
				for call, err := range map[string]error{"Create": s.Create(t.Context(), r), "Swap": s.Swap(t.Context(), r), "Get": get, "List": list, "Sweep": sweep} {
					if !errors.Is(err, failure) || errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrExists) {
						t.Errorf("%s that failed with %v = %v, want an error that wraps it and is no sentinel", call, failure, err)
					}
					if !strings.HasPrefix(fmt.Sprint(err), "sqlstore: "+call+": ") || strings.Contains(fmt.Sprint(err), "secret") {
						t.Errorf("%s that failed with %v = %q, want its name and no value", call, failure, err)
					}
				}
				if got := n.Load(); got != 5 {
					t.Errorf("after %v %d statements were sent, want 5: what may have happened must not be repeated", failure, got)
				}
			}
		})
	}
}
