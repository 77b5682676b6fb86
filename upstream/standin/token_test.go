package standin_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"faveo-gateway/upstream/standin"
)

const ownUser = "/api/v1/authenticate/user"

func TestBridgeTokenIsAccepted(t *testing.T) {
	plain := map[string]any{"typ": "JWT", "alg": "HS256"}
	for name, change := range map[string]func(header, c map[string]any){
		"as contract section 2 says": func(_, _ map[string]any) {},
		"with a kid":                 func(header, _ map[string]any) { header["kid"] = "k1" },
		"iat and nbf equal now":      func(_, c map[string]any) { c["iat"], c["nbf"] = now().Unix(), now().Unix() },
		"exp one second ahead":       func(_, c map[string]any) { c["exp"] = now().Unix() + 1 },
		"exp at the limit":           func(_, c map[string]any) { c["iat"], c["exp"] = now().Unix(), now().Unix()+65 },
	} {
		t.Run(name, func(t *testing.T) {
			header, c := map[string]any{}, claims("2", now())
			for k, v := range plain {
				header[k] = v
			}
			change(header, c)
			f := newFaveo()
			got := send(t, f, "GET", ownUser, sign(t, secret, header, c), "")
			if text := body(t, got); got.StatusCode != 200 || !strings.Contains(text, `"user_name":"demoagent"`) {
				t.Errorf("answer %d %s, want demoagent's row", got.StatusCode, text)
			}
			if v := f.Violations(); len(v) > 0 {
				t.Errorf("violations %v", v)
			}
		})
	}
}

// strict are deviations that PHP would let pass and that no bridge token has.
func strict() map[string]func(header, c map[string]any) {
	deviations := map[string]func(header, c map[string]any){
		"typ missing":           func(h, _ map[string]any) { delete(h, "typ") },
		"typ at+jwt":            func(h, _ map[string]any) { h["typ"] = "at+jwt" },
		"foreign prv":           func(_, c map[string]any) { c["prv"] = strings.Repeat("0", 40) },
		"sub is a number":       func(_, c map[string]any) { c["sub"] = 2 },
		"sub is a list":         func(_, c map[string]any) { c["sub"] = []int{2} },
		"sub is true":           func(_, c map[string]any) { c["sub"] = true },
		"sub with leading zero": func(_, c map[string]any) { c["sub"] = "02" },
		"sub with a tail":       func(_, c map[string]any) { c["sub"] = "2abc" },
		"sub with a sign":       func(_, c map[string]any) { c["sub"] = "2+0" },
		"jti is a number":       func(_, c map[string]any) { c["jti"] = 7 },
		"jti is empty":          func(_, c map[string]any) { c["jti"] = "" },
		"iss is empty":          func(_, c map[string]any) { c["iss"] = "" },
		"exp is text":           func(_, c map[string]any) { c["exp"] = "1780308000" },
		"exp is a fraction":     func(_, c map[string]any) { c["exp"] = float64(now().Unix()) + 1.5 },
		"exp is a list":         func(_, c map[string]any) { c["exp"] = []int{1} },
		"exp is huge":           func(_, c map[string]any) { c["exp"] = 1e300 },
		"lives an hour":         func(_, c map[string]any) { c["exp"] = now().Unix() + 3600 },
		"lives a second long":   func(_, c map[string]any) { c["exp"] = now().Unix() + 66 },
		"old and long-lived":    func(_, c map[string]any) { c["iat"] = now().Unix() - 3600 },
	}
	for _, name := range []string{"iss", "iat", "exp", "nbf", "jti", "prv"} {
		deviations["without "+name] = func(_, c map[string]any) { delete(c, name) }
	}
	return deviations
}

func TestTokenThatIsNoBridgeTokenIsViolation(t *testing.T) {
	for name, change := range strict() {
		t.Run(name, func(t *testing.T) {
			header, c := map[string]any{"typ": "JWT", "alg": "HS256"}, claims("2", now())
			change(header, c)
			refusedAs(t, sign(t, secret, header, c), http.StatusInternalServerError, standin.ViolationForeignToken)
		})
	}
}

func TestTokenThatPHPRefusesIsRefused(t *testing.T) {
	at := now().Unix()
	for name, tc := range map[string]struct {
		key    string
		change func(header, c map[string]any)
	}{
		"other secret":  {"another secret", func(_, _ map[string]any) {}},
		"alg none":      {secret, func(h, _ map[string]any) { h["alg"] = "none" }},
		"alg HS512":     {secret, func(h, _ map[string]any) { h["alg"] = "HS512" }},
		"alg hs256":     {secret, func(h, _ map[string]any) { h["alg"] = "hs256" }},
		"alg missing":   {secret, func(h, _ map[string]any) { delete(h, "alg") }},
		"expired now":   {secret, func(_, c map[string]any) { c["exp"] = at }},
		"nbf in future": {secret, func(_, c map[string]any) { c["nbf"] = at + 1 }},
		"iat in future": {secret, func(_, c map[string]any) { c["iat"] = at + 1 }},
		"without sub":   {secret, func(_, c map[string]any) { delete(c, "sub") }},
		"unknown user":  {secret, func(_, c map[string]any) { c["sub"] = "999" }},
		"user name":     {secret, func(_, c map[string]any) { c["sub"] = "demoadmin" }},
	} {
		t.Run(name, func(t *testing.T) {
			header, c := map[string]any{"typ": "JWT", "alg": "HS256"}, claims("2", now())
			tc.change(header, c)
			refusedAs(t, sign(t, tc.key, header, c), http.StatusUnauthorized, standin.ViolationRefusedToken)
		})
	}
}

func refusedAs(t *testing.T, token string, status int, want standin.Violation) {
	t.Helper()
	f := newFaveo()
	got := send(t, f, "GET", ownUser, token, "")
	if got.StatusCode != status {
		t.Errorf("status %d, want %d: %s", got.StatusCode, status, body(t, got))
	}
	if v := f.Violations(); len(v) != 1 || v[0] != want {
		t.Errorf("violations %q, want %q", v, want)
	}
}

// TestRecordedTokens sends the recorded tokens. What PHP refused is refused with the same words, except where the
// stand-in is stricter and says so with 500; what PHP accepted lived longer than a bridge token and is a violation.
func TestRecordedTokens(t *testing.T) {
	var seed struct {
		Secret string `json:"jwt_secret"`
	}
	data, err := os.ReadFile(contract + "/seed.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &seed); err != nil || seed.Secret == "" {
		t.Fatalf("no secret in seed.json: %v", err)
	}
	same := 0
	for _, rec := range recordings(t, "token/*.json") {
		t.Run(rec.Name, func(t *testing.T) {
			at := time.Unix(rec.Time, 0)
			f := standin.New(standin.Options{Secret: seed.Secret, Now: func() time.Time { return at }})
			w := httptest.NewRecorder()
			f.ServeHTTP(w, rec.request())
			switch {
			case strings.HasPrefix(rec.Name, "edge-exp-now-plus-1"): // the only one that lives a second
				if w.Code != 200 || len(f.Violations()) > 0 {
					t.Errorf("answer %d, violations %q, want 200 and none", w.Code, f.Violations())
				}
			case w.Code == rec.Response.Status && w.Body.String() == rec.Response.Body && w.Code == 401:
				same++
			case w.Code == 500 && len(f.Violations()) > 0:
				if rec.Response.Status == 401 && !strings.HasPrefix(rec.Name, "source-") && !strings.HasPrefix(rec.Name, "two-") {
					t.Errorf("violations %q, want %s", f.Violations(), rec.Response.Body)
				}
			default:
				t.Errorf("answer %d %.200s, recorded %d %.200s", w.Code, w.Body, rec.Response.Status, rec.Response.Body)
			}
		})
	}
	if same < 50 {
		t.Errorf("only %d recordings answered with the recorded refusal", same)
	}
}

func TestFaveosOwnLogin(t *testing.T) {
	f := newFaveo()
	for name, tc := range map[string]struct{ form, want string }{
		"user name":      {"username=DemoClient&password=demopass", `"user_name":"democlient"`},
		"address":        {"username=democlient@example.test&password=demopass", `"user_name":"democlient"`},
		"banned":         {"username=bannedclient&password=demopass", `"ban":1`},
		"inactive":       {"username=inactiveclient&password=demopass", `{"error":"invalid_credentials","status_code":401}`},
		"wrong password": {"username=democlient&password=x", `{"error":"invalid_credentials","status_code":401}`},
		"nobody":         {"password=demopass", `{"error":"invalid_credentials","status_code":401}`},
	} {
		got := send(t, f, "POST", "/api/v1/authenticate", "", tc.form)
		if text := body(t, got); got.StatusCode != 200 || !strings.Contains(text, tc.want) {
			t.Errorf("%s: answer %d %s, want %s", name, got.StatusCode, text, tc.want)
		}
	}
}

// TestFaveosOwnTokenIsNotABridgeToken: who passes a token of Faveo's login on instead of minting one is found out.
func TestFaveosOwnTokenIsNotABridgeToken(t *testing.T) {
	f := newFaveo()
	var login struct{ Token string }
	text := body(t, send(t, f, "POST", "/api/v1/authenticate", "", "username=democlient&password=demopass"))
	if err := json.Unmarshal([]byte(text), &login); err != nil || strings.Count(login.Token, ".") != 2 {
		t.Fatalf("no token in %s: %v", text, err)
	}
	refusedAs(t, login.Token, http.StatusInternalServerError, standin.ViolationForeignToken)
}
