package fetch_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauthcore/oauthcore/internal/fetch"
)

func TestGet(t *testing.T) {
	const limit = 1000
	doc := strings.Repeat("x", limit)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("a redirect was followed")
	}))
	defer elsewhere.Close()
	tests := []struct {
		name    string
		handler http.HandlerFunc
		want    string // of the error; empty: the document
	}{
		{"a document of the limit", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, doc) }, ""},
		{"any content type", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, doc)
		}, ""},
		{"a byte more, announced", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1001")
			io.WriteString(w, doc+"x")
		}, "1001 bytes"},
		{"a byte more, not announced", func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, doc)
			w.(http.Flusher).Flush()
			io.WriteString(w, "x")
		}, "more than 1000 bytes"},
		{"a body without end", func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, doc); err != nil {
					return
				}
			}
		}, "more than 1000 bytes"},
		{"less than announced", func(w http.ResponseWriter, r *http.Request) {
			c, rw, _ := http.NewResponseController(w).Hijack()
			defer c.Close()
			rw.WriteString("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nshort")
			rw.Flush()
		}, "unexpected EOF"},
		{"more than announced", func(w http.ResponseWriter, r *http.Request) {
			c, rw, _ := http.NewResponseController(w).Hijack()
			defer c.Close()
			rw.WriteString("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + doc + "more")
			rw.Flush()
		}, ""},
		{"a gigabyte announced", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1073741824")
			w.WriteHeader(200)
		}, "1073741824 bytes"},
		{"a compressed answer", func(w http.ResponseWriter, r *http.Request) {
			if got := r.Header.Get("Accept-Encoding"); got != "identity" {
				t.Errorf("Accept-Encoding %q, want identity", got)
			}
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			z.Write(make([]byte, 1<<20))
			z.Close()
		}, "compressed"},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusFound)
		}, "status 302"},
		{"a missing document", http.NotFound, "status 404"},
		{"an empty answer", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) }, "status 204"},
		{"headers without end", func(w http.ResponseWriter, r *http.Request) {
			for i := range 10_000 {
				w.Header().Set(fmt.Sprint("X-", i), "xxxxxxxxxx")
			}
		}, "header"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			srv := httptest.NewServer(tc.handler)
			defer srv.Close()
			got, err := fetch.New(nil).Get(t.Context(), srv.URL, limit)
			switch {
			case tc.want == "" && (err != nil || string(got.Body) != doc):
				t.Errorf("Get: %v, want the document", err)
			case tc.want != "" && (got != nil || err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("Get: error %v, want one with %q", err, tc.want)
			}
		})
	}
}

// endless is a body that counts what is read of it.
type endless struct{ read int }

func (b *endless) Read(p []byte) (int, error) { b.read += len(p); return len(p), nil }
func (b *endless) Close() error               { return nil }

func (b *endless) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, ContentLength: -1, Body: b}, nil
}

func TestGetReadsNoMoreThanItMay(t *testing.T) {
	const limit = 1000
	body := new(endless)
	if _, err := fetch.New(&http.Client{Transport: body}).Get(t.Context(), "https://keys.example.com", limit); err == nil {
		t.Error("got a document without end, want an error")
	}
	if body.read > limit+1 {
		t.Errorf("read %d bytes, want at most one more than %d", body.read, limit)
	}
}

// The time limit holds for a server that never answers, and for one that answers a byte at a time.
func TestGetEnds(t *testing.T) {
	for name, send := range map[string]string{"nothing": "", "a byte a second": "HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := &http.Client{Transport: &http.Transport{
					DisableKeepAlives: true,
					DialContext: func(context.Context, string, string) (net.Conn, error) {
						ours, theirs := net.Pipe()
						go func() {
							http.ReadRequest(bufio.NewReader(theirs)) // an answer before the request is no answer
							go io.Copy(io.Discard, theirs)
							io.WriteString(theirs, send)
							for send != "" {
								time.Sleep(time.Second)
								if _, err := io.WriteString(theirs, "x"); err != nil {
									return
								}
							}
						}()
						return ours, nil
					},
				}}
				start := time.Now()
				_, err := fetch.New(client).Get(t.Context(), "http://127.0.0.1/", 1000)
				if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took != fetch.Timeout {
					t.Errorf("Get: error %v after %v, want the deadline after %v", err, took, fetch.Timeout)
				}
				time.Sleep(2 * time.Second) // the server notices
			})
		})
	}
}

func TestGetSendsNoCookies(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c := r.Cookies(); len(c) > 0 {
			t.Errorf("cookies %v, want none", c)
		}
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
	}))
	defer srv.Close()
	jar, _ := cookiejar.New(nil)
	hc := srv.Client()
	hc.Jar = jar
	for range 2 {
		if _, err := fetch.New(hc).Get(t.Context(), srv.URL, 10); err != nil {
			t.Fatal(err)
		}
	}
	if hc.Jar != jar || hc.CheckRedirect != nil {
		t.Error("the caller's client was changed")
	}
}

func TestMaxAge(t *testing.T) {
	const date = "Mon, 02 Jan 2006 15:04:05 GMT"
	for _, c := range []struct {
		header http.Header
		want   time.Duration
	}{
		{http.Header{}, -1},
		{http.Header{"Cache-Control": {"public"}}, -1},
		{http.Header{"Cache-Control": {"max-age=60"}}, time.Minute},
		{http.Header{"Cache-Control": {"public, MAX-AGE=60"}}, time.Minute},
		{http.Header{"Cache-Control": {`max-age="60"`}}, time.Minute},
		{http.Header{"Cache-Control": {"no-store"}}, 0},
		{http.Header{"Cache-Control": {"max-age=60, no-cache"}}, 0},
		{http.Header{"Cache-Control": {"max-age=60", "no-store"}}, 0},
		{http.Header{"Cache-Control": {"max-age=x"}}, -1},
		{http.Header{"Cache-Control": {"max-age=-1"}}, -1},
		{http.Header{"Cache-Control": {"max-age=99999999999999999999"}}, -1},
		{http.Header{"Cache-Control": {"max-age=60"}, "Age": {"20"}}, 40 * time.Second},
		{http.Header{"Cache-Control": {"max-age=60"}, "Age": {"90"}}, 0},
		{http.Header{"Cache-Control": {"max-age=60"}, "Age": {"x"}}, time.Minute},
		{http.Header{"Age": {"20"}}, -1},
		{http.Header{"Date": {date}, "Expires": {"Mon, 02 Jan 2006 15:06:05 GMT"}}, 2 * time.Minute},
		{http.Header{"Date": {date}, "Expires": {"Mon, 02 Jan 2006 15:06:05 GMT"}, "Cache-Control": {"max-age=60"}}, time.Minute},
		{http.Header{"Date": {date}, "Expires": {date}}, 0},
		{http.Header{"Date": {date}, "Expires": {"Mon, 02 Jan 2006 15:00:00 GMT"}}, 0},
		{http.Header{"Date": {date}, "Expires": {"0"}}, 0},
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for name, values := range c.header {
				w.Header()[name] = values
			}
		}))
		doc, err := fetch.New(nil).Get(t.Context(), srv.URL, 10)
		srv.Close()
		if err != nil || doc.MaxAge != c.want {
			t.Errorf("%v: %+v, %v, want an age of %v", c.header, doc, err, c.want)
		}
	}
}

func TestCheckURI(t *testing.T) {
	for uri, good := range map[string]bool{
		"https://a.example/x?y=z":           true,
		"https://a.example:8443":            true,
		"http://127.0.0.1:8080/":            true,
		"http://127.8.8.8/":                 true,
		"http://[::1]:1/":                   true,
		"http://localhost/":                 true,
		"":                                  false,
		"a.example":                         false,
		"//a.example":                       false,
		"https:":                            false,
		"https://":                          false,
		"https://:443/":                     false,
		"https:a.example":                   false,
		"http://a.example":                  false,
		"http://localhost.a.example":        false,
		"http://127.0.0.1.a.example":        false,
		"http://127.1/":                     false,
		"http://0.0.0.0/":                   false,
		"http://10.0.0.1/":                  false,
		"https://user:secret@a.example":     false,
		"http://user:secret@a.example":      false,
		"https://user:secret@a.example/%zz": false,
		"https://user@a.example":            false,
		"https://a.example/#x":              false,
		"https://a.example#":                false,
		"https://a.example/%zz":             false,
		"https://a.example \n":              false,
		"file:///etc/passwd":                false,
		"gopher://a.example":                false,
		"unix:/x":                           false,
	} {
		err := fetch.CheckURI(uri)
		if (err == nil) != good {
			t.Errorf("CheckURI(%q): %v, want good %t", uri, err, good)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("CheckURI(%q): the error %q repeats the password", uri, err)
		}
		if _, err := fetch.New(refuse{t}.client()).Get(t.Context(), uri, 10); !good && (err == nil || strings.Contains(err.Error(), "dialled")) {
			t.Errorf("Get(%q): %v, want an error before anything is sent", uri, err)
		}
	}
}

// refuse is a transport that goes nowhere.
type refuse struct{ testing.TB }

func (r refuse) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("dialled") }
func (r refuse) client() *http.Client                            { return &http.Client{Transport: r} }
