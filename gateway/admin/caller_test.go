package admin_test

import (
	"context"
	"testing"

	"faveo-gateway/gateway/admin"
)

// TestCaller: whoever carries an operation out can tell who has asked for it, in the
// words of the log.
func TestCaller(t *testing.T) {
	d := newDesk()
	for _, operation := range [][2]string{{"GET", "/admin/v1/keys"}, {"POST", "/admin/v1/keys/reseal"}, {"DELETE", "/admin/v1/lockouts?all=true"}} {
		d.fake.caller = admin.Caller{}
		d.send(operation[0], operation[1], header("User-Agent", "curl/8"), header("X-Forwarded-For", "6.6.6.6"))
		want := admin.Caller{RequestID: d.event(t)["request_id"].(string), Address: "192.0.2.1", Agent: "curl/8"}
		if d.fake.caller != want {
			t.Errorf("%s %s: the caller is %+v, want %+v", operation[0], operation[1], d.fake.caller, want)
		}
	}
	if got := admin.CallerOf(context.Background()); got != (admin.Caller{}) {
		t.Errorf("outside of a request the caller is %+v", got)
	}
}
