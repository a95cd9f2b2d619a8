package platform

import (
	"context"
	"time"

	"github.com/oauthcore/oauthcore/store"
)

// SessionLifetime is how long a browser stays signed in.
const SessionLifetime = 12 * time.Hour

// Session says who signed in to the service in a browser, and when.
type Session struct {
	ID      string // names the session without being its secret
	Subject string
	Began   time.Time
}

// session is the record of a Session.
type session struct {
	Subject string    `json:"subject"`
	Began   time.Time `json:"began"`
	Ended   bool      `json:"ended,omitzero"`
}

// Sessions keeps who is signed in, by the hash of a secret that only the browser has. It is safe for many
// goroutines, and for many servers on one store.
type Sessions struct {
	kept  records[session]
	clock func() time.Time
}

// NewSessions returns the sessions kept in s. Now may be nil for time.Now.
func NewSessions(s store.Store, now func() time.Time) *Sessions {
	if now == nil {
		now = time.Now
	}
	return &Sessions{kept: records[session]{s, "session/"}, clock: now}
}

// Begin signs subject in, to whoever shows the secret: at least 256 random bits, not used before.
func (s *Sessions) Begin(ctx context.Context, secret, subject string) error {
	_, err := s.kept.update(ctx, hash(secret), func(r *row[session]) error {
		now := s.clock().UTC().Round(0)
		r.value = session{Subject: subject, Began: now}
		r.expires = now.Add(SessionLifetime + time.Hour).Unix()
		return nil
	})
	return err
}

// End signs out whoever shows the secret.
func (s *Sessions) End(ctx context.Context, secret string) error {
	r, err := s.kept.get(ctx, hash(secret))
	if err != nil || r.version == 0 {
		return err
	}
	_, err = s.kept.update(ctx, r.id, func(r *row[session]) error {
		r.value.Ended = true
		r.expires = s.clock().Add(time.Hour).Unix()
		return nil
	})
	return err
}

// Find returns the session of whoever shows the secret, nil if there is none.
func (s *Sessions) Find(ctx context.Context, secret string) (*Session, error) {
	r, err := s.kept.get(ctx, hash(secret))
	if err != nil || r.version == 0 || r.value.Ended || !s.clock().Before(r.value.Began.Add(SessionLifetime)) {
		return nil, err
	}
	return &Session{ID: r.id, Subject: r.value.Subject, Began: r.value.Began}, nil
}
