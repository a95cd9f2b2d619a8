package token

import (
	"bytes"
	"net/http"
	"strconv"
	"time"
)

// JWKS returns the key set published at the time (RFC 7517 section 5): the public half of every key in the
// ring that is not past its NotAfter, whether it signs yet or not.
func (k *Keys) JWKS(at time.Time) []byte {
	doc, _ := k.ring.Load().jwks(at)
	return doc
}

// jwks returns the published set and the time until which it stays the same; zero: until it is replaced.
func (r *ring) jwks(at time.Time) (doc []byte, until time.Time) {
	var keys [][]byte
	for _, k := range r.keys {
		if k.withdrawn(at) {
			continue
		}
		keys = append(keys, k.jwk)
		if !k.NotAfter.IsZero() && (until.IsZero() || k.NotAfter.Before(until)) {
			until = k.NotAfter
		}
	}
	return append(append([]byte(`{"keys":[`), bytes.Join(keys, []byte(","))...), "]}"...), until
}

// maxAge is how long others may cache a key set, and so how long before its NotBefore a key has to be in
// the ring.
const maxAge = 5 * time.Minute

// Handler serves the key set published at now(), nil for [time.Now], at whatever path it is asked. Caches may
// keep it for five minutes, and never beyond the NotAfter of a key. Scripts of any origin may read it.
func (k *Keys) Handler(now func() time.Time) http.Handler {
	if now == nil {
		now = time.Now
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		at := now()
		doc, until := k.ring.Load().jwks(at)
		age := maxAge
		if !until.IsZero() {
			age = min(age, until.Sub(at))
		}
		h.Set("Content-Type", "application/jwk-set+json")
		h.Set("Cache-Control", "public, max-age="+strconv.FormatInt(int64(age/time.Second), 10))
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Length", strconv.Itoa(len(doc)))
		w.Write(doc) // net/http drops the body of an answer to HEAD
	})
}
