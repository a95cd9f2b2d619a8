package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/memory"
)

func TestSweep(t *testing.T) {
	t.Run("drops all that expired, and again", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s, log := memory.New(), new(bytes.Buffer)
			ctx, cancel := context.WithCancel(t.Context())
			go sweep(ctx, s, log)
			for round := range 2 {
				r := store.Record{Version: 1, Expires: time.Now().Unix() + 1, Labels: []string{"label"}}
				for i := range 2500 {
					r.Key = fmt.Sprintf("key/%d/%d", round, i)
					if err := s.Create(ctx, r); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				if rs, _, err := s.List(ctx, "label", "", 1000); err != nil || len(rs) != 0 {
					t.Errorf("after a minute %d records or more are left, %v, want none", len(rs), err)
				}
			}
			cancel()
			synctest.Wait()
			if log.Len() > 0 {
				t.Errorf("the log has %q, want nothing", log)
			}
		})
	})
	t.Run("goes on after an error", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			log := new(bytes.Buffer)
			ctx, cancel := context.WithCancel(t.Context())
			go sweep(ctx, down{}, log)
			time.Sleep(3*time.Minute + time.Second)
			cancel()
			synctest.Wait()
			if got := log.String(); strings.Count(got, "sweep: down\n") != 3 {
				t.Errorf("the log has %q, want three lines of three minutes", got)
			}
		})
	})
}

// down is a store that does not answer.
type down struct{ store.Store }

func (down) Sweep(context.Context, int64, int) (int, error) { return 1000, errors.New("down") }
