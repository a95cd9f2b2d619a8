package main

import (
	"context"

	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/memory"
)

// openMemory returns the store to start with: nothing to connect to, and nothing left when the process ends.
func openMemory(context.Context, string) (store.Store, func() error, error) {
	return memory.New(), func() error { return nil }, nil
}
