// Eventcalendar is an API of events in GraphQL behind a token service in the place of an Amazon Cognito user
// pool: apps get tokens for themselves at /oauth2/token and post queries to /graphql, over HTTPS only.
//
// Usage:
//
//	eventcalendar [-addr host:port] [-issuer url] [-certificate file] [-insecure-loopback-http]
//	eventcalendar client [-url url] [-id id] [-secret secret] [-certificate file] [-n calls]
//
// The first serves, with no arguments on 127.0.0.1:8443 with demonstration apps and a certificate that it makes
// for itself. The second is a client, which calls the first. README.md has lines to try.
//
// # Design
//
// The tokens have no audience, as Cognito's have none. What keeps them from being good elsewhere is the scope,
// which begins with the name of this API, so the guard asks every request for one.
//
// A plain HTTP request is not redirected to HTTPS: by the time it arrived, its secret or token had been sent
// in the clear, and a client that worked like this would go on. The TLS server refuses it.
//
// GraphQL is read by a library of its own rather than a parser for the one documented query: clients add
// variables, fragments and aliases, and expect them to work.
//
// The activity report is counted from the server's events and from the guard's answers, in memory. A service
// would send the same facts to its metrics; what matters is that they are there to be counted.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
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
	do, args := run, os.Args[1:]
	if len(args) > 0 && args[0] == "client" {
		do, args = runClient, args[1:]
	}
	if err := do(ctx, args, os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "eventcalendar:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, then lets requests in flight finish and prints the activity report.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("eventcalendar", flag.ContinueOnError)
	flags.SetOutput(stderr)
	addr := flags.String("addr", "127.0.0.1:8443", "`host:port` to listen on; port 0 picks a free one")
	issuer := flags.String("issuer", "", "issuer `URL` (default: the address listened on)")
	certificate := flags.String("certificate", "eventcalendar.pem", "`file` to write the certificate to, for clients to trust")
	insecure := flags.Bool("insecure-loopback-http", false, "serve plain HTTP on a loopback address: secrets and tokens are then sent in the clear")
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
	ip := ln.Addr().(*net.TCPAddr).IP
	if *insecure && !ip.IsLoopback() {
		return fmt.Errorf("-insecure-loopback-http: %s is not a loopback address", ln.Addr())
	}
	scheme := "https"
	if *insecure {
		scheme = "http"
	}
	address := scheme + "://" + ln.Addr().String()
	if *issuer == "" {
		if ip.IsUnspecified() {
			return errors.New("-issuer: name the URL that clients know, because the server listens on all addresses")
		}
		*issuer = address
	}
	records := memory.New()
	srv, err := newServer(*issuer, records, log)
	if err != nil {
		return err
	}
	hs := &http.Server{
		Handler:           srv,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	serve := hs.Serve
	if !*insecure {
		u, err := url.Parse(*issuer)
		if err != nil {
			return err
		}
		cert, err := newCertificate(u.Hostname(), *certificate)
		if err != nil {
			return err
		}
		hs.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
		serve = func(ln net.Listener) error { return hs.ServeTLS(ln, "", "") }
	}
	fmt.Fprintln(stdout, "Listening on", address)
	if !*insecure {
		fmt.Fprintln(stdout, "Certificate in", *certificate)
	}

	var background sync.WaitGroup
	background.Go(func() { sweep(ctx, records, log) })
	done := make(chan error, 1)
	go func() { done <- serve(ln) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		err := hs.Shutdown(last)
		background.Wait()
		return errors.Join(err, srv.activity.print(stdout))
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
