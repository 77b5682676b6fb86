package standin_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestOtherSpellingsMeanTheSame: what PHP and Laravel understand although a Go router would not, the stand-in
// understands too, so that a gateway that lets such a spelling through is found out.
func TestOtherSpellingsMeanTheSame(t *testing.T) {
	const form, json = "application/x-www-form-urlencoded", "application/json"
	for name, tc := range map[string]struct{ method, uri, header, contentType, body string }{
		"plain":                    {"GET", "/api/v1/helpdesk/ticket?ticket_id=4", "", "", ""},
		"slash at the end":         {"GET", "/api/v1/helpdesk/ticket//?ticket_id=4", "", "", ""},
		"encoded letter":           {"GET", "/%61pi/v1/helpdesk/%74icket?ticket_id=4", "", "", ""},
		"encoded slash":            {"GET", "/api%2fv1/helpdesk/ticket?ticket_id=4", "", "", ""},
		"front controller":         {"GET", "/index.php/api/v1/helpdesk/ticket?ticket_id=4", "", "", ""},
		"encoded front controller": {"GET", "/%69ndex.php/api/v1/helpdesk/ticket?ticket_id=4", "", "", ""},
		"text that begins with 4":  {"GET", "/api/v1/helpdesk/ticket?ticket_id=+4abc", "", "", ""},
		"last of two":              {"GET", "/api/v1/helpdesk/ticket?ticket_id=1&ticket_id=4", "", "", ""},
		"first of a list":          {"GET", "/api/v1/helpdesk/ticket?ticket_id[]=4&ticket_id[]=1", "", "", ""},
		"name with a dot":          {"GET", "/api/v1/helpdesk/ticket?ticket.id=4", "", "", ""},
		"JSON over the query":      {"GET", "/api/v1/helpdesk/ticket?ticket_id=1", "", json, `{"ticket_id":4}`},
		"method header":            {"POST", "/api/v1/helpdesk/ticket?ticket_id=4", "get", "", ""},
		"method parameter":         {"POST", "/api/v1/helpdesk/ticket", "", form, "_method=GET&ticket_id=4"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFaveo()
			r := httptest.NewRequest(tc.method, tc.uri, strings.NewReader(tc.body))
			r.Header.Set("Authorization", "Bearer "+mint(t, "3"))
			if tc.header != "" {
				r.Header.Set("X-HTTP-Method-Override", tc.header)
			}
			r.Header.Set("Content-Type", tc.contentType)
			w := httptest.NewRecorder()
			f.ServeHTTP(w, r)
			if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "Refund for order 9001") {
				t.Errorf("answer %d %s, want ticket 4", w.Code, w.Body)
			}
		})
	}
}

func TestRoutingComesBeforeTheToken(t *testing.T) {
	for name, tc := range map[string]struct {
		method, uri string
		status      int
		body        string
	}{
		"unknown":               {"GET", "/api/v1/helpdesk/nothing", 404, `{"success":false,"message":"not-found"}`},
		"upper case":            {"GET", "/API/v1/helpdesk/ticket", 404, ""},
		"double slash":          {"GET", "//api/v1/helpdesk/ticket", 404, ""},
		"wrong method":          {"GET", "/api/v1/helpdesk/delete", 405, `{"message":"Method not allowed","success":false}`},
		"HEAD of a POST route":  {"HEAD", "/api/v1/authenticate", 405, ""},
		"PATCH":                 {"PATCH", "/api/v1/helpdesk/ticket", 405, ""},
		"no token":              {"GET", "/api/v1/helpdesk/ticket", 401, `{"success":false,"message":"Token not provided"}`},
		"no token, HEAD":        {"HEAD", "/api/v1/helpdesk/ticket", 401, ""},
		"no token, second API":  {"GET", "/api/v2/helpdesk/tickets", 401, ""},
		"options":               {"OPTIONS", "/api/v1/helpdesk/ticket", 200, ""},
		"options of no route":   {"OPTIONS", "/api/v1/helpdesk/nothing", 404, ""},
		"the page below /api":   {"GET", "/api", 500, `{"error":"Attempt to read property \"role\" on null"}`},
		"the dead route":        {"GET", "/api/user/test", 302, ""},
		"prefix of another api": {"GET", "/apiary", 404, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := send(t, newFaveo(), tc.method, tc.uri, "", "")
			if text := body(t, got); got.StatusCode != tc.status || tc.body != "" && text != tc.body {
				t.Errorf("answer %d %s, want %d %s", got.StatusCode, text, tc.status, tc.body)
			}
		})
	}
}

func TestOptionsNamesTheMethods(t *testing.T) {
	for uri, want := range map[string]string{"/api/v1/authenticate": "POST", "/api/v1/helpdesk/ticket": "GET,HEAD"} {
		if got := send(t, newFaveo(), "OPTIONS", uri, "", "").Header.Get("Allow"); got != want {
			t.Errorf("%s: Allow %q, want %q", uri, got, want)
		}
	}
}

func TestJSONIsWrittenAsPHPDoes(t *testing.T) {
	f := newFaveo()
	token := mint(t, "1")
	send(t, f, "POST", "/api/v1/helpdesk/reply", token, "ticket_id=1&reply_content="+"a/b+%C3%A4+%F0%9F%98%80+%3Cb%3E%26%27%22")
	text := body(t, send(t, f, "GET", "/api/v1/helpdesk/ticket-thread?id=1", token, ""))
	if want := `"body":"a\/b \u00e4 \ud83d\ude00 <b>&'\""`; !strings.Contains(text, want) {
		t.Errorf("thread %s, want %s", text, want)
	}
}

// TestListWhereTextBelongs: Faveo answers its own fault with 200 and shows a file of the server.
func TestListWhereTextBelongs(t *testing.T) {
	text := body(t, send(t, newFaveo(), "GET", "/api/v1/helpdesk/ticket-search?search[]=x", mint(t, "3"), ""))
	want := `{"error":"Array to string conversion","file":"\/var\/www\/faveo\/app\/Api\/v1\/ApiController.php","line":666}`
	if text != want {
		t.Errorf("answer %s, want %s", text, want)
	}
}
