package proof_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/oauthcore/oauthcore/store"
)

// serve is a node as a process of its own. It says on standard output where it listens and ends when its
// standard input does.
func serve(config string) error {
	var sys system
	if err := json.Unmarshal([]byte(config), &sys); err != nil {
		return err
	}
	st, _, err := openStore(context.Background(), sys.DSN)
	if err != nil {
		return err
	}
	node, err := newNode(sys, mortal{weaken(sys.Weak, st)})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("listens http://%s\n", l.Addr())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	return http.Serve(l, doomed(node))
}

// A request with the header Die-After: n kills the node at the end of its n-th call of the store. If it
// has fewer, its answer is written to the file that the header Last-Words names, and the node dies
// without giving it.
func doomed(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f := new(fuse)
		if n, _ := fmt.Sscan(r.Header.Get("Die-After"), &f.left); n == 0 {
			h.ServeHTTP(w, r)
			return
		}
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r.WithContext(context.WithValue(r.Context(), fuseKey{}, f)))
		b, err := json.Marshal(answer{Status: rec.Code, Location: rec.Header().Get("Location"), Body: rec.Body.Bytes()})
		if err == nil {
			err = os.WriteFile(r.Header.Get("Last-Words"), b, 0o600)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		die()
	})
}

// fuse counts the calls of the store that a request has left.
type fuse struct{ left int }

type fuseKey struct{}

func burn(ctx context.Context) {
	if f, ok := ctx.Value(fuseKey{}).(*fuse); ok {
		if f.left--; f.left == 0 {
			die()
		}
	}
}

// die ends this process as no handler can prevent.
func die() {
	self, _ := os.FindProcess(os.Getpid()) // which is always there
	self.Kill()
	select {}
}

// mortal is a store whose calls end at a fuse.
type mortal struct{ store.Store }

func (m mortal) Create(ctx context.Context, r store.Record) error {
	defer burn(ctx)
	return m.Store.Create(ctx, r)
}

func (m mortal) Get(ctx context.Context, keys ...string) ([]store.Record, error) {
	defer burn(ctx)
	return m.Store.Get(ctx, keys...)
}

func (m mortal) Swap(ctx context.Context, r store.Record) error {
	defer burn(ctx)
	return m.Store.Swap(ctx, r)
}

func (m mortal) List(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
	defer burn(ctx)
	return m.Store.List(ctx, label, after, limit)
}
