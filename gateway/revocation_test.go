package gateway_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"faveo-gateway/upstream/faveo/faveotest"
)

// cheapPasswords gives everybody the password "cheap" by a hash that costs little,
// for tests that log in a thousand times.
func cheapPasswords(t testing.TB, db *faveotest.Database) {
	t.Helper()
	passwords(t, db, "cheap")
}

// passwords gives everybody the same password, by a hash that costs little.
func passwords(t testing.TB, db *faveotest.Database, password string) {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	db.Exec(t, "UPDATE users SET password = ? WHERE active = 1", strings.Replace(string(hash), "$2a$", "$2y$", 1))
}

// counter reads one value of a metric.
func counter(t testing.TB, metrics, series string) int {
	t.Helper()
	_, rest, found := strings.Cut(metrics, "\n"+series+" ")
	text, _, _ := strings.Cut(rest, "\n")
	n, err := strconv.ParseFloat(text, 64)
	if !found || err != nil {
		t.Fatalf("no metric %s", series)
	}
	return int(n)
}

// TestRevocationReachesEveryReplica logs out on one replica, a thousand times, and
// measures until two others refuse the token that they have just served.
func TestRevocationReachesEveryReplica(t *testing.T) {
	tries := 1000
	if testing.Short() {
		tries = 50
	}
	stores, db := onMariaDB(t)
	cheapPasswords(t, db)
	here, others := start(t, stores), []*world{start(t, stores), start(t, stores)}
	var took []time.Duration
	for range tries {
		token := here.login("alice", "cheap")
		for _, w := range others {
			w.wantServed("before", token)
		}
		began := time.Now()
		if got := here.send(http.MethodPost, "/api/v1/authenticate/logout", "", bearer(token)); got.status != http.StatusOK {
			t.Fatalf("logout: %d %s", got.status, got.body)
		}
		for _, w := range others {
			for w.send(http.MethodGet, priority, "", bearer(token)).status != http.StatusUnauthorized {
				if time.Since(began) > 10*time.Second {
					t.Fatal("a replica serves a session that has ended")
				}
			}
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	p50, p99 := took[len(took)/2], took[len(took)*99/100]
	t.Logf("from the order to log out to the refusal by two other replicas, %d tries: p50 %v, p99 %v, max %v", tries, p50, p99, took[len(took)-1])
	if p99 > time.Second {
		t.Errorf("p99 is %v, want less than 1s", p99)
	}
	if n := counter(t, others[0].metrics(), "faveo_gateway_revocation_latency_seconds_count"); n < tries {
		t.Errorf("the other replica has measured %d revocations, want %d", n, tries)
	}
}
