package standin

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// providerHash is the claim prv: SHA-1 of the text App\User (contract section 2).
	providerHash = "87e0af1ef9fd15812fdec97153a14e0b047546aa"
	bridgeLife   = 60 // seconds that a bridge token may live
	bridgeSkew   = 5  // seconds that it may be backdated
)

// refusal says why a token is no good. The message is what Faveo would say; it is empty when Faveo would accept the
// token and only the stand-in does not.
type refusal struct {
	violation Violation
	message   string
}

func refused(message string) *refusal { return &refusal{ViolationRefusedToken, message} }
func foreign() *refusal               { return &refusal{ViolationForeignToken, ""} }

// bearer returns the one token of the Authorization header. An absent header is "" without a refusal.
func bearer(h http.Header) (string, *refusal) {
	values := h.Values("Authorization")
	if len(values) == 0 {
		return "", nil
	}
	token, isBearer := strings.CutPrefix(values[0], "Bearer ")
	if len(values) > 1 || !isBearer || token == "" || strings.ContainsAny(token, " ,\t") {
		return "", &refusal{ViolationAuthorization, ""}
	}
	return token, nil
}

// checkToken verifies and validates a bridge token and returns the id in its subject. The order of the checks is that of
// PHP (contract section 2): form, dates, signature, required claims, exp, nbf, iat; what the gateway alone promises
// (one bridge token of short life, with text as subject) comes last.
func (f *Faveo) checkToken(raw string) (int, *refusal) {
	header, claims, bad := f.open(raw)
	if bad != nil {
		return 0, bad
	}
	if _, found := claims["sub"]; !found {
		return 0, refused("JWT payload does not contain the required claims")
	}
	if bad := checkTimes(claims, float64(f.now().Unix())); bad != nil {
		return 0, bad
	}
	id, bad := subject(claims)
	if bad != nil {
		return 0, bad
	}
	if !f.exists(id) {
		return 0, refused("User not found")
	}
	return id, checkBridge(header, claims, f.now().Unix())
}

func (f *Faveo) exists(userID int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.data.user(userID) != nil
}

// open takes a compact JWS apart and verifies its signature (RFC 7515 section 5.2).
func (f *Faveo) open(raw string) (header, claims map[string]any, bad *refusal) {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return nil, nil, refused("Wrong number of segments")
	}
	var decoded [3][]byte
	for i, part := range parts {
		if part == "" {
			return nil, nil, refused("Malformed token")
		}
		data, err := base64.RawURLEncoding.Strict().DecodeString(part)
		if err != nil {
			return nil, nil, refused("Could not decode token: Error while decoding from Base64Url, invalid base64 characters detected")
		}
		decoded[i] = data
	}
	if json.Unmarshal(decoded[0], &header) != nil || json.Unmarshal(decoded[1], &claims) != nil {
		return nil, nil, refused("Could not decode token: Error while decoding from JSON")
	}
	if bad := checkDates(claims); bad != nil {
		return nil, nil, bad
	}
	// The signer of Faveo is fixed: the header must name HS256 and cannot choose another (RFC 7515 section 4.1.1).
	if header["alg"] != "HS256" || !hmac.Equal(decoded[2], f.sign(parts[0]+"."+parts[1])) {
		return nil, nil, refused("Token Signature could not be verified.")
	}
	return header, claims, nil
}

// sign is HS256 (RFC 7518 section 3.2).
func (f *Faveo) sign(input string) []byte {
	mac := hmac.New(sha256.New, f.secret)
	mac.Write([]byte(input))
	return mac.Sum(nil)
}

// checkDates refuses text that is no number where a date belongs, which PHP finds before it looks at the signature.
func checkDates(claims map[string]any) *refusal {
	for _, name := range []string{"iat", "nbf", "exp"} {
		text, isText := claims[name].(string)
		if !isText {
			continue
		}
		if _, err := strconv.ParseFloat(text, 64); err != nil {
			return refused("Could not decode token: Value is not in the allowed date format: " + text)
		}
	}
	return nil
}

// checkTimes is what PHP does with dates, without leeway; one that is missing passes (RFC 7519 sections 4.1.4 to 4.1.6).
func checkTimes(claims map[string]any, now float64) *refusal {
	if exp, found := claims["exp"].(float64); found && exp <= now {
		return refused("Token has expired")
	}
	if nbf, found := claims["nbf"].(float64); found && nbf > now {
		return refused("Not Before (nbf) timestamp cannot be in the future")
	}
	if iat, found := claims["iat"].(float64); found && iat > now {
		return refused("Invalid value provided for claim [iat]")
	}
	return nil
}

// checkBridge refuses what PHP accepts and the gateway never writes.
func checkBridge(header, claims map[string]any, now int64) *refusal {
	if header["typ"] != "JWT" || claims["prv"] != providerHash {
		return foreign()
	}
	for _, name := range []string{"iss", "jti"} {
		if text, isText := claims[name].(string); !isText || text == "" {
			return foreign()
		}
	}
	var seconds [3]int64
	for i, name := range []string{"iat", "nbf", "exp"} {
		n, isNumber := claims[name].(float64)
		if seconds[i] = int64(n); !isNumber || float64(seconds[i]) != n {
			return foreign()
		}
	}
	const longest = bridgeLife + bridgeSkew
	if iat, exp := seconds[0], seconds[2]; exp > now+longest || exp-iat > longest {
		return foreign()
	}
	return nil
}

// subject is the user id of sub: text, in its one decimal spelling. PHP would take 4.0, "04" or [4] for user 4 as well.
func subject(claims map[string]any) (int, *refusal) {
	text, isText := claims["sub"].(string)
	if !isText {
		return 0, foreign()
	}
	id, err := strconv.Atoi(text)
	switch {
	case err == nil && id > 0 && strconv.Itoa(id) == text:
		return id, nil
	case leadingInt(text) > 0:
		return 0, foreign()
	}
	return 0, refused("User not found")
}

// issue writes a token as Faveo's own login does: JWT_TTL is the four minutes that Faveo's installer sets, so that the
// stand-in itself refuses such a token when a gateway passes it on.
func (f *Faveo) issue(userID int, issuer, id string) string {
	now := f.now().Unix()
	claims, err := plainJSON(object{
		{"iss", issuer},
		{"iat", now},
		{"exp", now + int64((4*time.Minute)/time.Second)},
		{"nbf", now},
		{"jti", id},
		{"sub", strconv.Itoa(userID)},
		{"prv", providerHash},
	})
	if err != nil {
		panic("standin: encode claims: " + err.Error()) // text and integers can be encoded
	}
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(`{"typ":"JWT","alg":"HS256"}`)) + "." + encode(claims)
	return signed + "." + encode(f.sign(signed))
}
