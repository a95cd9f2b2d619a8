package oauth

import (
	"context"
	"crypto/sha256"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/oauthcore/oauthcore/internal/recent"
)

// Limiter bounds how often someone may be wrong (RFC 6749, Section 10.10): by address, and without one only in the
// answer. A generated secret cannot be guessed however often somebody tries; one that people chose can, so that a
// host with such secrets sets [Config].Address. Many goroutines call a Limiter, and it decides alone what a fault of
// its own means. Its keys are
//   - "address/" and what [Config].Address returned, an IPv6 address cut to its /64: whoever has to wait gets 429
//     at the authorization endpoint, and for a POST to the others unless it brings the right credentials of an app.
//     Those always pass, or a stranger behind the same address could lock the app out, but for a secret that
//     people chose, which is not even compared. A failure is an answer of 400 to 499, 429 among them, while no
//     client has authenticated. One that the app is told of by a redirect is none;
//   - "app/" and a client_id as [Event].App has it, known or not: a failure is a wrong authentication. It changes
//     the answer to further wrong ones alone, from 401 to 429: again the right credentials pass.
type Limiter interface {
	Wait(ctx context.Context, key string) time.Duration // until another try is welcome; zero: it is
	Failed(ctx context.Context, key string)
}

// The Limiter that is used if the host gives none: so many failures at once, and then one each second. It
// remembers the limitKeys keys that failed last, and at most as many more.
const (
	limitBurst = 100
	limitEvery = time.Second
	limitKeys  = 1 << 15
)

// limiter counts failures by the time at which each key will have made up for them.
type limiter struct {
	now func() time.Time

	mu  sync.Mutex
	due *recent.Map[limitKey, int64] // Unix nanoseconds
}

type limitKey [16]byte // of a hash: whoever fails chooses the text

func newLimiter(now func() time.Time) *limiter {
	return &limiter{now: now, due: recent.New[limitKey, int64](limitKeys)}
}

func (l *limiter) Wait(_ context.Context, key string) time.Duration {
	k, now := hashLimitKey(key), l.now().UnixNano()
	l.mu.Lock()
	defer l.mu.Unlock()
	due, _ := l.due.Get(k)
	return max(0, time.Duration(due-now)-(limitBurst-1)*limitEvery)
}

// Failed counts no more than two bursts: after them nobody has to wait for longer than one takes.
func (l *limiter) Failed(_ context.Context, key string) {
	k, now := hashLimitKey(key), l.now().UnixNano()
	l.mu.Lock()
	defer l.mu.Unlock()
	due, _ := l.due.Get(k)
	due = min(max(now, due)+int64(limitEvery), now+2*limitBurst*int64(limitEvery))
	l.due.Put(k, due)
}

func hashLimitKey(key string) limitKey {
	sum := sha256.Sum256([]byte(key))
	return limitKey(sum[:])
}

// limited refuses a request whose key has failed too often.
func (c *call) limited(key string) *Error {
	wait := c.s.config.Limiter.Wait(c.ctx, key)
	if wait <= 0 {
		return nil
	}
	return &Error{Code: "temporarily_unavailable", Description: "too many failed requests; try again later",
		Status: http.StatusTooManyRequests, retryAfter: wait}
}

// limitedAddress is limited for where the request comes from.
func (c *call) limitedAddress() *Error {
	if c.address == "" {
		return nil
	}
	return c.limited("address/" + c.address)
}

// failed counts an answer against where the request came from, unless an app has authenticated: what it is
// sent to ask by strangers is not held against it.
func (c *call) failed(status int) {
	wrong := status >= 400 && status < 500 // 429 too: by app it is the answer to a guess
	if wrong && c.address != "" && (c.app == nil || c.app.Manifest.Public()) {
		c.s.config.Limiter.Failed(c.ctx, "address/"+c.address)
	}
}

// unauthenticated says how a request is refused whose client did not authenticate, for err, and counts a wrong
// authentication against the app that was named.
func (c *call) unauthenticated(err error) error {
	e := asError(err)
	var wait *Error
	if e.Code == "invalid_client" && c.event.App != "" {
		key := "app/" + c.event.App
		wait = c.limited(key)
		c.s.config.Limiter.Failed(c.ctx, key)
	}
	if c.wait != nil && e.status() < 500 {
		wait = c.wait
	}
	if wait == nil || wait == e {
		return err
	}
	told := *wait
	told.Cause = err
	return &told
}

// addressKey is an address as the limiter counts it: who has one IPv6 address has 2^64.
func addressKey(s string) string {
	a, err := netip.ParseAddr(s)
	if err != nil {
		ap, err := netip.ParseAddrPort(s)
		if err != nil {
			return s
		}
		a = ap.Addr()
	}
	a = a.Unmap().WithZone("")
	if a.Is4() {
		return a.String()
	}
	return netip.PrefixFrom(a, 64).Masked().String()
}

// setRetryAfter says when to try again what could not be done or looked at now (RFC 9110, Section 10.2.3).
func setRetryAfter(h http.Header, e *Error, status int) {
	switch {
	case e.retryAfter > 0:
		h.Set("Retry-After", strconv.Itoa(int((e.retryAfter+time.Second-1)/time.Second)))
	case status == http.StatusServiceUnavailable:
		h.Set("Retry-After", "1")
	}
}
