package token_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oauthcore/oauthcore/token"
)

func TestClaimsMarshalJSON(t *testing.T) {
	full := token.Claims{
		Issuer: "https://a", Subject: `s"1`, Audience: []string{"x", "y"}, Expires: time.Unix(20, 999), NotBefore: time.Unix(0, 0),
		IssuedAt: time.Unix(10, 0), ID: "j", ClientID: "c", Scopes: []string{"a", "b:c"}, AuthTime: time.Unix(5, 0), ACR: "1",
		AMR: []string{"pwd"}, Tenant: "t", Roles: []string{"r"}, Groups: []string{"g", "h"}, Entitlements: []string{"e"},
		JKT: "k", X5TS256: "x", Extra: map[string]json.RawMessage{"z": json.RawMessage(`[1, 2]`), "a": json.RawMessage(`{"b":null}`)},
	}
	tests := []struct {
		name string
		in   token.Claims
		want string
	}{
		{"nothing", token.Claims{}, `{}`},
		{"one audience is a string", token.Claims{Audience: []string{"x"}}, `{"aud":"x"}`},
		{"everything", full, `{"iss":"https://a","sub":"s\"1","aud":["x","y"],"exp":20,"nbf":0,"iat":10,"jti":"j","client_id":"c",` +
			`"scope":"a b:c","auth_time":5,"acr":"1","amr":["pwd"],"tenant":"t","roles":["r"],"groups":["g","h"],"entitlements":["e"],` +
			`"cnf":{"jkt":"k","x5t#S256":"x"},"a":{"b":null},"z":[1, 2]}`},
		{"a key alone", token.Claims{JKT: "k"}, `{"cnf":{"jkt":"k"}}`},
		{"a certificate alone", token.Claims{X5TS256: "x"}, `{"cnf":{"x5t#S256":"x"}}`},
		{"extra alone", token.Claims{Extra: map[string]json.RawMessage{"\n": json.RawMessage(`1`)}}, `{"\u000a":1}`},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			got, err := tc.in.MarshalJSON()
			if err != nil || string(got) != tc.want {
				t.Fatalf("MarshalJSON:\n got %s, %v\nwant %s", got, err, tc.want)
			}
			var back token.Claims
			if err := json.Unmarshal(got, &back); err != nil {
				t.Fatalf("Unmarshal(%s): %v", got, err)
			}
			again, err := json.Marshal(back)
			var a, b any
			json.Unmarshal(again, &a)
			json.Unmarshal(got, &b)
			if err != nil || !reflect.DeepEqual(a, b) {
				t.Errorf("read and written again: %s, %v, want %s", again, err, got)
			}
		})
	}
}

func TestClaimsMarshalJSONRefuses(t *testing.T) {
	tests := map[string]token.Claims{
		"an issuer that is not UTF-8":   {Issuer: "\xff"},
		"an audience that is not UTF-8": {Audience: []string{"a", "\xff"}},
		"a scope with a space":          {Scopes: []string{"read admin"}},
		"an empty scope":                {Scopes: []string{""}},
		"a scope with a quote":          {Scopes: []string{`a"b`}},
		"a scope beyond ASCII":          {Scopes: []string{"é"}},
		"a time before 1970":            {Expires: time.Unix(-1, 0)},
		"the year 10000":                {Expires: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)},
		"an extra claim of broken JSON": {Extra: map[string]json.RawMessage{"x": json.RawMessage(`{`)}},
		"an extra claim that goes on":   {Extra: map[string]json.RawMessage{"x": json.RawMessage(`1,"sub":"admin"`)}},
		"an empty extra claim":          {Extra: map[string]json.RawMessage{"x": nil}},
		"an extra claim of duplicates":  {Extra: map[string]json.RawMessage{"x": json.RawMessage(`{"a":1,"a":2}`)}},
		"an extra claim of 64 levels":   {Extra: map[string]json.RawMessage{"x": json.RawMessage(strings.Repeat("[", 64) + strings.Repeat("]", 64))}},
		"an extra name not in UTF-8":    {Extra: map[string]json.RawMessage{"\xff": json.RawMessage(`1`)}},
	}
	for _, name := range []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "scope", "auth_time", "acr", "amr",
		"tenant", "roles", "groups", "entitlements", "cnf", "act", "may_act", "active", "token_type", "ISS", "Sub", "SCOPE", "Client_ID", "Act",
		"i\u017f\u017f"} { // long s, which folds to s
		tests["an extra claim named "+name] = token.Claims{Extra: map[string]json.RawMessage{name: json.RawMessage(`"x"`)}}
	}
	for name, c := range tests {
		if b, err := c.MarshalJSON(); err == nil || b != nil || !strings.HasPrefix(err.Error(), "token: ") {
			t.Errorf("%s: %s, %v, want an error", name, b, err)
		}
	}
}

func TestClaimsUnmarshalJSON(t *testing.T) {
	tests := []struct {
		name, in string
		want     token.Claims
	}{
		{"lists of one as strings", `{"aud":"x","roles":"r","groups":"g","amr":"pwd","entitlements":"e"}`,
			token.Claims{Audience: []string{"x"}, Roles: []string{"r"}, Groups: []string{"g"}, AMR: []string{"pwd"}, Entitlements: []string{"e"}}},
		{"scope as an array", `{"scope":["a","b"]}`, token.Claims{Scopes: []string{"a", "b"}}},
		{"scope as a string", `{"scope":"a b"}`, token.Claims{Scopes: []string{"a", "b"}}},
		{"an empty scope", `{"scope":""}`, token.Claims{}},
		{"a time with a fraction", `{"exp":1.5,"iat":15e-1}`, token.Claims{Expires: time.Unix(1, 5e8), IssuedAt: time.Unix(1, 5e8)}},
		{"a time in another form", `{"exp":1.7e9}`, token.Claims{Expires: start}},
		// R7519-7.3-1
		{"names that differ in case", `{"ISS":"x","Scope":1}`, token.Claims{Extra: map[string]json.RawMessage{"ISS": json.RawMessage(`"x"`), "Scope": json.RawMessage(`1`)}}},
		{"a name in escapes", `{"\u0069ss":"x"}`, token.Claims{Issuer: "x"}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			got := token.Claims{Subject: "old", Extra: map[string]json.RawMessage{"old": nil}}
			if err := got.UnmarshalJSON([]byte(tc.in)); err != nil {
				t.Fatalf("UnmarshalJSON(%s): %v", tc.in, err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("UnmarshalJSON(%s): -want +got\n%s", tc.in, diff)
			}
		})
	}
	t.Run("what was read does not change with the input", func(t *testing.T) {
		in := []byte(`{"iss":"x","y":"z"}`)
		var c token.Claims
		if err := c.UnmarshalJSON(in); err != nil {
			t.Fatal(err)
		}
		clear(in)
		if c.Issuer != "x" || string(c.Extra["y"]) != `"z"` {
			t.Errorf("got %q and %q, want x and \"z\"", c.Issuer, c.Extra["y"])
		}
	})
}

// R7519-4-1
func TestClaimsUnmarshalJSONRefuses(t *testing.T) {
	tests := []string{``, `null`, `[]`, `{"iss":"a","iss":"b"}`, `{"x":{"a":1,"a":1}}`, `{"sub":"\ud800"}`, "{\"sub\":\"\xff\"}", `{}{}`,
		`{"scope":"a  b"}`, `{"scope":" a"}`, `{"scope":"a\nb"}`, `{"scope":[" "]}`, `{"scope":[1]}`, `{"scope":null}`,
		`{"aud":[["x"]]}`, `{"aud":[1]}`, `{"aud":{}}`, `{"exp":"1"}`, `{"exp":-1}`, `{"exp":1e300}`, `{"exp":253402300800}`, `{"exp":[1]}`, `{"exp":true}`,
		`{"cnf":"x"}`, `{"cnf":{}}`, `{"cnf":{"jkt":""}}`, `{"cnf":{"jkt":1}}`, `{"cnf":{"jkt":"x","kid":"y"}}`, `{"cnf":null}`}
	for _, name := range []string{"iss", "sub", "jti", "client_id", "acr", "tenant"} {
		tests = append(tests, `{"`+name+`":1}`, `{"`+name+`":null}`, `{"`+name+`":["x"]}`)
	}
	for _, name := range []string{"exp", "nbf", "iat", "auth_time", "amr", "roles", "groups", "entitlements", "aud"} {
		tests = append(tests, `{"`+name+`":null}`, `{"`+name+`":false}`)
	}
	for _, in := range tests {
		c := token.Claims{Subject: "old"}
		if err := c.UnmarshalJSON([]byte(in)); err == nil || !strings.HasPrefix(err.Error(), "token: ") {
			t.Errorf("UnmarshalJSON(%s): %+v, %v, want an error", in, c, err)
		}
		if c.Subject != "old" {
			t.Errorf("UnmarshalJSON(%s) changed the claims along with its error", in)
		}
	}
}

// FuzzClaims holds the decoder against encoding/json and against the encoder.
func FuzzClaims(f *testing.F) {
	for _, s := range []string{`{}`, `{"iss":"a","aud":["x"],"exp":1700000000.5,"scope":"a b","cnf":{"jkt":"x"},"x":{"y":[1]}}`,
		`{"exp":-0}`, `{"roles":[],"scope":["a"]}`, `{"iss":1}`, `{"sub":"\ud83d\ude00"}`, `{"ISS":"a"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var c token.Claims
		if c.UnmarshalJSON(b) != nil {
			return
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(b, &want); err != nil {
			t.Fatalf("accepts what encoding/json refuses: %v", err)
		}
		for name, got := range map[string]string{"iss": c.Issuer, "sub": c.Subject, "jti": c.ID, "client_id": c.ClientID, "acr": c.ACR, "tenant": c.Tenant} {
			var text string
			if want[name] != nil && (json.Unmarshal(want[name], &text) != nil || text != got) || want[name] == nil && got != "" {
				t.Fatalf("%s is %q, encoding/json has %q", name, got, text)
			}
		}
		for name, value := range c.Extra {
			if string(want[name]) != string(value) {
				t.Fatalf("%q is %s, encoding/json has %s", name, value, want[name])
			}
		}
		out, err := c.MarshalJSON()
		if err != nil {
			return // an extra claim that only reading allows
		}
		var again token.Claims
		if err := again.UnmarshalJSON(out); err != nil {
			t.Fatalf("%s was written as %s, which does not read: %v", b, out, err)
		}
		if again.Issuer != c.Issuer || len(again.Scopes) != len(c.Scopes) || len(again.Extra) != len(c.Extra) || again.Expires.Unix() != c.Expires.Unix() {
			t.Fatalf("%s was written as %s", b, out)
		}
	})
}
