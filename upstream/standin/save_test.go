package standin_test

import (
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"faveo-gateway/upstream/standin"
)

// newStored returns a scene whose Faveo writes to a database, and the database.
func newStored(t *testing.T, sub string) (scene, *sql.DB) {
	t.Helper()
	db, path := openDatabase(t)
	address := (&url.URL{Scheme: "sqlite", Path: path}).String()
	return scene{t, standin.New(standin.Options{Secret: secret, Now: now, Database: address}), mint(t, sub)}, db
}

// holds expects the rows of a query, columns joined by blanks and rows by commas.
func (s scene) holds(db *sql.DB, query, want string) {
	s.Helper()
	var got sql.NullString
	if err := db.QueryRowContext(s.Context(), "SELECT group_concat(line, ',') FROM ("+query+")").Scan(&got); err != nil || got.String != want {
		s.Errorf("%s: %q, %v, want %q", query, got.String, err, want)
	}
}

const (
	ticket12 = "SELECT concat_ws(' ', user_id, dept_id, ifnull(team_id, '-'), ifnull(assigned_to, '-'), status, help_topic_id, is_deleted) AS line FROM tickets WHERE id = 12"
	newForm  = "email=new@example.test&first_name=New&helptopic=2&sla=1&subject=A+new+one&body=Hello&priority=4"
)

func TestChangesAreInTheDatabaseWhenTheyAreAnswered(t *testing.T) {
	s, db := newStored(t, "1")
	s.post("create", newForm, `"ticket_id":12`)
	s.holds(db, "SELECT concat_ws(' ', user_name, email, role, active, ban, is_delete) AS line FROM users WHERE id = 11",
		"new@example.test new@example.test user 1 0 0")
	s.holds(db, ticket12, "11 2 - - 1 2 0")
	s.holds(db, "SELECT title AS line FROM ticket_thread WHERE ticket_id = 12", "A new one")

	s.post("create", newForm+"&assignto=7", `"ticket_id":13`)
	s.holds(db, "SELECT user_id || ' ' || assigned_to AS line FROM tickets WHERE id = 13", "11 7")
	s.post("assign", "ticket_id=12&user=salesagent@example.test", "success")
	s.holds(db, ticket12, "11 2 - 7 1 2 0")
	s.post("edit", "ticket_id=12&subject=S&sla_plan=1&help_topic=3&ticket_source=1&ticket_priority=1&status=3", "Edited")
	s.holds(db, ticket12, "11 2 - 7 3 3 0")

	s.post("delete", "ticket_id=12", "deleted")
	s.holds(db, ticket12, "11 2 - 7 5 3 0")
	s.post("delete", "ticket_id=12", "deleted")
	s.holds(db, ticket12, "")
	s.holds(db, "SELECT id AS line FROM ticket_thread WHERE ticket_id = 12", "")

	s.post("register", "username=fresh&first_name=F", "Activate")
	s.post("register", "username=second&first_name=S", "Activate") // no address is no duplicate of none
	s.holds(db, "SELECT concat_ws(' ', user_name, ifnull(email, '-'), active) AS line FROM users WHERE id > 11", "fresh - 0,second - 0")
}

func TestCollaboratorsAreInTheDatabase(t *testing.T) {
	s, db := newStored(t, "1")
	const rows = "SELECT id || ' ' || ticket_id || ' ' || user_id AS line FROM ticket_collaborator ORDER BY id"
	s.post("collaborator/create", "ticket_id=4&email=a@example.test", "a@")
	s.holds(db, rows, "1 1 5,2 4 11")
	s.post("collaborator/remove", "ticketid=1&email=helperclient@example.test", "deleted")
	s.holds(db, rows, "2 4 11")
	s.post("collaborator/create", "ticket_id=4&email=b@example.test", "b@") // no id comes twice
	s.holds(db, rows, "2 4 11,3 4 12")
	s.post("delete", "ticket_id=4", "deleted")
	s.post("delete", "ticket_id=4", "deleted")
	s.holds(db, rows, "")
}

// TestOtherColumnsStay: what the stand-in knows nothing of is not written over.
func TestOtherColumnsStay(t *testing.T) {
	s, db := newStored(t, "1")
	if _, err := db.ExecContext(t.Context(), "UPDATE tickets SET team_id = 2 WHERE id = 4"); err != nil {
		t.Fatal(err)
	}
	s.post("assign", "ticket_id=4&user=demoagent@example.test", "success")
	s.holds(db, "SELECT team_id || ' ' || assigned_to AS line FROM tickets WHERE id = 4", "2 2")
}

// TestFailedWriteIsNoSuccess: the caller is told, nothing has changed anywhere, and the next request goes its way.
func TestFailedWriteIsNoSuccess(t *testing.T) {
	s, db := newStored(t, "1")
	if _, err := db.ExecContext(t.Context(), "ALTER TABLE tickets RENAME TO elsewhere"); err != nil {
		t.Fatal(err)
	}
	got := send(t, s.faveo, "POST", helpdesk+"create", s.token, newForm)
	if text := body(t, got); got.StatusCode != 500 || !strings.Contains(text, "no such table") {
		t.Errorf("answer %d %s", got.StatusCode, text)
	}
	s.get("tickets", `"total":11`)
	s.get("customers?search=new@", `{"result":[]}`)
	s.holds(db, "SELECT max(id) AS line FROM users", "10")
	if _, err := db.ExecContext(t.Context(), "ALTER TABLE elsewhere RENAME TO tickets"); err != nil {
		t.Fatal(err)
	}
	s.post("create", newForm, `"ticket_id":12`)
	s.holds(db, ticket12, "11 2 - - 1 2 0")

	// An address is unique in Faveo's table: somebody else's row is not replaced.
	got = send(t, s.faveo, "POST", helpdesk+"register", s.token, "username=twin&first_name=T&email=DemoClient@example.test")
	if text := body(t, got); got.StatusCode != 500 || !strings.Contains(text, "UNIQUE") {
		t.Errorf("answer %d %s", got.StatusCode, text)
	}
	s.holds(db, "SELECT user_name AS line FROM users WHERE email = 'democlient@example.test'", "democlient")
}

func TestMissingDatabaseIsNotMadeAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gone.sqlite")
	s := scene{t, standin.New(standin.Options{Secret: secret, Now: now, Database: "sqlite://" + path}), mint(t, "1")}
	if got := send(t, s.faveo, "POST", helpdesk+"create", s.token, newForm); got.StatusCode != 500 {
		t.Errorf("status %d", got.StatusCode)
	}
	if found, _ := filepath.Glob(path + "*"); len(found) != 0 {
		t.Errorf("%v were made", found)
	}
}

func TestForeignDatabasePanics(t *testing.T) {
	for _, address := range []string{"mysql://faveo:x@127.0.0.1/faveo", "sqlite:///x?mode=memory", "sqlite://host/x", "/x", "sqlite://"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s was taken", address)
				}
			}()
			standin.New(standin.Options{Secret: secret, Database: address})
		}()
	}
}

// TestReadersAndWritersAtOnce: nobody fails because the file is locked, and who has been answered finds the rows.
func TestReadersAndWritersAtOnce(t *testing.T) {
	s, db := newStored(t, "1")
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for n := range 8 {
				email := fmt.Sprintf("many-%d-%d@example.test", i, n)
				s.post("create", newForm+"&email="+email, "created successfully")
				s.holds(db, "SELECT u.email AS line FROM tickets t JOIN users u ON u.id = t.user_id WHERE u.email = '"+email+"'", email)
			}
		})
	}
	all.Wait()
	s.holds(db, "SELECT count(*) AS line FROM tickets", "43")
}
