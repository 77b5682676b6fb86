package proxy_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"faveo-gateway/upstream/proxy"
)

func TestParseUpstreams(t *testing.T) {
	upstreams, err := proxy.ParseUpstreams([]string{"http://php", "HTTPS://a.b-c_d:8443/", "http://[::1]:81", "http://127.0.0.1:8000"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, u := range upstreams {
		got = append(got, u.String())
	}
	want := []string{"http://php", "https://a.b-c_d:8443", "http://[::1]:81", "http://127.0.0.1:8000"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestParseUpstreamsRefuses: what cannot be served is refused when it is read,
// and no message shows a part of the text.
func TestParseUpstreamsRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "must be a URL",
		"secret":                  "must be a URL",
		"secret:8000":             "must be a URL",
		"//secret":                "must be a URL",
		"fcgi://secret:9000":      "must be a URL",
		"http:secret":             "must be a URL",
		"http:///secret":          "must be a URL",
		"http://secret:port":      "must be a URL",
		"http://%zz.secret":       "must be a URL",
		"http://:8000":            "host",
		"http://secret:":          "host",
		"http://secret:0":         "host",
		"http://secret:65536":     "host",
		"http://secret:000080":    "host",
		"http://se(cret)":         "host",
		"http://.secret":          "host",
		"http://secret..x":        "host",
		"http://[fe80::1%25eth0]": "host",
		"http://u:secret@php":     "user name",
		"http://u@php":            "user name",
		"http://php?secret":       "query",
		"http://php/?":            "query",
		"http://php/#secret":      "fragment",
		"http://php/secret":       "path",
		"http://php//":            "path",
	} {
		upstreams, err := proxy.ParseUpstreams([]string{"http://good", text})
		faults, ok := errors.AsType[proxy.UpstreamFaults](err)
		if upstreams != nil || !ok || len(faults) != 1 || faults[0].Index != 1 || !strings.Contains(faults[0].Message, want) {
			t.Errorf("%q: %v, %v, want fault 1 about %q", text, upstreams, err, want)
			continue
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%q is shown: %v", text, err)
		}
	}
}

func TestParseUpstreamsReportsEveryFault(t *testing.T) {
	_, err := proxy.ParseUpstreams([]string{"x", "http://php:80", "https://PHP:80/", "http://php/a"})
	faults, _ := errors.AsType[proxy.UpstreamFaults](err)
	var places []int
	for _, fault := range faults {
		places = append(places, fault.Index)
	}
	if !reflect.DeepEqual(places, []int{0, 2, 3}) {
		t.Errorf("faults at %v, want 0, 2 (given twice) and 3: %v", places, err)
	}
}
