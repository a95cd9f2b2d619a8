// Bookings is a service in the place of an IdentityServer: apps of partners get tokens for themselves at
// /connect/token, with JSON or a form, and call the API under /api/bookings.
//
// Usage:
//
//	bookings [-addr host:port] [-issuer url]
//
// It runs with no arguments on 127.0.0.1:8082 with demonstration apps; README.md has lines to try.
//
// # Design
//
// What its clients expect of an IdentityServer is a profile, and what they expect of this one service are
// two settings: the refresh token that one app gets with client credentials is that app's policy, and the
// second spelling of the header is the guard's. Neither is the profile's, because other services of the
// kind have neither.
//
// The API asks what a token is worth at each request, so that a revocation is seen at once. Here it asks in
// the same process. An API of another program asks at /connect/introspect with a secret of its own
// (resource.Remote); the app bookings-api is there for that, and has no scope to do more with.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/memory"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bookings:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, then lets requests in flight finish.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("bookings", flag.ContinueOnError)
	flags.SetOutput(stderr)
	addr := flags.String("addr", "127.0.0.1:8082", "`host:port` to listen on; port 0 picks a free one")
	issuer := flags.String("issuer", "", "issuer `URL`, https unless it is a loopback address (default: the address listened on)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("got argument %q, wanted flags only", flags.Arg(0))
	}

	log := slog.New(slog.NewTextHandler(stderr, nil))
	ln, err := net.Listen("tcp", *addr)
	if err != nil {
		return err
	}
	defer ln.Close()
	if *issuer == "" {
		*issuer = "http://" + ln.Addr().String()
	}
	records := memory.New()
	handler, err := newServer(*issuer, records, log)
	if err != nil {
		return err
	}
	hs := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	fmt.Fprintln(stdout, "Listening on http://"+ln.Addr().String())

	var background sync.WaitGroup
	background.Go(func() { sweep(ctx, records, log) })
	done := make(chan error, 1)
	go func() { done <- hs.Serve(ln) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		err := hs.Shutdown(last)
		background.Wait()
		return err
	}
}

// sweep drops expired records until ctx ends, which nobody does unless the host does.
func sweep(ctx context.Context, s store.Store, log *slog.Logger) {
	const batch = 1000
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			n, err := batch, error(nil)
			for n == batch && err == nil { // as many as asked for: there are more
				n, err = s.Sweep(ctx, now.Unix(), batch)
			}
			if err != nil && ctx.Err() == nil {
				log.ErrorContext(ctx, "sweep", "error", err)
			}
		}
	}
}
