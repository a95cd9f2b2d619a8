package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/oauthcore/oauthcore/oauth/resource"
)

// booking is a stay, as the API reads and writes it.
type booking struct {
	ID    string `json:"id"`
	Guest string `json:"guest"`
	Room  string `json:"room"`
	From  string `json:"from"` // a date, such as 2030-05-01
	To    string `json:"to"`
}

// fault says what is wrong with b, "" if nothing is.
func (b *booking) fault() string {
	from, err1 := time.Parse(time.DateOnly, b.From)
	to, err2 := time.Parse(time.DateOnly, b.To)
	switch {
	case b.ID != "":
		return "id is not yours to choose"
	case b.Guest == "" || b.Room == "":
		return "guest and room are needed"
	case err1 != nil || err2 != nil || !from.Before(to):
		return "from and to must be dates such as 2030-05-01, in that order"
	}
	return ""
}

// bookings keeps what each partner has booked, until the program ends. It is safe for many goroutines.
type bookings struct {
	mu   sync.Mutex
	last int
	of   map[string][]booking // by app
}

func (b *bookings) add(app string, more booking) booking {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last++
	more.ID = strconv.Itoa(b.last)
	if b.of == nil {
		b.of = make(map[string][]booking)
	}
	b.of[app] = append(b.of[app], more)
	return more
}

func (b *bookings) list(app string) []booking {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.of[app])
}

// serveList answers with what the app has booked.
func (b *bookings) serveList(w http.ResponseWriter, r *http.Request) {
	list := b.list(resource.Claims(r.Context()).ClientID)
	answer(w, http.StatusOK, map[string]any{"bookings": append([]booking{}, list...)})
}

// serveAdd books.
func (b *bookings) serveAdd(w http.ResponseWriter, r *http.Request) {
	var more booking
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4096)).Decode(&more); err != nil {
		answer(w, http.StatusBadRequest, map[string]any{"message": "the body is not a booking in JSON"})
		return
	}
	if fault := more.fault(); fault != "" {
		answer(w, http.StatusBadRequest, map[string]any{"message": fault})
		return
	}
	answer(w, http.StatusCreated, b.add(resource.Claims(r.Context()).ClientID, more))
}

// refuse writes what the guard refuses. Why is in WWW-Authenticate.
func refuse(w http.ResponseWriter, _ *http.Request, e *resource.Error) {
	answer(w, e.Status, map[string]any{"message": http.StatusText(e.Status)})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}
