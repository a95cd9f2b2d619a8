package oauth

import (
	"log/slog"
	"time"
)

// Event is one request, or call of Issue, Disconnect or EndSubject, and what came of it. It holds no secret.
type Event struct {
	Time      time.Time
	Endpoint  string // authorize, token, introspect, revoke, issue, disconnect, end, new
	GrantType string
	App       string // as named by the caller until Err is nil
	Subject   string
	Tenant    string
	Grant     string   // its ID
	Scopes    []string // granted
	Remote    string   // what [Config].Address returned, else RemoteAddr of the request
	Retried   bool     // the same successor was given again
	Reused    bool     // a spent credential came back; the grant is over
	Err       error    // nil: done as asked
}

// LogValue prints e for log/slog, empty fields left out.
func (e Event) LogValue() slog.Value {
	attrs := []slog.Attr{slog.Time("time", e.Time), slog.String("endpoint", e.Endpoint)}
	text := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	text("grant_type", e.GrantType)
	text("app", e.App)
	text("subject", e.Subject)
	text("tenant", e.Tenant)
	text("grant", e.Grant)
	if len(e.Scopes) > 0 {
		attrs = append(attrs, slog.Any("scopes", e.Scopes))
	}
	text("remote", e.Remote)
	if e.Retried {
		attrs = append(attrs, slog.Bool("retried", true))
	}
	if e.Reused {
		attrs = append(attrs, slog.Bool("reused", true))
	}
	if e.Err != nil {
		attrs = append(attrs, slog.String("error", e.Err.Error()))
	}
	return slog.GroupValue(attrs...)
}
