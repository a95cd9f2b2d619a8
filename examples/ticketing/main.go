// Ticketing is a platform in the place of one that uses Doorkeeper: people sign in to it and allow another
// site's app to see their tickets, and the app gets a token of 64 hexadecimal digits at /oauth/token.
//
// Usage:
//
//	ticketing [-addr host:port] [-issuer url]
//
// It runs with no arguments on 127.0.0.1:8081 with demonstration users and apps; README.md has lines to try.
//
// # Design
//
// The app that this platform's documents describe is confidential and sends no PKCE. That is a waiver in its
// policy, InsecureNoPKCE, and not a setting of the server: an app without it has to use PKCE.
//
// Nobody registers an app by themselves. Someone asks the platform, and the platform's back office, an app
// with a scope that no other can have, creates it. What the back office may choose is name, redirect URI
// and the waiver; all else of a new app is the same for all.
//
// The public API takes tokens from the query too, as the documents promise, although logs and Referer headers
// leak them from there. That is a setting of that API's guard, named insecure; what else a token opens has a guard
// that reads the header alone. Access tokens are handles, which tell nothing by themselves, so both ask the
// server about each.
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
		fmt.Fprintln(os.Stderr, "ticketing:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, then lets requests in flight finish.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("ticketing", flag.ContinueOnError)
	flags.SetOutput(stderr)
	addr := flags.String("addr", "127.0.0.1:8081", "`host:port` to listen on; port 0 picks a free one")
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
	handler, err := newServer(ctx, *issuer, records, log)
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
