package stage_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"faveo-gateway/gateway/identity"
	"faveo-gateway/gateway/stage"
	"faveo-gateway/policy"
	"faveo-gateway/upstream/laravel"
)

// keyReader is a policy that writes down which keys it was shown, and allows all.
type keyReader struct{ seen []*policy.Key }

// Needs implements stage.Decider.
func (*keyReader) Needs(policy.Subject, policy.Request) (policy.Needs, error) {
	return policy.Needs{}, nil
}

// Decide implements stage.Decider.
func (r *keyReader) Decide(s policy.Subject, _ policy.Request) policy.Decision {
	r.seen = append(r.seen, s.Key)
	return policy.Decision{Effect: policy.Allow}
}

// keyed is an authorize stage behind one that has checked a key.
func keyed(decider stage.Decider, key **identity.Key) *door {
	known := func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			stage.From(c).Key = *key
			return next(c)
		}
	}
	return newDoor(nil, func(c echo.Context) error { return c.NoContent(http.StatusOK) },
		stage.Canonicalize(laravel.NewReader("", laravel.Limits{})), known, stage.NewAuthorizer(decider, nil, time.Now).Authorize())
}

// TestScopesAreReadOnce for each time that a key is read: the policy sees them all, of a
// key that was read anew the new ones, and no key where there is none.
func TestScopesAreReadOnce(t *testing.T) {
	reader, key := &keyReader{}, (*identity.Key)(nil)
	d := keyed(reader, &key)
	ask := func() *policy.Key {
		t.Helper()
		if w := d.get("/api/v1/x", "192.0.2.1:9"); w.Code != http.StatusOK {
			t.Fatalf("answer %d %s", w.Code, w.Body)
		}
		return reader.seen[len(reader.seen)-1]
	}
	if got := ask(); got != nil {
		t.Errorf("without a key the policy sees %+v", got)
	}
	key = &identity.Key{ID: "k1", Name: "one", Scopes: []string{"customer", "GET /api/v1/x"}}
	first := ask()
	if first.ID != "k1" || first.Name != "one" || len(first.Scopes) != 2 || first.Scopes[1].String() != "GET /api/v1/x" {
		t.Errorf("the policy sees %+v", first)
	}
	if again := ask(); again != first {
		t.Error("the scopes were read twice")
	}
	key = &identity.Key{ID: "k1", Name: "one", Scopes: []string{"staff"}}
	if changed := ask(); changed == first || changed.Scopes[0].String() != "staff" {
		t.Errorf("of the key that was read anew the policy sees %+v", changed)
	}
}

// TestManyKeysAreForgotten and read again, so that their number costs no memory.
func TestManyKeysAreForgotten(t *testing.T) {
	reader, key := &keyReader{}, (*identity.Key)(nil)
	d := keyed(reader, &key)
	keys := make([]*identity.Key, 3000)
	for round := range 2 {
		for i := range keys {
			if round == 0 {
				keys[i] = &identity.Key{ID: fmt.Sprint("k", i), Scopes: []string{"customer"}}
			}
			key = keys[i]
			d.get("/api/v1/x", "192.0.2.1:9")
		}
	}
	for i, seen := range reader.seen {
		if want := keys[i%len(keys)].ID; seen.ID != want {
			t.Fatalf("request %d was judged with the key %s, want %s", i, seen.ID, want)
		}
	}
	if reader.seen[0] == reader.seen[len(keys)] {
		t.Error("all of them were kept")
	}
}

// TestUnreadableScope: a key is never judged without one of its scopes, or as none. It is
// a fault, for which nobody can be blamed who asks.
func TestUnreadableScope(t *testing.T) {
	reader, key := &keyReader{}, &identity.Key{ID: "k1", Scopes: []string{"customer", "everything"}}
	d := keyed(reader, &key)
	for range 2 {
		if w := d.get("/api/v1/x", "192.0.2.1:9"); w.Code != http.StatusInternalServerError || len(reader.seen) > 0 {
			t.Errorf("answer %d %s, %d decisions", w.Code, w.Body, len(reader.seen))
		}
	}
	if log := d.log.String(); !strings.Contains(log, "API key k1") || !strings.Contains(log, "everything") {
		t.Errorf("the log is %s", log)
	}
}
