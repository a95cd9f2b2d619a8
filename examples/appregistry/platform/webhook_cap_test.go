package platform_test

import (
	"crypto/sha256"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/examples/appregistry/platform"
	"github.com/oauthcore/oauthcore/registry"
)

// drawing returns the Draw of one request, which is the same whenever it is sent again.
func drawing(request string) platform.Draw {
	return func(label string) [32]byte { return sha256.Sum256([]byte(request + "\n" + label)) }
}

// However many ask at once, an app has twenty webhooks.
func TestWebhooksAtOnce(t *testing.T) {
	t.Parallel()
	p, _ := fresh(t, nil)
	for round := range 10 {
		app := platform.Caller{Subject: "app", App: string(rune('a' + round))}
		errs := make([]error, 40)
		barrier := make(chan struct{})
		var wg sync.WaitGroup
		for n := range errs {
			wg.Go(func() {
				<-barrier
				_, _, errs[n] = p.CreateWebhook(t.Context(), app, "https://hooks.example/", "")
			})
		}
		close(barrier)
		wg.Wait()
		made := 0
		for _, err := range errs {
			switch {
			case err == nil:
				made++
			case !errors.Is(err, registry.ErrState):
				t.Errorf("CreateWebhook: got %v, wanted ErrState", err)
			}
		}
		page, err := p.Webhooks(t.Context(), app, "", 100)
		if err != nil || made != 20 || len(page.Items) != 20 {
			t.Errorf("round %d: %d were made and %d are there, %v; wanted 20", round, made, len(page.Items), err)
		}
	}
}

// The place of a deleted webhook is free again, and no deleted one hides those that are there.
func TestDeletedWebhooksCountNot(t *testing.T) {
	t.Parallel()
	p, c := fresh(t, nil)
	create := func() (*platform.Webhook, error) {
		w, _, err := p.CreateWebhook(t.Context(), machine, "https://hooks.example/", "")
		return w, err
	}
	var last *platform.Webhook
	for range 120 {
		w, err := create()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.DeleteWebhook(t.Context(), machine, w.ID); err != nil {
			t.Fatal(err)
		}
		last = w
	}
	for n := range 25 {
		if _, err := create(); (err == nil) != (n < 20) || err != nil && !errors.Is(err, registry.ErrState) {
			t.Errorf("webhook %d after 120 deleted ones: %v; wanted 20 and no more", n+1, err)
		}
	}
	if _, err := p.Webhook(t.Context(), machine, last.ID); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("a deleted one whose place was taken: %v, wanted ErrNotFound", err)
	}
	c.pass(48 * time.Hour) // when those that were deleted may have been dropped
	if page, err := p.Webhooks(t.Context(), machine, "", 100); err != nil || len(page.Items) != 20 {
		t.Errorf("two days later: %d are there, %v; wanted 20", len(page.Items), err)
	}
}

// A request that is sent again after an outcome that nobody knows is answered as it was the first time.
func TestWebhookRequestsAgain(t *testing.T) {
	t.Parallel()
	p, _ := fresh(t, nil)
	first, _, err := p.CreateWebhook(t.Context(), machine, "https://hooks.example/1", "")
	if err != nil {
		t.Fatal(err)
	}
	asks := machine
	asks.Draw = drawing("create")
	made, secret, err := p.CreateWebhook(t.Context(), asks, "https://hooks.example/2", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.DeleteWebhook(t.Context(), machine, first.ID); err != nil { // its place is free by now
		t.Fatal(err)
	}
	again, sameSecret, err := p.CreateWebhook(t.Context(), asks, "https://hooks.example/2", "")
	if err != nil || again.ID != made.ID || sameSecret != secret {
		t.Errorf("CreateWebhook again: %v, same secret %t; wanted the same webhook", err, sameSecret == secret)
	}
	if page, err := p.Webhooks(t.Context(), machine, "", 100); err != nil || len(page.Items) != 1 {
		t.Errorf("%d webhooks, %v; wanted one", len(page.Items), err)
	}
	asks.Draw, asks.Match = drawing("rotate"), again.Version
	_, secret, err = p.RotateWebhook(t.Context(), asks, made.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	w, sameSecret, err := p.RotateWebhook(t.Context(), asks, made.ID, time.Hour)
	if err != nil || sameSecret != secret || len(w.Secrets) != 2 {
		t.Errorf("RotateWebhook again, at the version it was sent with: %v, same secret %t; wanted the answer of the first", err, sameSecret == secret)
	}
	asks.Draw = drawing("another")
	if _, _, err := p.RotateWebhook(t.Context(), asks, made.ID, 0); !errors.Is(err, platform.ErrStale) {
		t.Errorf("another rotation at that version: %v, wanted ErrStale", err)
	}
	if _, err := p.DeleteWebhook(t.Context(), asks, made.ID); !errors.Is(err, platform.ErrStale) {
		t.Errorf("DeleteWebhook at that version: %v, wanted ErrStale", err)
	}
}
