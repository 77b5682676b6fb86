package standin_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"faveo-gateway/upstream/standin"
)

const helpdesk = "/api/v1/helpdesk/"

// scene talks to one Faveo with one token.
type scene struct {
	*testing.T
	faveo *standin.Faveo
	token string
}

func newScene(t *testing.T, sub string) scene {
	return scene{t, newFaveo(), mint(t, sub)}
}

// get expects 200 and the text in the answer; one that begins with ! must not be in it.
func (s scene) get(uri, want string) { s.Helper(); s.expect("GET", uri, "", want) }

func (s scene) post(uri, form, want string) { s.Helper(); s.expect("POST", uri, form, want) }

func (s scene) expect(method, uri, form, want string) {
	s.Helper()
	got := send(s.T, s.faveo, method, helpdesk+uri, s.token, form)
	text := body(s.T, got)
	unwanted, not := strings.CutPrefix(want, "!")
	if got.StatusCode != http.StatusOK || strings.Contains(text, unwanted) == not {
		s.Errorf("%s %s %s: %d %s, want %s", method, uri, form, got.StatusCode, text, want)
	}
}

func TestAnyTokenReadsEverything(t *testing.T) {
	s := newScene(t, "3")
	s.get("ticket-thread?id=4", "INTERNAL NOTE on ticket 4")
	s.get("ticket-search?search=internal", `{"ticket_id":9}`)
	s.get("customer?user_id=4", `"user_name":"otherclient"`)
	s.get("customers?search=demoad", `"role":"admin"`)
	s.get("inbox", `"user_name":"otherclient"`)
	s.get("my-tickets-user?user_id=4", `"title":"Refund for order 9001"`)
}

func TestAgentIsHeldToDepartmentInListsOnly(t *testing.T) {
	s := newScene(t, "2")
	s.get("inbox", "!Refund for order 9001")
	s.get("inbox", "Cannot log in")
	s.get("closed", "Key to the yard") // another department, his assignment
	s.get("ticket?ticket_id=4", "Refund for order 9001")
}

func TestCreateInTheNameOfAnybody(t *testing.T) {
	s := newScene(t, "3")
	s.post("create", "email=OTHERCLIENT@example.test&first_name=Otto&helptopic=2&sla=1&subject=Forged+one&body=Hello+you&priority=4",
		`{"response":{"ticket_id":12,"message":"Ticket created successfully!"}}`)
	s.get("my-tickets-user?user_id=4", `"title":"Forged one"`)
	s.get("ticket?ticket_id=12", `"priority_name":"Emergency"`)
	s.post("create", "email=new@example.test&first_name=New&helptopic=1&sla=1&subject=Second&body=Hello+you&priority=1", `"ticket_id":13`)
	s.get("customers?search=new@", `"active":1`)
}

func TestCreateWithoutFieldsIs422(t *testing.T) {
	s := newScene(t, "3")
	got := send(t, s.faveo, "POST", helpdesk+"create", s.token, "email=x@example.test")
	if text := body(t, got); got.StatusCode != 422 || !strings.Contains(text, `"sla":["The sla field is required."]`) {
		t.Errorf("answer %d %s", got.StatusCode, text)
	}
}

func TestReplyLooksLikeStaff(t *testing.T) {
	s := newScene(t, "3")
	s.post("reply", "ticket_id=4&reply_content=mine+too", `"poster":"support"`)
	s.get("ticket-thread?id=4", `"body":"mine too"`)
	s.post("reply", "ticket_id=4", `{"error":{"reply_content":["The reply content field is required."]}}`)
	s.post("reply", "ticket_id=999&reply_content=x", `{"error":{"ticket_id":["The selected ticket id is invalid."]}}`)
}

func TestEditAnyTicket(t *testing.T) {
	s := newScene(t, "3")
	s.post("edit", "ticket_id=4&subject=Hijacked&sla_plan=2&help_topic=1&ticket_source=2&ticket_priority=4&status=3", "Edited successfully")
	s.get("ticket?ticket_id=4", `"title":"Hijacked"`)
	s.get("ticket?ticket_id=4", `"status_name":"Closed"`)
	s.get("ticket?ticket_id=4", `"grace_period":"12 Hours"`)
}

func TestDeleteTwiceIsForGood(t *testing.T) {
	s := newScene(t, "3")
	s.post("delete", "ticket_id=4,5", "your tickets has been deleted")
	s.get("trash", "Refund for order 9001")
	s.get("ticket-thread?id=5", "Ticket has been Deleted by Clara Client")
	s.post("delete", "ticket_id=4", "your tickets has been deleted")
	s.get("ticket?ticket_id=4", "The selected ticket id is invalid.")
	s.get("ticket-thread?id=4", "[]")
	s.post("delete", "ticket_id=5,4", "ticket not found")
}

func TestAssignToAnybody(t *testing.T) {
	s := newScene(t, "3")
	s.post("assign", "ticket_id=4&user=democlient@example.test", `{"result":"success"}`)
	s.get("ticket?ticket_id=4", `"assignee":"Clara Client"`)
	s.post("assign", "ticket_id=4&user=nobody@example.test", `{"response":{"error":"No agent not found"}}`)
	s.post("assign", "ticket_id=99&user=demoagent@example.test", `{"response":{"error":"No ticket not found"}}`)
}

func TestInternalNoteInTheNameOfAnybody(t *testing.T) {
	s := newScene(t, "3")
	s.post("internal-note", "ticket_id=4&user_id=1&body=forged+note", `"body":"forged&nbsp;note"`)
	s.get("ticket-thread?id=4", `"is_internal":1`)
	s.get("ticket-thread?id=4", `"first_name":"Ada"`)
}

func TestCollaborators(t *testing.T) {
	s := newScene(t, "3")
	s.post("collaborator/get-ticket", "ticket_id=1", `"email":"helperclient@example.test"`)
	s.post("collaborator/create", "ticket_id=1&email=mallory@example.test", `{"collaborator":{"mallory@example.test":"mallory@example.test"}}`)
	s.post("collaborator/create", "ticket_id=1&email=mallory@example.test", "The email has already been taken.")
	s.post("collaborator/get-ticket", "ticket_id=1", "mallory@example.test")
	s.post("collaborator/remove", "ticketid=1&email=helperclient@example.test", "deleted successfully")
	s.post("collaborator/get-ticket", "ticket_id=1", "!helperclient")
}

func TestAPIKeyIsReplacedByHEAD(t *testing.T) {
	s := newScene(t, "3")
	first := body(t, send(t, s.faveo, "GET", helpdesk+"api_key", s.token, ""))
	if got := send(t, s.faveo, "HEAD", helpdesk+"api_key", s.token, ""); got.StatusCode != 200 {
		t.Errorf("HEAD: %d", got.StatusCode)
	}
	if second := body(t, send(t, s.faveo, "GET", helpdesk+"api_key", s.token, "")); first == second || len(first) != len(`{"result":""}`)+32 {
		t.Errorf("keys %s and %s", first, second)
	}
}

func TestURLFetchesNothing(t *testing.T) {
	f := newFaveo()
	for uri, want := range map[string]string{
		"url?url=http://127.0.0.1:1/":         standin.Fetched,
		"url?url=file://localhost/etc/passwd": standin.Fetched,
		"url?url=nonsense":                    "The url must be a valid URL.",
		"url":                                 "The url field is required.",
	} {
		if text := body(t, send(t, f, "GET", helpdesk+uri, "", "")); !strings.Contains(text, want) {
			t.Errorf("%s: %s, want %s", uri, text, want)
		}
	}
}

func TestPages(t *testing.T) {
	s := newScene(t, "1")
	s.get("tickets", `"total":11`)
	s.get("tickets?page=2", `"from":11,"last_page":2`)
	s.get("tickets?page=2", `"next_page_url":null`)
	s.get("tickets?page=3", `"data":[]`)
	s.get("tickets?page=-1", `"current_page":1`)
}

func TestManyAtOnce(t *testing.T) {
	s := newScene(t, "1")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 10 {
				s.post("reply", "ticket_id=1&reply_content=x", `"poster":"support"`)
				s.get("ticket-thread?id=1", `"poster":"client"`)
			}
		})
	}
	all.Wait()
	text := body(t, send(t, s.faveo, "GET", helpdesk+"ticket-thread?id=1", s.token, ""))
	if n := strings.Count(text, `"body":"x"`); n != 80 {
		t.Errorf("%d replies, want 80", n)
	}
}
