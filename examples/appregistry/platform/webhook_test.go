package platform_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/examples/appregistry/platform"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store/memory"
)

var machine = platform.Caller{Subject: "app-1", App: "app-1"}

// delivered is a message as its endpoint gets it.
type delivered struct {
	header http.Header
	body   string
}

// signedBy reports whether a signature of the message is by the secret, as the Standard Webhooks
// specification has it.
func (d *delivered) signedBy(t *testing.T, secret string) bool {
	t.Helper()
	encoded, ok := strings.CutPrefix(secret, "whsec_")
	key, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || len(key) != 32 {
		t.Fatalf("the secret is not whsec_ and 32 bytes in base64: %v", err)
	}
	h := hmac.New(sha256.New, key)
	io.WriteString(h, d.header.Get("webhook-id")+"."+d.header.Get("webhook-timestamp")+"."+d.body)
	want := "v1," + base64.StdEncoding.EncodeToString(h.Sum(nil))
	for _, got := range strings.Split(d.header.Get("webhook-signature"), " ") {
		if got == want {
			return true
		}
	}
	return false
}

func TestWebhookDelivery(t *testing.T) {
	t.Parallel()
	var last delivered
	answer := http.StatusNoContent
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		last = delivered{r.Header, string(body)}
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(answer)
	}))
	t.Cleanup(ts.Close)
	p, c := fresh(t, func(conf *platform.Config) { conf.InsecureWebhooks = true })
	w, secret, err := p.CreateWebhook(t.Context(), machine, ts.URL+"/hook", "")
	if err != nil {
		t.Fatal(err)
	}
	send := func() *platform.Delivery {
		t.Helper()
		d, err := p.TryWebhook(t.Context(), machine, w.ID)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	t.Run("a message is signed, dated and named", func(t *testing.T) {
		d := send()
		if !d.Delivered || d.Status != http.StatusNoContent || d.Error != "" {
			t.Errorf("got %+v, wanted it delivered", d)
		}
		if !last.signedBy(t, secret) || last.header.Get("webhook-id") != d.ID || last.header.Get("webhook-timestamp") != strconv.FormatInt(c.now().Unix(), 10) {
			t.Errorf("headers are %v", last.header)
		}
		var message struct {
			Type, Timestamp string
			Data            map[string]string
		}
		if err := json.Unmarshal([]byte(last.body), &message); err != nil || message.Type != "webhook.test" || message.Data["webhook_id"] != w.ID || message.Timestamp != c.now().Format(time.RFC3339) {
			t.Errorf("the message is %+v, %v", message, err)
		}
		if first := d.ID; send().ID == first {
			t.Error("two messages have one name")
		}
	})
	t.Run("both secrets sign while a rotation overlaps", func(t *testing.T) {
		_, next, err := p.RotateWebhook(t.Context(), machine, w.ID, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := p.RotateWebhook(t.Context(), machine, w.ID, time.Hour); !errors.Is(err, registry.ErrState) {
			t.Errorf("a third secret: %v, wanted ErrState", err)
		}
		send()
		if !last.signedBy(t, secret) || !last.signedBy(t, next) {
			t.Error("during the overlap a signature is missing")
		}
		c.pass(time.Hour)
		send()
		if last.signedBy(t, secret) || !last.signedBy(t, next) {
			t.Error("after the overlap the old secret signs, or the new one does not")
		}
		_, third, err := p.RotateWebhook(t.Context(), machine, w.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		send()
		if last.signedBy(t, next) || !last.signedBy(t, third) {
			t.Error("without overlap the old secret signs, or the new one does not")
		}
	})
	t.Run("what is not delivered is told", func(t *testing.T) {
		for _, answer = range []int{http.StatusFound, http.StatusInternalServerError} {
			if d := send(); d.Delivered || d.Status != answer || !strings.Contains(d.Error, strconv.Itoa(answer)) {
				t.Errorf("answered %d: %+v", answer, d)
			}
		}
		ts.Close()
		if d := send(); d.Delivered || d.Status != 0 || d.Error != "the endpoint could not be reached" {
			t.Errorf("with nobody there: %+v", d)
		}
	})
	t.Run("another app does not see it", func(t *testing.T) {
		other := platform.Caller{Subject: "app-2", App: "app-2"}
		if _, err := p.Webhook(t.Context(), other, w.ID); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("Webhook: %v, wanted ErrNotFound", err)
		}
		if _, err := p.TryWebhook(t.Context(), other, w.ID); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("TryWebhook: %v, wanted ErrNotFound", err)
		}
		if page, err := p.Webhooks(t.Context(), other, "", 20); err != nil || len(page.Items) != 0 {
			t.Errorf("Webhooks: %d, %v; wanted none", len(page.Items), err)
		}
		if _, err := p.Webhooks(t.Context(), platform.Caller{Subject: "dev", Roles: []string{"admin"}}, "", 20); !errors.Is(err, registry.ErrForbidden) {
			t.Errorf("a person: %v, wanted ErrForbidden", err)
		}
	})
	t.Run("a deleted one is gone", func(t *testing.T) {
		if _, err := p.DeleteWebhook(t.Context(), machine, w.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := p.TryWebhook(t.Context(), machine, w.ID); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("TryWebhook: %v, wanted ErrNotFound", err)
		}
		if page, err := p.Webhooks(t.Context(), machine, "", 20); err != nil || len(page.Items) != 0 {
			t.Errorf("Webhooks: %d, %v; wanted none", len(page.Items), err)
		}
	})
}

// When the server's secret is gone, a webhook works again after a rotation.
func TestWebhookOutlivesSecret(t *testing.T) {
	t.Parallel()
	var last delivered
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		last = delivered{r.Header, string(body)}
	}))
	t.Cleanup(ts.Close)
	st, c := memory.New(), newClock()
	with := func(secrets ...[]byte) *platform.Platform {
		vault, err := platform.NewVault(secrets)
		if err != nil {
			t.Fatal(err)
		}
		return open(t, st, c, func(conf *platform.Config) { conf.Vault, conf.InsecureWebhooks = vault, true })
	}
	w, old, err := with(secret(1)).CreateWebhook(t.Context(), machine, ts.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	if d, err := with(secret(2), secret(1)).TryWebhook(t.Context(), machine, w.ID); err != nil || !d.Delivered || !last.signedBy(t, old) {
		t.Errorf("beside a new secret: %+v, %v", d, err)
	}
	p := with(secret(2))
	if _, err := p.TryWebhook(t.Context(), machine, w.ID); !errors.Is(err, registry.ErrState) {
		t.Errorf("without the secret: %v, wanted ErrState", err)
	}
	_, next, err := p.RotateWebhook(t.Context(), machine, w.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if d, err := p.TryWebhook(t.Context(), machine, w.ID); err != nil || !d.Delivered || !last.signedBy(t, next) {
		t.Errorf("after a rotation: %+v, %v", d, err)
	}
}

func TestWebhookEndpoints(t *testing.T) {
	t.Parallel()
	p, _ := fresh(t, nil)
	for address, ok := range map[string]bool{
		"https://hooks.example/x?y=z":    true,
		"https://8.8.8.8/":               true,
		"http://hooks.example/x":         false,
		"https://user@hooks.example/":    false,
		"https://hooks.example/#x":       false,
		"https:///x":                     false,
		"https://:443/x":                 false,
		"ftp://hooks.example/":           false,
		"hooks.example":                  false,
		"":                               false,
		"https://127.0.0.1/":             false,
		"https://[::1]:8443/":            false,
		"https://169.254.169.254/latest": false,
		"https://hooks.example/" + strings.Repeat("x", 2048-22): true,
		"https://hooks.example/" + strings.Repeat("x", 2048-21): false,
	} {
		_, _, err := p.CreateWebhook(t.Context(), machine, address, "")
		if _, invalid := errors.AsType[*platform.Invalid](err); ok && err != nil || !ok && !invalid {
			t.Errorf("%.60q: %v, wanted it accepted %t", address, err, ok)
		}
	}
	for n := range 30 {
		_, _, err := p.CreateWebhook(t.Context(), platform.Caller{Subject: "app-3", App: "app-3"}, "https://hooks.example/", "")
		if (err == nil) != (n < 20) || err != nil && !errors.Is(err, registry.ErrState) {
			t.Errorf("webhook %d: %v; wanted 20 and no more", n+1, err)
		}
	}
}

// A name that leads inside is found out when it is dialled.
func TestDeliveryStaysOutside(t *testing.T) {
	t.Parallel()
	reached := false
	ts := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	t.Cleanup(ts.Close)
	p, _ := fresh(t, nil)
	_, port, _ := strings.Cut(strings.TrimPrefix(ts.URL, "https://"), ":")
	w, _, err := p.CreateWebhook(t.Context(), machine, "https://localhost:"+port+"/", "")
	if err != nil {
		t.Fatal(err)
	}
	d, err := p.TryWebhook(t.Context(), machine, w.ID)
	if err != nil || d.Delivered || d.Error != "the address is not one of the public internet" || reached {
		t.Errorf("got %+v, %v, reached %t; wanted the address refused", d, err, reached)
	}
}

func TestDeliveryAddresses(t *testing.T) {
	t.Parallel()
	var file struct {
		Cases []struct {
			Address, Note string
			Blocked       bool
		}
	}
	b, err := os.ReadFile("testdata/ssrf_address_cases.json")
	if err == nil {
		err = json.Unmarshal(b, &file)
	}
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, one := range file.Cases {
		if one.Address == "" {
			continue // a name: what is dialled decides
		}
		tried++
		a := netip.MustParseAddr(one.Address)
		for _, a := range []netip.Addr{a, netip.AddrFrom16(a.As16())} { // the second has an IPv4 address inside an IPv6 one
			if err := platform.CheckAddress(a); (err != nil) != one.Blocked {
				t.Errorf("%s (%s): %v, wanted blocked %t", a, one.Note, err, one.Blocked)
			}
		}
	}
	if tried < 40 {
		t.Errorf("%d addresses were tried, wanted the file's", tried)
	}
}
