package gateway_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPolicyExplain asks the same of the command, offline, and of the gateway that runs:
// both have the same answer, by the rules of the site.
func TestPolicyExplain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "site.yaml")
	rules := "rules:\n  - name: site-plugin\n    methods: [GET]\n    path: /api/v1/plugin\n    class: staff\n    reason: ours\n"
	if err := os.WriteFile(file, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	stores, _ := onMariaDB(t)
	w := start(t, merge(managed(stores), settings{"policy.files": `["` + file + `"]`}))
	for name, try := range map[string]struct {
		flags string
		query url.Values
		want  string // A part of both.
	}{
		"a rule of the site": {
			"GET /api/v1/plugin --role agent --user 2",
			url.Values{"method": {"GET"}, "path": {"/api/v1/plugin"}, "role": {"agent"}, "user": {"2"}},
			`"rule": "site-plugin"`,
		},
		"nobody": {
			"GET /api/v1/helpdesk/customers", url.Values{"method": {"GET"}, "path": {"/api/v1/helpdesk/customers"}}, `"answer": "401 token_not_provided"`,
		},
		"a ticket of one's own": {
			"GET /api/v1/helpdesk/ticket?ticket_id=41 --role user --user 7 --owner 7 --collaborator 8,9",
			url.Values{"method": {"GET"}, "path": {"/api/v1/helpdesk/ticket?ticket_id=41"}, "role": {"user"}, "user": {"7"}, "owner": {"7"}, "collaborator": {"8,9"}},
			`"answer": "goes to Faveo"`,
		},
		"an agent, with a key": {
			"POST /api/v1/helpdesk/edit --param ticket_id=41 --param subject=x --role agent --user 2 --departments 1,4 --teams 5 --department 4 --scope staff --key-name shop",
			url.Values{
				"method": {"POST"}, "path": {"/api/v1/helpdesk/edit"}, "param": {"ticket_id=41&subject=x"}, "role": {"agent"}, "user": {"2"},
				"departments": {"1,4"}, "teams": {"5"}, "department": {"4"}, "scope": {"staff"}, "key_name": {"shop"},
			},
			`"caller": "agent 2, API key \"shop\""`,
		},
		"an id with two readings": {
			"GET /api/v1/helpdesk/ticket --param ticket_id=041 --role admin",
			url.Values{"method": {"GET"}, "path": {"/api/v1/helpdesk/ticket"}, "param": {"ticket_id=041"}, "role": {"admin"}},
			`"answer": "400 ambiguous_request"`,
		},
	} {
		code, offline, stderr := w.offline("policy explain " + try.flags + " -o json --file " + file)
		if code != 0 || !strings.Contains(offline, try.want) {
			t.Errorf("%s: the command: exit code %d, %s%s, want %s", name, code, offline, stderr, try.want)
		}
		online := w.manage(http.MethodGet, "policy/explain?"+try.query.Encode(), "")
		if online.status != http.StatusOK || compact(t, online.body) != compact(t, offline) {
			t.Errorf("%s: the gateway: %d %s, want %s", name, online.status, online.body, offline)
		}
	}
	for query, want := range map[string]string{
		"method=GET&path=/api&role=root":       `role \"root\": want admin, agent or user`,
		"method=GET&path=/api&user=7":          "user without a role",
		"method=GET&path=/api&at=noon":         `at \"noon\": want a time`,
		"method=GET&path=/api&param=x":         `param \"x\": want name=value`,
		"method=GET&path=/api?x=1&param=x%3D2": "twice",
		"method=GET&path=/api&scope=boss":      `scope: scope \"boss\"`,
		"method=GET&path=/api&key_id=abc":      "key_id without a scope",
		"method=GET&path=/api%3Fx%3D%25zz":     "path: ",
	} {
		got := w.manage(http.MethodGet, "policy/explain?"+query, "")
		if got.status != http.StatusBadRequest || !strings.Contains(got.body, want) {
			t.Errorf("%s: %d %s, want 400 and %q", query, got.status, got.body, want)
		}
	}
	if got := w.admin("/admin/v1/policy/explain?method=GET&path=/api"); got.status != http.StatusUnauthorized {
		t.Errorf("without a token: %d %s", got.status, got.body)
	}
}
