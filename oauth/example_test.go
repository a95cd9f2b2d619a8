package oauth_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"log"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/pkce"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store/memory"
	"github.com/oauthcore/oauthcore/token"
)

// signingKeys is a ring of one new key. A real one is loaded: see token.ParseKey.
func signingKeys() *token.Keys {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	keys, err := token.NewKeys(token.Key{Signer: key})
	if err != nil {
		log.Fatal(err)
	}
	return keys
}

// A host embeds the server, an app sends its user there and gets tokens: the code flow in one sitting.
func Example() {
	// The host: it knows who is signed in, and has two pages.
	sessions := map[string]*oauth.Login{}
	signedIn := func(r *http.Request) (*oauth.Login, error) {
		c, err := r.Cookie("session")
		if err != nil {
			return nil, nil
		}
		return sessions[c.Value], nil
	}
	page := template.Must(template.New("").Parse(`<form method="post" action="{{.URL}}">
{{if not .Login}}Your name: <input name="user">
{{else}}{{.App.Manifest.Name}} wants to: {{range .Scopes}}{{.}} {{end}}<button name="allow" value="yes">Allow</button>
{{end}}</form>`))
	interact := func(w http.ResponseWriter, r *http.Request, a *oauth.Authorization) {
		switch {
		case r.Method == http.MethodGet:
			page.Execute(w, a)
		case a.Login == nil: // the sign-in form: check a password here
			id := rand.Text()
			sessions[id] = &oauth.Login{Subject: r.FormValue("user"), Session: id, Time: time.Now()}
			http.SetCookie(w, &http.Cookie{Name: "session", Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
			http.Redirect(w, r, a.URL, http.StatusSeeOther)
		case r.FormValue("allow") == "yes":
			a.Approve(w, r, nil)
		default:
			a.Deny(w, r, nil)
		}
	}
	ts := httptest.NewUnstartedServer(nil)
	issuer := "http://" + ts.Listener.Addr().String()
	srv, err := oauth.New(oauth.Config{
		Issuer: issuer,
		Store:  memory.New(),
		Keys:   signingKeys(),
		Apps: registry.Static{{ID: "notes", Manifest: registry.Manifest{
			Name: "Notes", AuthMethod: "none", Scopes: []string{"read", "write"},
			RedirectURIs: []string{"https://notes.example.com/callback"},
		}}},
		Resources: []string{"https://api.example.com"},
		SignedIn:  signedIn,
		Interact:  interact,
	})
	if err != nil {
		log.Fatal(err)
	}
	ts.Config.Handler = srv
	ts.Start()
	defer ts.Close()

	// The app: it sends the browser to the authorization endpoint.
	verifier := pkce.NewVerifier()
	request := issuer + "/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {"notes"}, "scope": {"read"}, "state": {"af0ifjsldkj"},
		"code_challenge": {pkce.Challenge(verifier)}, "code_challenge_method": {"S256"},
	}.Encode()

	// The browser: it follows redirects, as far as the app's.
	jar, _ := cookiejar.New(nil)
	browser := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if r.URL.Host == "notes.example.com" {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	action := regexp.MustCompile(`action="([^"]+)"`)
	read := func(res *http.Response, err error) string {
		if err != nil {
			log.Fatal(err)
		}
		defer res.Body.Close()
		body, _ := io.ReadAll(res.Body)
		return string(body)
	}
	signIn := read(browser.Get(request))
	consent := read(browser.PostForm(issuer+action.FindStringSubmatch(signIn)[1], url.Values{"user": {"alice"}}))
	fmt.Println(regexp.MustCompile(`\w+ wants to: \w+`).FindString(consent))
	res, err := browser.PostForm(issuer+action.FindStringSubmatch(consent)[1], url.Values{"allow": {"yes"}})
	if err != nil {
		log.Fatal(err)
	}
	res.Body.Close()
	back, _ := res.Location()
	fmt.Println(res.StatusCode, back.Host+back.Path, back.Query().Get("state"), back.Query().Get("iss") == issuer)

	// The app again: it redeems the code.
	var tokens struct {
		Type    string `json:"token_type"`
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
		Expires int    `json:"expires_in"`
		Scope   string
	}
	answer := read(http.PostForm(issuer+"/token", url.Values{"grant_type": {"authorization_code"}, "client_id": {"notes"},
		"code": {back.Query().Get("code")}, "code_verifier": {verifier}}))
	if err := json.Unmarshal([]byte(answer), &tokens); err != nil {
		log.Fatal(err)
	}
	fmt.Println(tokens.Type, tokens.Expires, tokens.Scope, tokens.Refresh != "")

	// The API: it asks what the token is worth.
	claims, err := srv.Introspect(context.Background(), tokens.Access)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(claims.Subject, claims.ClientID, claims.Audience)
	// Output:
	// Notes wants to: read
	// 303 notes.example.com/callback af0ifjsldkj true
	// Bearer 900 read true
	// alice notes [https://api.example.com]
}

// A host whose own login gives its own app tokens needs no page and no redirect.
func ExampleServer_Issue() {
	srv, err := oauth.New(oauth.Config{
		Issuer: "https://auth.example.com", Store: memory.New(), Keys: signingKeys(),
		Apps:      registry.Static{{ID: "mobile", Manifest: registry.Manifest{Name: "Ours", AuthMethod: "none", GrantTypes: []string{"refresh_token"}, Scopes: []string{"read", "write"}}}},
		Resources: []string{"https://api.example.com"},
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	// The host has checked the password.
	tokens, err := srv.Issue(ctx, "mobile", oauth.Approval{
		Login:  &oauth.Login{Subject: "alice", Time: time.Now(), AMR: []string{"pwd"}},
		Scopes: []string{"read"},
	})
	if err != nil {
		log.Fatal(err)
	}
	claims, err := srv.Introspect(ctx, tokens.AccessToken)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(claims.Subject, claims.Scopes, claims.AMR, tokens.RefreshToken != "")

	// Signing out everywhere ends it.
	if err := srv.EndSubject(ctx, "alice"); err != nil {
		log.Fatal(err)
	}
	_, err = srv.Introspect(ctx, tokens.AccessToken)
	fmt.Println(err != nil)
	// Output:
	// alice [read] [pwd] true
	// true
}

// A grant type of the host's own: a kiosk shows a badge's number. The server has authenticated the client
// and asks the host whom the request is for.
func ExampleGrantHandler() {
	const badge = "https://auth.example.com/grant/badge"
	owners := map[string]string{"4711": "alice"}
	plain, secret := registry.NewSecret(time.Now())
	srv, err := oauth.New(oauth.Config{
		Issuer: "https://auth.example.com", Store: memory.New(), Keys: signingKeys(),
		Apps: registry.Static{{ID: "kiosk", Secrets: []registry.Secret{secret},
			Manifest: registry.Manifest{Name: "Kiosk", AuthMethod: "client_secret_post", GrantTypes: []string{badge}, Scopes: []string{"check-in"}}}},
		Resources: []string{"https://api.example.com"},
		GrantTypes: map[string]oauth.GrantHandler{
			badge: func(ctx context.Context, r *oauth.TokenRequest) (*oauth.Approval, error) {
				subject, ok := owners[r.Params.Get("badge")]
				if !ok {
					return nil, &oauth.Error{Code: "invalid_grant", Description: "nobody has this badge"}
				}
				return &oauth.Approval{Login: &oauth.Login{Subject: subject, Time: time.Now()}}, nil
			},
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, number := range []string{"4711", "1"} {
		form := url.Values{"grant_type": {badge}, "badge": {number}, "client_id": {"kiosk"}, "client_secret": {plain}}
		r := httptest.NewRequest("POST", "https://auth.example.com/token", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, r)
		var answer map[string]any
		json.Unmarshal(w.Body.Bytes(), &answer)
		fmt.Println(w.Code, answer["scope"], answer["error"], answer["error_description"])
	}
	// Output:
	// 200 check-in <nil> <nil>
	// 400 <nil> invalid_grant nobody has this badge
}

// This is wrong: it approves as soon as the request comes. Whoever gets a signed-in user to open a link
// would get a code, so only the form of a consent page can approve, and the user sees a page that says so.
// An app that needs no consent has registry.Policy.FirstParty; the host is then not asked at all.
func ExampleAuthorization_Approve_wrong() {
	srv, err := oauth.New(oauth.Config{
		Issuer: "https://auth.example.com", Store: memory.New(), Keys: signingKeys(),
		Apps:      registry.Static{{ID: "notes", Manifest: registry.Manifest{Name: "Notes", AuthMethod: "none", Scopes: []string{"read"}, RedirectURIs: []string{"https://notes.example.com/callback"}}}},
		Resources: []string{"https://api.example.com"},
		SignedIn: func(*http.Request) (*oauth.Login, error) {
			return &oauth.Login{Subject: "alice", Session: "1", Time: time.Now()}, nil
		},
		Interact: func(w http.ResponseWriter, r *http.Request, a *oauth.Authorization) {
			a.Approve(w, r, nil) // wrong
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	w := httptest.NewRecorder()
	srv.ServeHTTP(w, httptest.NewRequest("GET", "https://auth.example.com/authorize?response_type=code&client_id=notes&scope=read"+
		"&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256", nil))
	fmt.Print(w.Code, " ", w.Body)
	// Output:
	// 400 This request cannot go on: only the form of a consent page can approve.
}
