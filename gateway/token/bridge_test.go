package token_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"faveo-gateway/gateway/storetest"
	"faveo-gateway/gateway/storetest/service"
	"faveo-gateway/gateway/token"
)

func newBridge(t testing.TB, c *storetest.Clock) *token.Bridge {
	t.Helper()
	b, err := token.NewBridge(token.BridgeOptions{
		Secret: seed(t), AppClass: appClass,
		Issuer: "http://helpdesk.example.test/api/v1/authenticate", Now: c.Now,
	})
	if err != nil {
		t.Fatalf("NewBridge: %v", err)
	}
	return b
}

func mint(t testing.TB, b *token.Bridge, userID uint64, session string) string {
	t.Helper()
	raw, err := b.Mint(userID, session)
	if err != nil {
		t.Fatalf("Mint: %v", err)
	}
	return raw
}

// phpAccepts reads a token as contract section 2 says PHP does: "Accepted".
// Where the contract is wider than any token a gateway would mint (the row
// behind a list as sub, say) it answers by the type alone.
func phpAccepts(raw, secret string, now int64) bool {
	segments := strings.Split(raw, ".")
	if len(segments) != 3 {
		return false
	}
	var parts [3][]byte
	for i, s := range segments {
		decoded, err := base64.RawURLEncoding.Strict().DecodeString(s)
		if err != nil || len(decoded) == 0 {
			return false
		}
		parts[i] = decoded
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(segments[0] + "." + segments[1]))
	var header, claims map[string]any
	if !hmac.Equal(mac.Sum(nil), parts[2]) || json.Unmarshal(parts[0], &header) != nil ||
		json.Unmarshal(parts[1], &claims) != nil || header["alg"] != "HS256" {
		return false
	}
	if _, ok := claims["sub"]; !ok {
		return false
	}
	return phpTime(claims, "exp", func(at float64) bool { return at > float64(now) }) &&
		phpTime(claims, "iat", func(at float64) bool { return at <= float64(now) }) &&
		phpTime(claims, "nbf", func(at float64) bool { return at <= float64(now) })
}

// phpTime judges a claim that may be missing.
func phpTime(claims map[string]any, name string, ok func(float64) bool) bool {
	value, found := claims[name]
	if !found {
		return true
	}
	switch v := value.(type) {
	case float64:
		return v < 1e15 && ok(v) // beyond, PHP's clock library fails
	case string:
		at, err := strconv.ParseFloat(v, 64)
		return err == nil && ok(at)
	default:
		return false
	}
}

// The reading above is itself held against what PHP did.
func TestContractReadingAgreesWithRecordings(t *testing.T) {
	secret, compared := seed(t), 0
	for _, r := range readRecordings(t, "token") {
		authorization := strings.Join(r.Request.Headers["Authorization"], "")
		raw, found := strings.CutPrefix(authorization, "Bearer ")
		for _, other := range []string{"source-", "two-", "user-", "sub-", "garbage-non", "jti-array"} {
			// About where a token is read or whose row it names, not about it.
			found = found && !strings.HasPrefix(r.Name, other)
		}
		if !found {
			continue
		}
		compared++
		accepted := r.Response.Status == 200
		if got := phpAccepts(raw, secret, r.Time); got != accepted {
			t.Errorf("%s: reading says %v, PHP answered %d %.100s", r.Name, got, r.Response.Status, r.Response.Body)
		}
	}
	if compared < 80 {
		t.Errorf("only %d recordings compared", compared)
	}
}

func TestBridgeTokenHasFaveosShape(t *testing.T) {
	raw := mint(t, newBridge(t, newClock()), 4, "session-a")
	segments := strings.Split(raw, ".")
	header, _ := base64.RawURLEncoding.DecodeString(segments[0])
	if got, want := string(header), `{"alg":"HS256","typ":"JWT"}`; got != want {
		t.Errorf("header %s, want %s", got, want)
	}
	body, _ := base64.RawURLEncoding.DecodeString(segments[1])
	now := start.Unix()
	want := regexp.MustCompile(`^\{"iss":"http://helpdesk\.example\.test/api/v1/authenticate","iat":` + itoa(now-5) +
		`,"exp":` + itoa(now+55) + `,"nbf":` + itoa(now-5) +
		`,"jti":"[A-Za-z0-9]{16}","sub":"4","prv":"87e0af1ef9fd15812fdec97153a14e0b047546aa"\}$`)
	if !want.Match(body) {
		t.Errorf("payload %s, want %s", body, want)
	}
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// Whenever a token is handed out, PHP takes it now and for half a minute, even
// when its clock is some seconds late or ahead.
func TestBridgeTokenIsAlwaysGoodForAWhile(t *testing.T) {
	c := newClock()
	b, secret := newBridge(t, c), seed(t)
	minted := map[string]bool{}
	for second := range 300 {
		now := start.Unix() + int64(second)
		c.Set(time.Unix(now, 999_999_999))
		raw := mint(t, b, 4, "session-a")
		minted[raw] = true
		for _, at := range []int64{now - 5, now, now + 29} {
			if !phpAccepts(raw, secret, at) {
				t.Fatalf("handed out at %d, refused at %d", now, at)
			}
		}
		if phpAccepts(raw, secret, now+56) {
			t.Fatalf("handed out at %d, still good at %d", now, now+56)
		}
	}
	if len(minted) < 10 || len(minted) > 13 {
		t.Errorf("%d tokens in 300 s, want one per 26 s", len(minted))
	}
}

func TestBridgeSurvivesAClockSetBack(t *testing.T) {
	c := newClock()
	b, secret := newBridge(t, c), seed(t)
	mint(t, b, 4, "session-a")
	for _, back := range []time.Duration{time.Second, time.Hour} {
		at := start.Add(-back)
		c.Set(at)
		if raw := mint(t, b, 4, "session-a"); !phpAccepts(raw, secret, at.Unix()) {
			t.Errorf("clock set back by %v: token refused", back)
		}
	}
}

func TestBridgeKeepsUsersAndSessionsApart(t *testing.T) {
	b := newBridge(t, newClock())
	first := mint(t, b, 4, "session-a")
	if again := mint(t, b, 4, "session-a"); again != first {
		t.Error("a session does not reuse its token")
	}
	if other := mint(t, b, 4, "session-b"); other == first {
		t.Error("two sessions share a token")
	}
	// A session id that would collide if the key were a joined text.
	stolen := mint(t, b, 1, "session-a")
	body, _ := base64.RawURLEncoding.DecodeString(strings.Split(stolen, ".")[1])
	if !bytes.Contains(body, []byte(`"sub":"1"`)) {
		t.Errorf("another user's token was handed out: %s", body)
	}
	if raw, err := b.Mint(0, "session-a"); err == nil {
		t.Errorf("no user: got %q", raw)
	}
	if raw := mint(t, b, math.MaxUint64, ""); !phpAccepts(raw, seed(t), start.Unix()) {
		t.Error("the largest id is not accepted")
	}
}

func TestBridgeTokenIsNoTokenOfTheGateway(t *testing.T) {
	h := newHouse(t, token.HS256)
	_, err := h.verifier.Verify(mint(t, newBridge(t, h.clock), 4, "session-a"))
	wantReason(t, err, token.ReasonTyp)
	raw, _ := h.issue(t)
	if phpAccepts(raw, seed(t), start.Unix()) {
		t.Error("a token of the gateway is accepted by PHP")
	}
}

func TestBridgeOptions(t *testing.T) {
	good := token.BridgeOptions{Secret: "changeme", AppClass: appClass, Issuer: "http://x"}
	b, err := token.NewBridge(good)
	if err != nil {
		t.Fatalf("the secret of Faveo 1.9 is refused: %v", err)
	}
	if raw := mint(t, b, 4, ""); !phpAccepts(raw, "changeme", time.Now().Unix()) {
		t.Error("not accepted under changeme")
	}
	for name, o := range map[string]token.BridgeOptions{
		"no secret": {AppClass: appClass, Issuer: "x"},
		"no class":  {Secret: "x", Issuer: "x"},
		"no issuer": {Secret: "x", AppClass: appClass},
	} {
		if _, err := token.NewBridge(o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestBridgeConcurrentUse(t *testing.T) {
	b := newBridge(t, newClock())
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			for n := range 100 {
				mint(t, b, uint64(i+1), itoa(int64(n%10)))
			}
		})
	}
	group.Wait()
}

func TestWarmBridgeTokenAllocatesNothing(t *testing.T) {
	b := newBridge(t, newClock())
	mint(t, b, 4, "session-a")
	if got := testing.AllocsPerRun(100, func() { mint(t, b, 4, "session-a") }); got != 0 {
		t.Errorf("%v allocations, want 0", got)
	}
}

// PHP itself checks the signature and reads the claims.
func TestRealPHPReadsTheBridgeToken(t *testing.T) {
	php := service.PHP(t)
	const script = `[$h, $p, $s] = explode('.', $argv[1]);
$d = fn($x) => base64_decode(strtr($x, '-_', '+/'), true);
if (!hash_equals(hash_hmac('sha256', "$h.$p", $argv[2], true), $d($s))) exit('signature');
$c = json_decode($d($p), false, 512, JSON_THROW_ON_ERROR);
if (json_decode($d($h))->alg !== 'HS256') exit('alg');
echo json_encode([gettype($c->iat), gettype($c->exp), gettype($c->nbf), $c->sub, $c->prv === sha1('App\\User')]);`
	raw := mint(t, newBridge(t, newClock()), 4, "session-a")
	out, err := exec.Command(php, "-r", script, "--", raw, seed(t)).CombinedOutput()
	if want := `["integer","integer","integer","4",true]`; err != nil || string(out) != want {
		t.Errorf("php: %s (%v), want %s", out, err, want)
	}
}

func BenchmarkMint(b *testing.B) {
	c := newClock()
	bridge := newBridge(b, c)
	b.Run("hit", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			mint(b, bridge, 4, "session-a")
		}
	})
	b.Run("miss", func(b *testing.B) {
		b.ReportAllocs()
		for n := 0; b.Loop(); n++ {
			c.Set(start.Add(time.Duration(n) * time.Hour))
			mint(b, bridge, 4, "session-a")
		}
	})
}
