package oauth_test

import (
	"context"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
)

// patience is a Limiter that lets everyone guess.
type patience struct{}

func (patience) Wait(context.Context, string) time.Duration { return 0 }
func (patience) Failed(context.Context, string)             {}

// BenchmarkTimeEquality compares how long two kinds of wrong credentials take, in pairs whose order is random:
// t is Welch's over the faster 90 % of each kind, for what else runs on a machine makes the rest slow. A
// difference that a stranger could use shows as a t that grows with the root of the samples; up to 10 in 100,000
// pairs, and always up to 4, is taken for none, as is one of less than 2 % of the medians.
func BenchmarkTimeEquality(b *testing.B) {
	near := secret[:len(secret)-1] + "x" // all but the last byte
	far := "x" + secret[1:]
	for _, c := range []struct{ name, id1, secret1, id2, secret2 string }{
		{"unknown app or wrong secret", "nbd", far, "web", far},
		{"wrong first or last byte", "web", far, "web", near},
		{"app of another method or wrong secret", "two", far, "web", far},
	} {
		b.Run(c.name, func(b *testing.B) {
			h := newHost(b, func(c *oauth.Config) { c.Observe = nil; c.Limiter = patience{} })
			ask := func(authorization string) float64 {
				r := httptest.NewRequest("POST", "/token", strings.NewReader("grant_type=client_credentials"))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.Header.Set("Authorization", authorization)
				w := httptest.NewRecorder()
				began := time.Now()
				h.srv.ServeHTTP(w, r)
				took := time.Since(began)
				if w.Code != http.StatusUnauthorized {
					b.Fatalf("got %d %s", w.Code, w.Body)
				}
				return float64(took)
			}
			one, two := basic(c.id1, c.secret1), basic(c.id2, c.secret2)
			var first, second []float64
			for b.Loop() {
				if rand.IntN(2) == 0 {
					first = append(first, ask(one))
					second = append(second, ask(two))
				} else {
					second = append(second, ask(two))
					first = append(first, ask(one))
				}
			}
			t, ratio := compare(first, second)
			b.ReportMetric(t, "t")
			b.ReportMetric(ratio, "medians")
			if limit := max(4, 10*math.Sqrt(float64(len(first))/100_000)); math.Abs(t) > limit && math.Abs(ratio-1) > 0.02 {
				b.Errorf("t is %.1f and the ratio of the medians %.3f after %d pairs: the time tells them apart", t, ratio, len(first))
			}
		})
	}
}

// compare returns Welch's t of the faster nine tenths of two samples, and the ratio of their medians.
func compare(a, b []float64) (t, ratio float64) {
	cut := func(v []float64) (mean, err float64, median float64) {
		slices.Sort(v)
		median = v[len(v)/2]
		v = v[:max(2, len(v)*9/10)]
		for _, x := range v {
			mean += x / float64(len(v))
		}
		for _, x := range v {
			err += (x - mean) * (x - mean) / float64(len(v)-1) / float64(len(v))
		}
		return mean, err, median
	}
	if len(a) < 2 {
		return 0, 1
	}
	m1, e1, med1 := cut(a)
	m2, e2, med2 := cut(b)
	return (m1 - m2) / math.Sqrt(e1+e2), med1 / med2
}
