package main

import (
	"crypto/rand"
	"net/http"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/oauthcore/oauthcore/oauth"
)

// user is someone with an account on the platform, as the API shows them.
type user struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Email string `json:"email"`

	password []byte // bcrypt
	tickets  []ticket
}

type ticket struct {
	ID    string `json:"id"`
	Event string `json:"event"`
	Seat  string `json:"seat"`
}

// users are the demonstration's, by ID. The passwords are in README.md.
var users = map[string]user{
	"1": {
		ID: "1", Name: "Ada Lovelace", Email: "ada@example.com",
		password: []byte("$2a$10$zovrOCJXJiT/dTWEHs791uvEJsTyV6xlqntxNGMfZFHy5RPtHyt1W"),
		tickets:  []ticket{{ID: "t1", Event: "Opening night", Seat: "A 12"}, {ID: "t2", Event: "Spring concert", Seat: "F 3"}},
	},
	"2": {
		ID: "2", Name: "Bob Martin", Email: "bob@example.com",
		password: []byte("$2a$10$P46Uyent/qT0wyKdZtHfgeq/e6JRm12MmJempdXcFwfl51hrkG7j."),
	},
}

// authenticate returns the user with that address and password. It takes as long for an address that
// nobody has, so that it does not tell which addresses are known.
func authenticate(email, password string) (u user, ok bool) {
	hash := users["1"].password // of anyone, for the time that it takes
	for _, other := range users {
		if other.Email == email {
			u, ok, hash = other, true, other.password
		}
	}
	if bcrypt.CompareHashAndPassword(hash, []byte(password)) != nil || !ok {
		return user{}, false
	}
	return u, true
}

const sessionLifetime = 12 * time.Hour

// sessions are who is signed in in which browser. They are safe for many goroutines.
type sessions struct {
	secure bool // the platform is on https
	mu     sync.Mutex
	logins map[string]*oauth.Login // by the cookie's value
}

// cookie is the name of the session's. The prefix, where browsers take it, keeps other hosts and plain
// http from setting it.
func (s *sessions) cookie() string {
	if s.secure {
		return "__Host-session"
	}
	return "session"
}

// begin signs a user in.
func (s *sessions) begin(w http.ResponseWriter, u user) {
	now, value := time.Now(), rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.logins == nil {
		s.logins = make(map[string]*oauth.Login)
	}
	for value, l := range s.logins { // a sign-in is rare enough to clear up at
		if now.Sub(l.Time) > sessionLifetime {
			delete(s.logins, value)
		}
	}
	s.logins[value] = &oauth.Login{Subject: u.ID, Session: rand.Text(), Time: now}
	http.SetCookie(w, &http.Cookie{Name: s.cookie(), Value: value, Path: "/", MaxAge: int(sessionLifetime.Seconds()),
		HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode})
}

// signedIn tells the library who is signed in to the platform.
func (s *sessions) signedIn(r *http.Request) (*oauth.Login, error) {
	c, err := r.Cookie(s.cookie())
	if err != nil {
		return nil, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.logins[c.Value]
	if l == nil || time.Since(l.Time) > sessionLifetime {
		return nil, nil
	}
	return l, nil
}
