package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"sync"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
)

const (
	sessionLifetime = 12 * time.Hour
	maxSessions     = 100_000 // some 30 MiB; more push out the oldest
)

// session says who signed in to this server in a browser, and when.
type session struct {
	id      string // names the session without being its secret
	subject string
	began   time.Time
}

// sessions keeps who is signed in, by the hash of a cookie of 256 random bits. It is safe for many
// goroutines.
type sessions struct {
	now    func() time.Time
	max    int
	cookie http.Cookie // as set, without a value

	mu    sync.Mutex
	byID  map[string]session
	queue []session // oldest first, ended ones too: it bounds byID and finds what expired
}

func newSessions(now func() time.Time, secure bool) *sessions {
	s := &sessions{now: now, max: maxSessions, byID: make(map[string]session), cookie: http.Cookie{
		Name: "session", Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: int(sessionLifetime.Seconds()),
	}}
	if secure {
		s.cookie.Name, s.cookie.Secure = "__Host-session", true // a neighbouring host cannot set it
	}
	return s
}

// begin signs subject in under a new id: one that was known before the sign-in never becomes the
// signed-in one. It ends the session that the browser had.
func (s *sessions) begin(w http.ResponseWriter, r *http.Request, subject string) {
	s.forget(r)
	secret := make([]byte, 32)
	rand.Read(secret)
	cookie := s.cookie
	cookie.Value = base64.RawURLEncoding.EncodeToString(secret)
	n := session{id: sessionID(cookie.Value), subject: subject, began: s.now()}

	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.queue) > 0 && (len(s.queue) >= s.max || s.expired(s.queue[0])) {
		delete(s.byID, s.queue[0].id)
		s.queue = s.queue[1:]
	}
	s.byID[n.id] = n
	s.queue = append(s.queue, n)
	http.SetCookie(w, &cookie)
}

// end signs the browser out.
func (s *sessions) end(w http.ResponseWriter, r *http.Request) {
	s.forget(r)
	gone := s.cookie
	gone.MaxAge = -1
	http.SetCookie(w, &gone)
}

func (s *sessions) forget(r *http.Request) {
	if c, err := r.Cookie(s.cookie.Name); err == nil {
		s.mu.Lock()
		delete(s.byID, sessionID(c.Value))
		s.mu.Unlock()
	}
}

// find returns the session of the browser that sent r.
func (s *sessions) find(r *http.Request) (session, bool) {
	c, err := r.Cookie(s.cookie.Name)
	if err != nil {
		return session{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.byID[sessionID(c.Value)]
	return found, ok && !s.expired(found)
}

func (s *sessions) expired(one session) bool { return !s.now().Before(one.began.Add(sessionLifetime)) }

func sessionID(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// signedIn is the service's oauth.Config.SignedIn.
func (s *server) signedIn(r *http.Request) (*oauth.Login, error) {
	found, ok := s.sessions.find(r)
	if !ok {
		return nil, nil
	}
	u := s.users.find(found.subject)
	if u == nil {
		return nil, nil
	}
	return &oauth.Login{
		Subject: u.Email,
		Tenant:  u.Tenant,
		Session: found.id,
		Time:    found.began,
		AMR:     []string{"pwd"},
	}, nil
}

// signOut answers POST /sign-out. It ends the session, not the grants of apps the user has let in.
func (s *server) signOut(w http.ResponseWriter, r *http.Request) {
	s.sessions.end(w, r)
	http.Redirect(w, r, s.base+"/", http.StatusSeeOther)
}
