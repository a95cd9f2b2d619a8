package platform

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/oauthcore/oauthcore/registry"
)

// Delivery is what came of sending a message.
type Delivery struct {
	ID        string `json:"id"` // of the message
	Delivered bool   `json:"delivered"`
	Status    int    `json:"status"`      // of the answer; zero: there was none
	Duration  int64  `json:"duration_ms"` // until the answer, or until it was given up
	Error     string `json:"error"`       // why it was not delivered; empty if it was
}

// TryWebhook sends an endpoint a message of the type webhook.test.
func (p *Platform) TryWebhook(ctx context.Context, c Caller, id string) (*Delivery, error) {
	r, err := p.endpoint(ctx, c, id)
	if err != nil {
		return nil, err
	}
	return p.deliver(ctx, &r.value, "webhook.test", map[string]string{"webhook_id": id})
}

// deliver sends one message in the manner of the Standard Webhooks specification, once.
func (p *Platform) deliver(ctx context.Context, to *endpoint, kind string, data any) (*Delivery, error) {
	at := p.now()
	body, err := json.Marshal(map[string]any{"type": kind, "timestamp": at.Format(time.RFC3339), "data": data})
	if err != nil {
		return nil, err
	}
	d := &Delivery{ID: "msg_" + rand.Text()}
	signature, err := p.sign(to, d.ID, at, body)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "appregistry")
	r.Header.Set("webhook-id", d.ID)
	r.Header.Set("webhook-timestamp", strconv.FormatInt(at.Unix(), 10))
	r.Header.Set("webhook-signature", signature)
	began := time.Now()
	resp, err := p.client.Do(r)
	d.Duration = time.Since(began).Milliseconds()
	if err != nil {
		d.Error = why(err)
		return d, nil
	}
	io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	resp.Body.Close()
	d.Status = resp.StatusCode
	d.Delivered = d.Status/100 == 2
	if !d.Delivered {
		d.Error = "the endpoint answered " + strconv.Itoa(d.Status)
	}
	return d, nil
}

// sign returns the signatures of a message, one for each secret that signs now. One that was sealed under a
// secret of the server that is gone signs no more.
func (p *Platform) sign(to *endpoint, id string, at time.Time, body []byte) (string, error) {
	var all []string
	for _, s := range p.signing(to) {
		key, err := p.vault.open(s.Sealed, to.ID)
		if err != nil {
			continue
		}
		h := hmac.New(sha256.New, key)
		h.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
		h.Write(body)
		all = append(all, "v1,"+base64.StdEncoding.EncodeToString(h.Sum(nil)))
	}
	if all == nil {
		return "", fmt.Errorf("%w: the signing secret can no longer be read; rotate it", registry.ErrState)
	}
	return strings.Join(all, " "), nil
}

// why tells a developer what went wrong with a delivery, and nothing of this server's network.
func why(err error) string {
	var failed net.Error
	switch {
	case errors.Is(err, errAddress):
		return "the address is not one of the public internet"
	case errors.As(err, &failed) && failed.Timeout():
		return "the endpoint did not answer in time"
	}
	return "the endpoint could not be reached"
}
