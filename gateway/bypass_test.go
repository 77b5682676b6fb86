package gateway_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"faveo-gateway/gateway/storetest/service"
	"faveo-gateway/upstream/laravel"
)

// TestOtherSpellings writes a request that the policy judges in ways that only PHP,
// or a web server before it, takes for the same.
func TestOtherSpellings(t *testing.T) {
	inOrder(t)
	a := newArena(t, nil)
	t.Run("paths", func(t *testing.T) { pathSpellings(t, a) })
	t.Run("parameters", func(t *testing.T) { parameterSpellings(t, a) })
	t.Run("bodies", func(t *testing.T) { bodySpellings(t, a) })
	t.Run("multipart bodies", func(t *testing.T) { multipartSpellings(t, a) })
}

// pathSpellings writes the path of a route in other ways. Each is refused,
// or reaches PHP byte for byte as the page that it is, without any identity. None
// is cleaned into the route.
func pathSpellings(t *testing.T, a *arena) {
	var (
		rows []row
		get  = func(path string) string { return "GET " + path + " HTTP/1.1\r\n" + host + admin + crlf }
	)
	refused := func(reason string, paths ...string) {
		for _, path := range paths {
			rows = append(rows, row{name: path, raw: get(path), status: 400, code: "ambiguous_request", reason: reason, after: kept})
		}
	}
	noHTTP := func(paths ...string) {
		for _, path := range paths {
			rows = append(rows, row{name: path, raw: get(path), status: 400, after: closed})
		}
	}
	aPage := func(paths ...string) {
		for _, path := range paths {
			rows = append(rows, row{name: path, raw: get(path), php: toPHP("GET "+path, ""), status: 200, after: kept})
		}
	}
	refused("path_encoding",
		"/api/v1/helpdesk/%70riority", "/api/v1/helpdesk%2fpriority", "/api/v1/helpdesk%2Fpriority", "/api/%76%31/helpdesk/priority", "/api/v1%2f..%2fv1/helpdesk/priority", "/api/v1/helpdesk/priority%00",
		"/api/v1/helpdesk/priority%20", "/api/v1/helpdesk/priority%2f", "/api/v1/helpdesk/priority%3ftoken=x", "/api/v1/helpdesk/priority%23", "/api/v1/helpdesk/priority%0d%0aX:1", "/api/v1/helpdesk/priority%c0%af",
		"/api/v1/helpdesk/%2570riority", "/api/%2e%2e/api/v1/helpdesk/priority", "/api/v1/helpdesk/priority%3bx", "/api/v1/helpdesk/priority%5c",
		"/%2525252561pi/v1/helpdesk/priority", "/a%25252525/b")
	refused("path_slashes", "/api//v1/helpdesk/priority", "/api/v1//helpdesk/priority", "/api/v1/helpdesk//priority", "/api/v1/helpdesk/priority/", "/api/v1/helpdesk/priority//", "/api/", "/api//")
	refused("path_dots",
		"/api/./v1/helpdesk/priority", "/api/v1/helpdesk/../helpdesk/priority", "/api/v1/helpdesk/priority/.", "/api/v1/helpdesk/priority/..", "/./api/v1/helpdesk/priority", "/x/../api/v1/helpdesk/priority", "/..",
		"/%2e/page", "/x/%2e%2e/page", "/x/.%2e/page", "/x%2f..%2fapi/v1/helpdesk/priority", "/x/%252e%252e/api", "/x/..;/api/v1/helpdesk/priority", "/x/..%3b/page", "/.;a=b/api/v1/helpdesk/priority", "/x/..\\api\\v1", "/x%5c..%5capi%5cv1")
	refused("path_byte", "/api/v1/helpdesk/priority;x", "/api/v1;x=y/helpdesk/priority", "/api/v1\\helpdesk\\priority", "/api/v1/helpdesk/priority:", "/api/v1/helpdesk/priority\xc0\xaf", "/api/v1/helpdesk/pri\xc3\xb6rity",
		"/api/v1/helpdesk/priority~", "/api/v1/helpdesk/priority*", "/api/v1/helpdesk/priority&a=1", "/api/v1/helpdesk/priority@x", "/api/v1/helpdesk/priority'", "/api/v1/helpdesk/{ticket}")
	refused("path_script", "/api/v1/helpdesk/priority/index.php", "/api/index.php/v1/helpdesk/priority", "/api/v1/index.php", "/api/INDEX.PHP/x", "/api/index.php")
	refused("path_alias",
		"/%2e/api/v1/helpdesk/priority", "/x/%2e%2e/api/v1/helpdesk/priority", "/x/.%2e/api/v1/helpdesk/priority", "/x/..%3b/api/v1/helpdesk/priority",
		"//api/v1/helpdesk/priority", "/API/v1/helpdesk/priority", "/Api/v1/helpdesk/priority", "/%61pi/v1/helpdesk/priority", "/%41pi/v1/helpdesk/priority", "/api%2fv1/helpdesk/priority", "/api%2Fv1%2Fhelpdesk%2Fpriority",
		"/%2fapi/v1/helpdesk/priority", "/%2561pi/v1/helpdesk/priority", "/api%252fv1/helpdesk/priority", "/api%25252fv1", "/index.php/api/v1/helpdesk/priority", "/INDEX.PHP/api/v1/helpdesk/priority", "/index.php/%61pi/v1/x",
		"/index.php%2fapi%2fv1%2fx", "/index.php//api/v1/helpdesk/priority", "/public/index.php/api/v1/helpdesk/priority", "/public/api/v1/helpdesk/priority", "/server.php/api/v1/x", "/api;x/v1/helpdesk/priority", "/api;/v1",
		"/api%3bx=y/v1/helpdesk/priority", "/api./v1/helpdesk/priority", "/api%20/v1/helpdesk/priority", "/api.%20./v1/x", "/api\\v1\\helpdesk\\priority", "/\\api/v1/helpdesk/priority", "/api%5cv1%5chelpdesk", "/x//api//v1", "/community/public/api/v1/x", "/index.phpapi/v1/helpdesk/priority")
	refused("path_control", "/api%00/v1/helpdesk/priority", "/api%09/v1/helpdesk/priority", "/api%0a/v1/x", "/api%0d%0a/v1/x", "/page%00", "/page%2500", "/page%7f", "/%00api/v1/x")
	noHTTP("/api/v1/helpdesk/priority%", "/api/v1/helpdesk/priority%zz", "/api/v1/helpdesk/priority%2", "/%u0061pi/v1/helpdesk/priority", "/api/v1/helpdesk/priority\x00", "/api/v1/helpdesk/priority\x7f", "/page%", "/api /v1/x", "/api\x0b/v1/x")
	// What no web server and no PHP takes for the API.
	aPage("/api", "/api?x=1", "/apiv1/helpdesk/priority", "/api%c0%afv1/helpdesk/priority", "/api%e0%80%afv1/x", "/%c1%a1pi/v1/helpdesk/priority", "/api-v1/helpdesk/priority", "/index.php?/api/v1/helpdesk/priority",
		"/?/api/v1/helpdesk/priority", "/page//a%2fb;c?d=%2e%2e/&e[]=%zz", "/%EF%BD%81pi/v1/x", "/page/%252f", "/lb-faveo/css/app.css")
	rows = append(rows,
		row{name: "the route itself", raw: get(priority), php: toPHP("GET "+priority, "", asAdmin), status: 200, after: kept},
		row{name: "other case of the route", raw: get("/api/v1/helpdesk/Priority"), status: 403, code: "forbidden", after: kept},
		row{name: "other case of the version", raw: get("/api/V1/helpdesk/priority"), status: 403, code: "forbidden", after: kept},
		row{name: "a dot behind the route", raw: get(priority + "."), status: 403, code: "forbidden", after: kept},
		row{name: "raw UTF-8 of a page", raw: get("/pri\xc3\xb6"), php: toPHP("GET /pri%C3%B6", ""), status: 200, after: kept},
		row{name: "raw overlong UTF-8 of a page", raw: get("/api\xc0\xafv1/x"), php: toPHP("GET /api%C0%AFv1/x", ""), status: 200, after: kept},
		row{name: "installer", raw: get("/api/v1/system-config"), status: 403, code: "forbidden", after: kept},
		row{name: "installer without an escape of the point", raw: get("/api/v1/system-config."), status: 403, code: "forbidden", after: kept},
		row{name: "login by another method", raw: "PUT /api/v1/authenticate?username=alice&password=AlicePass1! HTTP/1.1\r\n" + host + crlf, status: 405, code: "method_not_allowed", after: kept},
		row{name: "own account by HEAD", raw: "HEAD /api/v1/authenticate/user HTTP/1.1\r\n" + host + admin + crlf, status: 200, after: kept},
	)
	if len(rows) < 60 {
		t.Errorf("only %d spellings", len(rows))
	}
	a.withstand(t, rows)
}

// TestPathsOutsideTheBase tries to leave, or to misspell, the folder that Faveo is
// installed in.
func TestPathsOutsideTheBase(t *testing.T) {
	inOrder(t)
	const base = "/community/public"
	a := newArena(t, settings{"server.base_path": base})
	get := func(path string) string { return "GET " + path + " HTTP/1.1\r\n" + host + admin + crlf }
	rows := []row{
		{name: "the route", raw: get(base + priority), php: toPHP("GET "+base+priority, "", asAdmin), status: 200, after: kept},
		{name: "the base", raw: get(base), php: toPHP("GET "+base, ""), status: 200, after: kept},
		{name: "a page", raw: get(base + "/page"), php: toPHP("GET "+base+"/page", ""), status: 200, after: kept},
	}
	for _, path := range []string{
		priority, "/", "/community", "/community/publicapi/v1/helpdesk/priority", "/Community/public" + priority, "/community//public" + priority, "//community/public" + priority, "/%63ommunity/public" + priority,
		"/community%2fpublic" + priority, base + "%2fapi/v1/helpdesk/priority", base + ";x" + priority, "/community/./public" + priority, "/x/.." + base + priority, base + "\\api\\v1", "/public" + priority, "/community/public%00" + priority,
	} {
		rows = append(rows, row{name: path, raw: get(path), status: 404, code: "not_found", after: kept})
	}
	for path, reason := range map[string]string{
		base + "/../.." + priority: "path_dots", base + "/.." + base + priority: "path_dots", base + "/%2e%2e" + priority: "path_alias", base + "/" + priority: "path_alias", base + base + priority: "path_alias",
		base + "/index.php" + priority: "path_alias", base + "/api%2fv1/x": "path_alias", base + "/API/v1/x": "path_alias", base + "/api/v1/../x": "path_dots", base + priority + "/": "path_slashes",
	} {
		rows = append(rows, row{name: path, raw: get(path), status: 400, code: "ambiguous_request", reason: reason, after: kept})
	}
	a.withstand(t, rows)
}

// asForm is a POST of a form by the administrator.
func asForm(target, body string) string {
	return "POST " + target + " HTTP/1.1\r\n" + host + admin + formed + measured + crlf + body
}

// parameterSpellings writes the parameters that decide who calls, how, and
// about which object, as PHP would fold, cut, split or join them. They are refused,
// or PHP gets the one that was judged, written in one way.
func parameterSpellings(t *testing.T, a *arena) {
	var rows []row
	// Each spelling is tried in the query of a GET and in the body of a POST.
	refused := func(reason string, spellings ...string) {
		for _, spelling := range spellings {
			rows = append(rows,
				row{name: "query " + spelling, raw: "GET " + priority + "?" + spelling + " HTTP/1.1\r\n" + host + admin + crlf, status: 400, code: "ambiguous_request", reason: reason, after: kept},
				row{name: "form " + spelling, raw: asForm(register, spelling), status: 400, code: "ambiguous_request", reason: reason, after: kept},
			)
		}
	}
	sent := func(spelling, atPHP string) {
		query := ""
		if atPHP != "" {
			query = "?" + atPHP
		}
		body := toPHP("POST "+register, atPHP, asAdmin, "Content-Type: application/x-www-form-urlencoded")
		if atPHP == "" {
			body = emptyAtPHP
		}
		rows = append(rows,
			row{name: "query " + spelling, raw: "GET " + priority + "?" + spelling + " HTTP/1.1\r\n" + host + admin + crlf, php: toPHP("GET "+priority+query, "", asAdmin), status: 200, after: kept},
			row{name: "form " + spelling, raw: asForm(register, spelling), php: body, status: 200, after: kept},
		)
	}
	refused("parameter_name",
		"+token={alice}", "%20token={alice}", "token%00={alice}", "token%00x={alice}", "token[={alice}", "token[a={alice}", "token[]x={alice}", "token[x]y={alice}", "to.ken=1", "%09=1&[token]={alice}",
		".method=GET", "[method=GET", "+method+=GET", "_method%00=GET", "_method%00x=GET", "+_method=GET", "_method[=GET", "%20.method=GET",
		"ticket.id=7", "ticket+id=7", "ticket%20id=7", "ticket%2eid=7", "ticket[id=7", "+ticket_id=7", "+ticket.id=7", "ticket_id%00=7", "ticket_id%00.x=7", "ticket_id[=7", "ticket_id[]x=7", "ticket_id[+]=7", "ticket_id[a[b]]=7", "ticket_id[%00]=7",
		"ticket_id[%09]=7", "ticket_id[-5]=1&ticket_id[]=7", "ticket_id[9223372036854775807]=1&ticket_id[]=7", "=7", "[]=7", "[ticket_id]=7", "%00ticket_id=7",
		"api.key="+clientKey, "api+key="+clientKey, "api[key="+clientKey, "+api_key="+clientKey, "api_key%00="+clientKey)
	refused("parameter_conflict",
		"ticket_id=7&ticket_id=8", "ticket_id=7&ticket%5Fid=8", "ticket_id=7&ticket_id=07", "ticket_id=7&ticket_id=7+", "ticket_id=7&ticket_id", "ticket_id=7&ticket_id[]=7", "ticket_id[]=7&ticket_id=7", "ticket_id[0]=7&ticket_id[0]=8",
		"ticket_id[]=7&ticket_id[0]=8", "ticket_id[a]=7&ticket_id[a][b]=8", "ticket_id[a][]=7&ticket_id[a]=8", "token={alice}&token={admin}")
	refused("parameter_encoding", "ticket_id=%", "ticket_id=%7", "ticket_id=%zz", "ticket_id%=7", "%ticket_id=7", "ticket_id=%u0037", "a=1&b=%g0")
	refused("method_override", "_method=GET", "_method=post", "_method=", "_method", "_method[]=GET", "%5Fmethod=GET", "_%6Dethod=GET", "a=1&_method=DELETE", "_method[a][b]=GET", "_method=GET&_method=GET")
	refused("token_kind", "token[]={alice}", "token[0]={alice}", "token%5B%5D={alice}", "token[a][b]={alice}", "%74oken[]=")
	refused("two_tokens", "token={admin}", "token={alice}&token={alice}", "%74oken={alice}", "to%6Ben={alice}")
	refused("parameter_count", strings.Repeat("a=1&", 1001))
	refused("parameter_depth", "a"+strings.Repeat("[a]", 70)+"=1")
	sent("ticket_id=7", "ticket_id=7")
	sent("ticket_id=7&ticket_id=7", "ticket_id=7")
	sent("ticket%5Fid=%37", "ticket_id=7")
	sent("&&ticket_id=7&&", "ticket_id=7")
	sent("a", "a=")
	sent("a=b=c", "a=b%3Dc")
	sent("a=+%2B%00", "a=%20%2B%00")
	sent("a[]=1&a[]=2&a[x]=3&a[7]=4&a[]=5", "a%5B0%5D=1&a%5B1%5D=2&a%5Bx%5D=3&a%5B7%5D=4&a%5B8%5D=5")
	sent("a]=1&b}=2", "a%5D=1&b%7D=2")
	sent("Ticket_id=1&TICKET_ID=2&ticket-id=3", "Ticket_id=1&TICKET_ID=2&ticket-id=3")
	sent("token=&a=1", "a=1")
	sent("api_key="+clientKey+"&a=1", "a=1")
	sent("api_key[]="+clientKey+"&%61pi_key[]=x", "")
	sent("api%5Fkey="+clientKey, "")
	a.withstand(t, append(rows,
		row{name: "semicolons", raw: "GET " + priority + "?a=1;ticket_id=8 HTTP/1.1\r\n" + host + admin + crlf, status: 400, code: "ambiguous_request", reason: "separator", after: kept},
		row{name: "two question marks", raw: "GET " + priority + "??ticket_id=8 HTTP/1.1\r\n" + host + admin + crlf, status: 400, code: "ambiguous_request", reason: "separator", after: kept},
		row{name: "a question mark in a name", raw: "GET " + priority + "?a=1&?ticket_id=8 HTTP/1.1\r\n" + host + admin + crlf, php: toPHP("GET "+priority+"?a=1&%3Fticket_id=8", "", asAdmin), status: 200, after: kept},
		row{name: "only a question mark", raw: "GET " + priority + "? HTTP/1.1\r\n" + host + admin + crlf, php: toPHP("GET "+priority, "", asAdmin), status: 200, after: kept},
		row{name: "semicolons in a form", raw: asForm(register, "a=1;b=2"), php: toPHP("POST "+register, "a=1%3Bb%3D2", asAdmin, "Content-Type: application/x-www-form-urlencoded"), status: 200, after: kept},
		row{name: "query and body", raw: asForm(register+"?ticket_id=7", "ticket_id=8"), status: 400, code: "ambiguous_request", reason: "parameter_conflict", after: kept},
		row{name: "query and body, another kind", raw: asForm(register+"?ticket_id=7", "ticket_id[]=7"), status: 400, code: "ambiguous_request", reason: "parameter_conflict", after: kept},
		row{name: "query and body, equal", raw: asForm(register+"?ticket_id=7", "ticket_id=7"), php: toPHP("POST "+register+"?ticket_id=7", "ticket_id=7", asAdmin, "Content-Type: application/x-www-form-urlencoded"), status: 200, after: kept},
		row{name: "tokens in query and body", raw: strings.Replace(asForm(register+"?token={admin}", "token={admin}"), admin, "", 1), status: 400, code: "ambiguous_request", reason: "two_tokens", after: kept},
	))
}

// sending is a request by the administrator with a body of some type.
func sending(method, target, contentType, body string) string {
	return method + " " + target + " HTTP/1.1\r\n" + host + admin + "Content-Type: " + contentType + crlf + measured + crlf + body
}

// bodySpellings hides parameters in bodies that two readers take for different
// things.
func bodySpellings(t *testing.T, a *arena) {
	const (
		asJSON = "application/json"
		form   = "application/x-www-form-urlencoded"
	)
	var rows []row
	refused := func(reason, method, target, contentType string, bodies ...string) {
		for _, body := range bodies {
			rows = append(rows, row{name: fmt.Sprintf("%s %s: %.60q", method, contentType, body), raw: sending(method, target, contentType, body), status: 400, code: "ambiguous_request", reason: reason, after: kept})
		}
	}
	sent := func(method, target, contentType, body, typeAtPHP, bodyAtPHP string) {
		var headers []string
		if typeAtPHP != "" {
			headers = []string{"Content-Type: " + typeAtPHP}
		}
		rows = append(rows, row{
			name: fmt.Sprintf("%s %s: %.60q", method, contentType, body), raw: sending(method, target, contentType, body),
			php: toPHP(method+" "+target, bodyAtPHP, append(headers, asAdmin)...), status: 200, after: kept,
		})
	}

	// JSON, which Laravel reads on every method.
	for method, target := range map[string]string{"GET": priority, "POST": register} {
		refused("two_tokens", method, target, asJSON, `{"token":"{alice}"}`, `{"t\u006fken":"{alice}"}`, `{"a":1,"token":"x"}`)
		refused("token_kind", method, target, asJSON, `{"token":["{alice}"]}`, `{"token":{"a":"{alice}"}}`, `{"token":1}`, `{"token":true}`)
		refused("json_name", method, target, asJSON, `{"token":"","token":"{alice}"}`, `{"ticket_id":7,"ticket_id":8}`, `{"ticket_id":7,"ticket_\u0069d":7}`, `{"a\u0000":1}`, `{"a":{"b":1,"b":2}}`, `{"\u0000token":"{alice}"}`)
		refused("method_override", method, target, asJSON, `{"_method":"DELETE"}`, `{"_method":null}`, `{"\u005fmethod":"GET"}`)
		refused("parameter_conflict", method, target+"?ticket_id=7", asJSON, `{"ticket_id":7}`, `{"ticket_id":"8"}`, `{"ticket_id":["7"]}`, `{"ticket_id":null}`)
		sent(method, target, asJSON, `{"ticket_id" : 7, "a":[1,{"b":null}], "x":"\u00e9/"}`, asJSON, `{"ticket_id":7,"a":[1,{"b":null}],"x":"\u00e9\/"}`)
		sent(method, target, asJSON, `{"token":null,"api_key":"`+clientKey+`","ip":null}`, asJSON, `{"ip":null}`)
		sent(method, target, asJSON, `{"token":"","api_key":["`+clientKey+`"]}`, "", "")
		sent(method, target, "text/json", `{"ticket_id":"7"}`, asJSON, `{"ticket_id":"7"}`)
		sent(method, target, "application/vnd.api+json;charset=UTF-8", `{"ticket_id":1e1}`, asJSON, `{"ticket_id":1e1}`)
		// What PHP does not parse, or what is no object, is nothing, and stays here.
		for _, body := range []string{`{"token":"{alice}"`, "\xef\xbb\xbf" + `{"token":"{alice}"}`, `{'token':'{alice}'}`, `{"token":"{alice}",}`, `[{"token":"{alice}"}]`, `"token={alice}"`, `{"token":"{alice}"}x`, `token={alice}`, "{\"token\":\"\xff\"}"} {
			sent(method, target, asJSON, body, "", "")
		}
	}
	// The body wins over the query in PHP, the token of either is the caller's.
	rows = append(rows,
		row{name: "token in JSON of a GET", raw: strings.Replace(sending("GET", priority, asJSON, `{"token":"{alice}","a":1}`), admin, "", 1), status: 200, php: toPHP("GET "+priority, `{"a":1}`, "Authorization: <bridge of 4>", "Content-Type: application/json"), after: kept},
	)

	// Types that one reader takes for a form or JSON, and another does not.
	for _, contentType := range []string{
		form + ", " + asJSON, asJSON + ", " + form, form + "; x=/json", form + ";x=+json", asJSON + "; charset=utf-16", form + "; charset=iso-8859-1", form + ";charset=utf-8;x=y", "application/X-WWW-form-urlencoded",
		form + " ;x", form + "x", "x" + form, form + ",", "text/plain; " + form, "text/plain; x=/json", "text/plain;form-data", "Text/json", "application/json ;x", "application/+json", "/json", "application/json/json", "a b/json", "application/jsonx",
		"multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=X; boundary=Y", "multipart/form-data; boundary=\"X", "multipart/form-data; boundary=X,Y", "multipart/form-data; Boundary=X", "multipart/form-data; boundary=X; x=y",
		"Multipart/Form-Data; boundary=X", "multipart/form-data, boundary=X", "multipart/form-data; boundary=" + strings.Repeat("x", 71), "multipart/form-data; boundary*=X", "multipart/form-datax; boundary=X",
	} {
		refused("content_type", "POST", register, contentType, "token={alice}")
	}
	sent("POST", register, form+"; charset=UTF-8", "ticket_id=7&api_key="+clientKey, form, "ticket_id=7")
	// PHP finds no parameters in these, so nobody may look for some: they pass as
	// they are.
	for _, contentType := range []string{"Application/JSON", "text/plain", "multipart/mixed; boundary=X", "application/xml", "\"text\"", "x"} {
		sent("POST", register, contentType, `{"ticket_id":7,"_method":"GET"}`, contentType, `{"ticket_id":7,"_method":"GET"}`)
	}
	sent("GET", priority, form, "ticket_id=7&_method=x", form, "ticket_id=7&_method=x")
	rows = append(rows,
		row{name: "a page's override", raw: sending("POST", "/page", form, "_method=PUT&a.b=1;c"), php: toPHP("POST /page", "_method=PUT&a.b=1;c", "Content-Type: "+form), status: 200, after: kept},
		row{name: "no type", raw: post("Content-Length: 13\r\n") + "ticket_id=007", php: toPHP("POST "+register, "ticket_id=007", asAdmin), status: 200, after: kept},
		row{name: "compressed JSON", raw: post(json7+"Content-Encoding: gzip\r\nContent-Length: 2\r\n") + "{}", status: 400, code: "ambiguous_request", reason: "content_encoding", after: kept},
		row{name: "identity JSON", raw: post(json7+"Content-Encoding: identity\r\nContent-Length: 2\r\n") + "{}", status: 400, code: "ambiguous_request", reason: "content_encoding", after: kept},
		row{name: "compressed text", raw: post(plain+"Content-Encoding: gzip\r\nContent-Length: 5\r\n") + "hello", php: textAtPHP, status: 200, after: kept},
	)
	a.withstand(t, rows)
}

// part is a part of a multipart body: its headers behind form-data, and a value.
func part(header, value string) string {
	return "--X\r\nContent-Disposition: form-data" + header + "\r\n\r\n" + value + "\r\n"
}

// multipartSpellings hides fields in multipart bodies.
func multipartSpellings(t *testing.T, a *arena) {
	const multipart, end = "multipart/form-data; boundary=X", "--X--\r\n"
	field := part(`; name="a"`, "1")
	var rows []row
	refused := func(reason string, bodies ...string) {
		for _, body := range bodies {
			rows = append(rows, row{name: fmt.Sprintf("%.120q", body), raw: sending("POST", register, multipart, body), status: 400, code: "ambiguous_request", reason: reason, after: kept})
		}
	}
	sent := func(body string, parts ...string) {
		const boundary = "faveo-gateway-XXXXXXXXXXXXXXXXXXXXXXXXXX"
		at := strings.ReplaceAll(strings.Join(parts, "")+end, "--X", "--"+boundary)
		rows = append(rows, row{
			name: fmt.Sprintf("%.120q", body), raw: sending("POST", register, multipart, body), status: 200, after: kept,
			php: toPHP("POST "+register, at, asAdmin, "Content-Type: multipart/form-data; boundary="+boundary),
		})
	}
	refused("two_tokens", part(`; name="token"`, "{alice}")+end, field+part(`; name="token"`, "x")+end, part(`; name="token"`, "x")+part(`; name="token"`, "x")+end)
	refused("token_kind", part(`; name="token[]"`, "{alice}")+end, part(`; name="token"; filename="x"`, "{alice}")+end, part(`; name="token[a]"`, "x")+end)
	refused("method_override", part(`; name="_method"`, "GET")+end, part(`; name="_method[]"`, "GET")+end)
	refused("parameter_conflict", part(`; name="ticket_id"`, "7")+part(`; name="ticket_id"`, "8")+end, part(`; name="ticket_id"`, "7")+part(`; name="ticket_id[]"`, "7")+end,
		part(`; name="_method"; filename="x"`, "GET")+end, part(`; name="ticket_id"`, "7")+part(`; name="ticket_id"; filename="x"`, "8")+end, part(`; name="f"; filename="x"`, "7")+part(`; name="f"; filename="x"`, "7")+end)
	refused("parameter_name", part(`; name="ticket.id"`, "7")+end, part(`; name="ticket id"`, "7")+end, part(`; name=" ticket_id"`, "7")+end, part(`; name="ticket[id"`, "7")+end, part(`; name="ticket_id[]x"`, "7")+end, part(`; name=".method"`, "GET")+end,
		part(`; name="api.key"`, clientKey)+end, part(`; name="to[ken"`, "{alice}")+end)
	refused("multipart_header", part(`; name=token`, "{alice}")+end, part(`; name='token'`, "{alice}")+end, part(`; name="to\"ken"`, "{alice}")+end, part(`; name*=utf-8''token`, "{alice}")+end, part(`; name="a"; name="token"`, "{alice}")+end,
		part(`;name = "token"`, "{alice}")+end, part(``, "{alice}")+end, part(`; name=""`, "{alice}")+end, part(`; NAME="token"`, "{alice}")+end, part(`; name="a"; filename="x"; filename="y"`, "1")+end, part(`; name="a";`+"\r\n name=\"token\"", "1")+end,
		part(`; name="a"`+"\r\nContent-Disposition: form-data; name=\"token\"", "{alice}")+end, part(`; name="a"`+"\r\nX: 1", "1")+end, part(`; name="a"`+"\r\nContent-Transfer-Encoding: base64", "MQ==")+end,
		part(`; name="a"`+"\r\nContent-Type: text/plain; charset=utf-7", "1")+end, part(`; name="a"`+"\r\nContent-Type: multipart/mixed; boundary=Y", "--Y\r\n\r\n1\r\n--Y--")+end,
		"--X\r\nContent-Disposition : form-data; name=\"token\"\r\n\r\n1\r\n"+end, "--X\r\nContent-Disposition: attachment; name=\"token\"\r\n\r\n1\r\n"+end, part(`; name="a\b"`, "1")+end, "--X\r\n\r\ntoken\r\n"+end)
	refused("multipart_framing", "x\r\n"+field+end, "\r\n"+field+end, field+end+"x", field+end+field+end, field, field+"--X-\r\n", field+"--Xx\r\n"+end, "--X \r\n"+field[5:]+end, strings.ReplaceAll(field+end, "\r\n--X", "\n--X"), "--Y\r\n"+field+end, "a=1")
	refused("multipart_header", "--X\r\nContent-Disposition: form-data; name=\"a\"\n\n1\r\n"+end)
	refused("multipart_field", part(`; name="MAX_FILE_SIZE"`, "1")+end, part(`; name="max_file_size"`, "1")+end, part(`; name="f"; filename="../../x.php"`, "1")+end, part(`; name="f"; filename=""`, "1")+end)
	refused("parameter_count", strings.Repeat(part(`; name="a"`, "1"), 1001)+end, strings.Repeat(part(`; name="f[]"; filename="x"`, "1"), 21)+end)
	sent(field+end, field)
	sent(field+field+end[:5], field)
	sent(part(`; name="a[]"`, "1")+part(`; name="a[x]"`, "2")+part(`;  filename="p.png";name="f[]"`, "\x89PNG\r\n--Y")+end, part(`; name="a[0]"`, "1"), part(`; name="a[x]"`, "2"), part(`; name="f[0]"; filename="p.png"`, "\x89PNG\r\n--Y"))
	sent(part(`; name="token"`, "")+part(`; name="api_key"`, clientKey)+field+end, field)
	sent(field+part(`; name="api_key"; filename="k"`, clientKey)+end, field)
	sent(part(`; name="f"; filename="x.php.jpg"`+"\r\nContent-Type: image/png", "<?php")+end, part(`; name="f"; filename="x.php.jpg"`+"\r\nContent-Type: image/png", "<?php"))
	a.withstand(t, rows)
}

// seen is what testdata/echo.php tells.
type seen struct {
	Method, Path string
	Input        map[string]any
	Headers      map[string]string
	Raw          string // php://input in base64
}

// TestPHPSeesWhatWasJudged sends odd requests through the gateway to a real PHP. It
// must find in each what the gateway found: the method, the path, the parameters,
// and of the headers none that the client forged.
func TestPHPSeesWhatWasJudged(t *testing.T) {
	a := newArena(t, settings{"faveo.urls": newPHP(t)})
	reader := laravel.NewReader("", laravel.Limits{Body: 1 << 20, Parameters: 1 << 20})
	const (
		forged = "X_Forwarded_For: 6.6.6.6\r\nX-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nProxy: x\r\nX-Real-Ip: 6.6.6.6\r\nCookie: token=x\r\nConnection: X-Forwarded-For, Authorization\r\n"
		asForm = "application/x-www-form-urlencoded"
		parts  = "multipart/form-data; boundary=X"
		asJSON = "application/json; charset=utf-8"
	)
	t.Run("answers are whole", func(t *testing.T) { uploadsAreAnsweredWhole(t, a) })
	get := func(target string) string { return "GET " + target + " HTTP/1.1\r\n" + host + admin + forged + crlf }
	for _, raw := range []string{
		get(priority),
		get(priority + "?ticket_id=7&ticket%5fid=7&&a[]=1&a[x]=%C3%A9&a[7]=+&a[]=3&b&c=d=e&%3f=1&f]=2"),
		get(priority + "?api_key=" + clientKey + "&token=&ip=null&ticket-id=1&Ticket_id=2"),
		get(priority + "?a[b][c][]=1&a[b][c][]=2&a[b][0]=3&01=a&1=b&-1=c&1e1=d"),
		get(priority + "?a=%00%26%3D%3B%2B%25"),
		"HEAD " + priority + " HTTP/1.1\r\n" + host + admin + crlf,
		sending("GET", priority+"?b=2", asJSON, `{"a":[1,2.50,{"c":null}],"api_key":"`+clientKey+`","n":-0,"e":1E2,"big":9007199254740993,"t":true,"":"x","d.t":"1","é\u00e9/":"\ud83d\ude00"}`),
		sending("POST", register+"?a=1", asJSON, `{"a":"1","b":{"0":"x","1":"y"}}`),
		sending("POST", register+"?a=1", asJSON, `{"a":`),
		sending("POST", register+"?a=1", asJSON, `["a"]`),
		sending("POST", register+"?a=1", "text/json", "\xef\xbb\xbf{\"a\":2}"),
		sending("POST", register+"?q=1", asForm+"; charset=UTF-8", "ticket_id=7&a[]=1&a[]=2&api_key="+clientKey+"&token=&b=%F0%9F%98%80+%2B"),
		sending("POST", register+"?q=1", "text/plain", "ticket_id=8&_method=GET"),
		sending("POST", register+"?q=1", "Application/JSON", `{"ticket_id":8,"_method":"GET"}`),
		sending("GET", priority+"?q=1", asForm, "ticket_id=8&_method=POST"),
		sending("POST", register+"?q=1", parts, part(`; name="a[x][]"`, "1")+part(`; name="a[x][]"`, "--X")+part(`; name="api_key"`, clientKey)+part(`; name="f"; filename="ü.png"`, "\x00\x01")+"--X--\r\n"),
		sending("POST", register+"?q=1", parts, part(`; name="token"`, "")+part(`; name="e"; filename=""`, "")+part(`; name="é"`, "\r\n")+"--X--"),
		post(formed+chunked) + "2\r\na=\r\n1;x=y\r\n1\r\n0\r\nX: 1\r\n\r\n",
		strings.ReplaceAll(post(formed+"Content-Length: 3\r\n"), "\r\n", "\n") + "a=1",
		get("/page//a%2fb;c?d=%2e&e[]=1"),
		get("/indexapi/v1/helpdesk/priority"),
		get("/api%c0%afv1/helpdesk/priority"),
		get("/api?v1/helpdesk/priority"),
	} {
		got := a.attack(raw, false)
		want, web := a.judged(t, reader, raw)
		// echo.php does not say the honest request's line, as the raw PHP does.
		if got.status != 200 || got.after != closed && !strings.HasPrefix(got.after, "lost: the honest request got 200") {
			t.Errorf("%q: the connection is %s, the answer %d %s", raw, got.after, got.status, got.body)
		}
		if strings.HasPrefix(raw, "HEAD ") {
			continue
		}
		var found seen
		if err := json.Unmarshal([]byte(got.body), &found); err != nil {
			t.Errorf("%q: PHP says %s", raw, got.body)
			continue
		}
		if found.Method != want.Method || found.Path != want.Path || !web && !reflect.DeepEqual(found.Input, want.Input) {
			t.Errorf("%q:\nPHP sees %s %s %v\njudged    %s %s %v", raw, found.Method, found.Path, found.Input, want.Method, want.Path, want.Input)
		}
		a.checkHeaders(t, raw, found.Headers, web)
		body, err := base64.StdEncoding.DecodeString(found.Raw)
		if said := got.body + string(body); err != nil || strings.Contains(said, a.tokens["admin"]) || strings.Contains(said, clientKey) {
			t.Errorf("%q: PHP has a credential of the client: %s, %v", raw, said, err)
		}
	}
}

// uploadsAreAnsweredWhole streams small bodies to a PHP that answers at once and
// closes: what the gateway still does with the body of the request must not cut
// the answer. It is a matter of microseconds, so it is tried often.
func uploadsAreAnsweredWhole(t *testing.T, a *arena) {
	const tries = 300
	cut := 0
	for range tries {
		conn, reader := a.dial(sending("POST", register, "text/plain", "hello"))
		if got, err := readAnswer(reader, http.MethodPost); err != nil || !json.Valid([]byte(got.body)) {
			cut++
		}
		conn.Close()
	}
	if cut > 0 {
		t.Errorf("%d answers of %d were cut", cut, tries)
	}
}

// judged reads a request as the gateway does.
func (a *arena) judged(t *testing.T, reader *laravel.Reader, raw string) (want seen, web bool) {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(a.filled(raw))))
	if err != nil {
		t.Fatalf("%q: %v", raw, err)
	}
	q, err := reader.Read(r)
	if err == nil {
		err = q.LoadBody(1 << 20)
	}
	if err != nil {
		t.Fatalf("%q is refused: %v", raw, err)
	}
	defer q.Close()
	q.Take("token")
	q.Take("api_key")
	text, err := json.Marshal(q.InputMap())
	if err == nil {
		err = json.Unmarshal(text, &want.Input)
	}
	if err != nil {
		t.Fatal(err)
	}
	want.Method, want.Path = q.Method, q.Path
	return want, !q.API
}

// checkHeaders looks at what PHP knows of the client and its credentials.
func (a *arena) checkHeaders(t *testing.T, raw string, headers map[string]string, web bool) {
	t.Helper()
	who, _ := bridgeSubject(strings.TrimPrefix(headers["HTTP_AUTHORIZATION"], "Bearer "))
	if wanted := map[bool]string{true: "", false: "1"}[web]; who != wanted {
		t.Errorf("%q: PHP takes %q for the caller", raw, headers["HTTP_AUTHORIZATION"])
	}
	for name, value := range headers {
		switch name {
		case "HTTP_HOST", "HTTP_X_FORWARDED_HOST":
			if value != "faveo.test" {
				t.Errorf("%q: PHP sees %s=%q", raw, name, value)
			}
		case "HTTP_X_FORWARDED_FOR":
			if value != "127.0.0.1" {
				t.Errorf("%q: PHP sees the client %q", raw, value)
			}
		case "HTTP_COOKIE":
			if !web {
				t.Errorf("%q: PHP sees a cookie", raw)
			}
		case "HTTP_AUTHORIZATION", "HTTP_X_FORWARDED_PROTO", "HTTP_X_REQUEST_ID", "HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH":
		default:
			t.Errorf("%q: PHP sees %s=%q", raw, name, value)
		}
	}
}

// newPHP starts PHP's own web server with echo.php behind every path and returns
// its URL.
func newPHP(t *testing.T) string {
	t.Helper()
	php := service.PHP(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	server := exec.Command(php, "-S", address, filepath.Join("testdata", "echo.php"))
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait() // It says that it was killed.
	})
	for deadline := time.Now().Add(patience); ; {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
			return "http://" + address
		}
		if time.Now().After(deadline) {
			t.Fatalf("PHP's server does not answer: %v", err)
		}
	}
}
