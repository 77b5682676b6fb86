package faveo_test

import (
	"cmp"
	"testing"
	"time"

	"go.uber.org/goleak"

	"faveo-gateway/upstream/faveo"
	"faveo-gateway/upstream/faveo/faveotest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open opens d with these options, the usual ones for those that are required, and closes it with the test.
func open(t *testing.T, d *faveotest.Database, o faveo.Options) *faveo.DB {
	t.Helper()
	if o.Database == "" {
		o.Database = d.URL
	}
	o.Timeout = cmp.Or(o.Timeout, 3*time.Second)
	o.MaxConnections = cmp.Or(o.MaxConnections, 16)
	o.Version = cmp.Or(o.Version, "auto")
	db, err := faveo.Open(t.Context(), o)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return db
}

// userObject is the JSON of the user with this id, without the envelope.
func userObject(t *testing.T, db *faveo.DB, id uint64) string {
	t.Helper()
	u, err := db.FindByID(t.Context(), id)
	if err != nil {
		t.Fatalf("FindByID(%d): %v", id, err)
	}
	body, err := db.AppendUser(nil, u)
	if err != nil {
		t.Fatalf("AppendUser: %v", err)
	}
	const envelope = `{"user":`
	return string(body[len(envelope) : len(body)-1])
}
