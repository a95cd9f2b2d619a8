package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/oauthcore/oauthcore/internal/table"
	"github.com/oauthcore/oauthcore/registry"
)

// answerTime bounds one request: a client that hangs up does not cut a write short, a store that hangs
// does not keep the request for ever.
const answerTime = 10 * time.Second

// call is one request on its way through the server.
type call struct {
	s      *Server
	ctx    context.Context // not cut by the client; bounded
	cancel context.CancelFunc
	now    int64 // Unix seconds, one instant for the whole request
	write  *table.Write
	event  Event

	params    url.Values
	header    http.Header
	address   string // for the limiter; "": not known
	wait      *Error // what the address is told instead of what was wrong, if it has to wait
	app       *registry.App
	assertion string             // id of the mark to set before the answer takes effect: the client's assertion, used once
	expires   int64              // of that mark
	handle    *table.Row[handle] // to store likewise: of the access token that was minted, nil if none is needed
	challenge bool               // the client used the Authorization header
}

// begin starts a request. Its caller defers cancel and calls done once.
func (s *Server) begin(ctx context.Context, endpoint string, r *http.Request) *call {
	now := s.config.Now()
	c := &call{s: s, now: now.Unix(), write: table.NewWrite(), event: Event{Time: now, Endpoint: endpoint}}
	c.ctx, c.cancel = context.WithTimeout(context.WithoutCancel(ctx), answerTime)
	if r != nil {
		c.event.Remote, c.header = r.RemoteAddr, r.Header
		if s.config.Address != nil {
			c.event.Remote = s.config.Address(r)
			c.address = addressKey(c.event.Remote)
		}
	}
	return c
}

// done reports the request's one Event.
func (c *call) done(err *Error) {
	if err != nil {
		c.event.Err = err
	}
	c.s.observe(c.ctx, c.event)
}

func (s *Server) observe(ctx context.Context, e Event) {
	if s.config.Observe == nil {
		return
	}
	if e.Time.IsZero() {
		e.Time = s.config.Now()
	}
	s.config.Observe(ctx, e)
}

// direct wraps an endpoint that answers the client itself: POST, parameters in the body, the client
// authenticated first.
func (s *Server) direct(endpoint string, w http.ResponseWriter, r *http.Request, answer func(*call) (body json.Marshaler, tok *TokenResponse, err error)) {
	c := s.begin(r.Context(), endpoint, r)
	defer c.cancel()
	if r.Method != http.MethodPost {
		s.notAllowed(w, c, http.MethodPost)
		return
	}
	c.challenge = len(r.Header["Authorization"]) > 0
	c.wait = c.limitedAddress()
	var body json.Marshaler
	var tok *TokenResponse
	var err error
	if c.params, err = s.readForm(endpoint, w, r); err == nil {
		err = c.authenticate()
	}
	if err == nil {
		body, tok, err = answer(c)
	} else {
		err = c.unauthenticated(err)
	}
	s.reply(w, c, body, tok, err)
}

// spend sets the mark of the client's assertion, and then stores the handle that the answer gives. It comes
// after every check and before the effect, so that a request that is refused spends nothing and no two
// succeed (RFC 7523, Section 3).
func (c *call) spend() error {
	if c.assertion != "" {
		_, err := c.s.marks.Create(c.ctx, c.write, table.Row[mark]{ID: c.assertion, Expires: c.expires}, c.now)
		if errors.Is(err, errExists) { // TestAssertionReplay
			return refuse("invalid_client", "the client assertion was used before")
		}
		if err != nil {
			return err
		}
		c.assertion = ""
	}
	return c.keepHandle()
}
