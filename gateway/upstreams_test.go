package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"faveo-gateway/upstream/standin"
)

// TestUpstreamsStandIn: of two PHP servers one is cut off. The site goes on, reads
// and writes, and is ready; the metrics tell which one is out. Without the other
// one it is 502, and not ready; and back with the first answer.
func TestUpstreamsStandIn(t *testing.T) {
	stores, _ := onMariaDB(t)
	faveo := httptest.NewServer(standin.New(standin.Options{Secret: secret}))
	t.Cleanup(faveo.Close)
	one := newSwitch(t, strings.TrimPrefix(faveo.URL, "http://"))
	two := newSwitch(t, strings.TrimPrefix(faveo.URL, "http://"))
	w := &world{t: t, log: &safeBuffer{}}
	w.run(stores, settings{
		"faveo.urls":            "http://" + one.address() + ",http://" + two.address(),
		"proxy.health.interval": "20ms", "proxy.health.unhealthy_after": "1", "proxy.health.healthy_after": "1",
	})
	token := bearer(w.login("alice", "AlicePass1!"))
	served := func(name string, status int) {
		t.Helper()
		if got := w.send(http.MethodGet, priority, "", token); got.status != status {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	up := func(s *switchboard, value string) func() bool {
		return func() bool {
			return strings.Contains(w.metrics(), `faveo_gateway_upstream_up{upstream="`+s.address()+`"} `+value+"\n")
		}
	}
	served("both live", http.StatusOK)
	eventually(t, "the first probes", up(one, "1"))

	mend := one.cut()
	for range 10 {
		served("one is cut off", http.StatusOK)
	}
	eventually(t, "the metric of the dead one", up(one, "0"))
	if got := w.admin("/readyz"); got.status != http.StatusOK {
		t.Errorf("not ready though one lives: %d %s", got.status, got.body)
	}

	mendTwo := two.cut()
	served("both are cut off", http.StatusBadGateway)
	if got := w.admin("/readyz"); got.status != http.StatusServiceUnavailable || !strings.Contains(got.body, `"upstream":"down"`) {
		t.Errorf("ready though none lives: %d %s", got.status, got.body)
	}
	mend()
	eventually(t, "one is back", func() bool { return w.send(http.MethodGet, priority, "", token).status == http.StatusOK })
	mendTwo()
	eventually(t, "both are back", func() bool { return up(one, "1")() && up(two, "1")() })
	for _, said := range []string{"upstream is out", "upstream is back"} {
		if !strings.Contains(w.log.String(), said) {
			t.Errorf("the log does not say: %s", said)
		}
	}
}
