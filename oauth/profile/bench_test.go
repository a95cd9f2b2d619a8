package profile_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/oauth/profile"
)

// reader returns a function that has a profile read one body.
func reader(t testing.TB, p *oauth.Profile, contentType, body string) func() {
	r := httptest.NewRequest("POST", "/token", nil)
	r.Header.Set("Content-Type", contentType)
	b := strings.NewReader(body)
	r.Body = io.NopCloser(b)
	return func() {
		b.Reset(body)
		if v, err := p.Request("token", r); err != nil || len(v) != 5 {
			t.Fatalf("read %d parameters, %v", len(v), err)
		}
	}
}

var readers = []struct {
	name        string
	contentType string
	body        string
	most        float64 // allocations
}{
	{"JSON", "application/json", `{"grant_type":"authorization_code","code":"c","redirect_uri":"https://myapp.com/callback","client_id":"spa","code_verifier":"v"}`, 22},
	{"form", "application/x-www-form-urlencoded", "grant_type=authorization_code&code=c&redirect_uri=https%3A%2F%2Fmyapp.com%2Fcallback&client_id=spa&code_verifier=v", 12},
}

func TestAllocations(t *testing.T) {
	for _, tt := range readers {
		if got := testing.AllocsPerRun(100, reader(t, profile.JSON(), tt.contentType, tt.body)); got > tt.most {
			t.Errorf("reading a body of %s allocates %v times, want at most %v", tt.name, got, tt.most)
		}
	}
}

func BenchmarkRequest(b *testing.B) {
	for _, tt := range readers {
		f := reader(b, profile.JSON(), tt.contentType, tt.body)
		b.Run(tt.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
		})
	}
}

// BenchmarkToken is a whole client credentials request in each dialect, its signature included.
func BenchmarkToken(b *testing.B) {
	for name, p := range map[string]*oauth.Profile{
		"strict": nil, "Cognito": profile.Cognito(), "Doorkeeper": profile.Doorkeeper(), "IdentityServer": profile.IdentityServer(),
	} {
		h := newHost(b, p)
		path := "/token"
		if p != nil {
			path = p.Paths.Token
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest("POST", path, strings.NewReader("grant_type=client_credentials&scope=public&client_id=svc&client_secret="+secret))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				w := httptest.NewRecorder()
				if h.srv.ServeHTTP(w, r); w.Code != http.StatusOK {
					b.Fatal(w.Code)
				}
			}
		})
	}
}
