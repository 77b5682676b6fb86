package faveo_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"

	"faveo-gateway/upstream/faveo"
	"faveo-gateway/upstream/faveo/faveotest"
)

// TestRecordedAnswers reproduces the body of every successful login and of every authenticate/user that was recorded
// from the real Faveo, byte for byte.
func TestRecordedAnswers(t *testing.T) {
	d := faveotest.New(t)
	db := open(t, d, faveo.Options{PublicPath: d.PublicPath})
	logins, profiles := 0, 0
	recordings := append(faveotest.Recordings(t, "authenticate"), faveotest.Recordings(t, "token")...)
	recordings = append(recordings, faveotest.Recordings(t, "api-key")...)
	for _, r := range recordings {
		id, token, ok := answeredUser(r)
		if !ok {
			continue
		}
		t.Run(r.Name, func(t *testing.T) {
			if state, ok := notedStates[r.Name]; ok {
				r.Precondition = state
			}
			defer d.Apply(t, r.Precondition)()
			u, err := db.FindByID(t.Context(), id)
			if err != nil {
				t.Fatalf("FindByID(%d): %v", id, err)
			}
			var got []byte
			if token != "" {
				logins++
				got, err = db.AppendLogin(nil, token, u)
			} else {
				profiles++
				got, err = db.AppendUser(nil, u)
			}
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, r.Response.Body) {
				t.Errorf("got  %s\nwant %s", got, r.Response.Body)
			}
		})
	}
	if logins < 40 || profiles < 30 {
		t.Errorf("only %d logins and %d profiles were compared", logins, profiles)
	}
}

// notedStates are the rows of recordings that tell of them in their note instead of a precondition.
var notedStates = map[string]map[string]any{
	"token-after-deactivation": {"users": map[string]any{"id": 4, "active": 0}},
}

// answeredUser finds the account that a recorded answer shows, and the token of a login.
func answeredUser(r faveotest.Recording) (id uint64, token string, ok bool) {
	var body struct {
		Token  string `json:"token"`
		UserID struct {
			ID uint64 `json:"id"`
		} `json:"user_id"`
		User struct {
			ID uint64 `json:"id"`
		} `json:"user"`
	}
	if r.Response.TruncatedFrom != 0 || json.Unmarshal(r.Response.Body, &body) != nil {
		return 0, "", false
	}
	if body.Token != "" {
		return body.UserID.ID, body.Token, true
	}
	return body.User.ID, "", body.User.ID != 0
}

// TestRecordedLookups looks up the name of every recorded login whose credentials are text. Where PHP logged somebody
// in, the same account is found and its password verifies; where PHP refused, nobody gets in.
func TestRecordedLookups(t *testing.T) {
	d := faveotest.New(t)
	db := open(t, d, faveo.Options{})
	verified := map[[2]string]bool{} // Many recordings are of one account; hashing is slow.
	verify := func(u *faveo.User, password string) bool {
		pair := [2]string{u.PasswordHash(), password}
		if _, done := verified[pair]; !done {
			verified[pair], _ = faveo.VerifyPassword(pair[0], pair[1])
		}
		return verified[pair]
	}
	matched, refused := 0, 0
	for _, r := range faveotest.Recordings(t, "authenticate") {
		name, password, ok := textCredentials(r.Request)
		if !ok || r.Name == "database-down" || r.Request.Method != "POST" {
			continue
		}
		t.Run(r.Name, func(t *testing.T) {
			defer d.Apply(t, r.Precondition)()
			wantID, _, wantLogin := answeredUser(r)
			u, err := db.FindByLogin(t.Context(), name)
			if err != nil && !errors.Is(err, faveo.ErrNotFound) {
				t.Fatalf("FindByLogin(%.40q): an infrastructure fault: %v", name, err)
			}
			if strings.ContainsRune(name, 0) && err == nil {
				t.Fatal("a name with a NUL was looked up")
			}
			if strings.ContainsRune(name+password, 0) {
				return // The login refuses NUL before it asks this room.
			}
			if !wantLogin {
				refused++
				// The login refuses a missing password, which reads here like an empty one.
				if u != nil && password != "" && verify(u, password) {
					t.Errorf("user %d got in, PHP refused", u.ID)
				}
				return
			}
			matched++
			if err != nil {
				t.Fatalf("FindByLogin(%.40q) = %v, want user %d", name, err, wantID)
			}
			if u.ID != wantID {
				t.Errorf("FindByLogin(%.40q) = user %d, want %d", name, u.ID, wantID)
			}
			if !verify(u, password) {
				t.Error("the password does not verify")
			}
			wantMay := r.Name != "banned-user" && r.Name != "deleted-user"
			if u.MayLogin() != wantMay {
				t.Errorf("MayLogin = %v, want %v", u.MayLogin(), wantMay)
			}
		})
	}
	if matched < 20 || refused < 20 {
		t.Errorf("only %d successes and %d refusals were compared", matched, refused)
	}
}

// textCredentials reads the two parameters of a request in which each is text in one place, roughly as PHP would.
func textCredentials(r faveotest.Request) (name, password string, ok bool) {
	contentType := ""
	if len(r.Headers["Content-Type"]) > 0 {
		contentType = r.Headers["Content-Type"][0]
	}
	values := map[string]string{}
	collect := func(form string) {
		parsed, err := url.ParseQuery(form)
		if err != nil {
			return
		}
		for key, given := range parsed {
			values[key] = given[0]
		}
	}
	collect(r.Query)
	switch {
	case strings.Contains(contentType, "/json") || strings.Contains(contentType, "+json"):
		var members map[string]any
		if json.Unmarshal(r.Body, &members) != nil {
			break
		}
		for key, member := range members {
			text, isText := member.(string)
			if !isText {
				return "", "", false
			}
			values[key] = text
		}
	case strings.HasPrefix(contentType, "application/x-www-form-urlencoded"):
		collect(string(r.Body))
	}
	name, named := values["username"]
	return name, values["password"], named
}
