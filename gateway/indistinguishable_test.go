package gateway_test

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"faveo-gateway/upstream/faveo/faveotest"
)

// usualTries are few, and leastP so small that chance alone fails one run in ten
// thousand. LOGIN_TIMING_TRIES=200 asks for a measurement: hashes as they are in
// earnest, and every p (go test -v -timeout 20m).
const (
	usualTries = 25
	leastP     = 1e-6
)

// way is a way to fail to log in.
type way struct{ name, username, password string }

// TestIndistinguishable fails to log in on every way there is, in turn and in a random
// order, at the real door and on a real database. Status, headers and body are equal,
// and the times come from one distribution as far as a test of Mann and Whitney can
// tell; then the same while all are locked out.
func TestIndistinguishable(t *testing.T) {
	inOrder(t)
	tries, usual, costly := usualTries, 4, 6
	if asked, err := strconv.Atoi(os.Getenv("LOGIN_TIMING_TRIES")); err == nil {
		tries, usual, costly = asked, 8, 10
	}
	stores, db := onMariaDB(t)
	ways := prepareAccounts(t, db, usual, costly)
	over := merge(stores, settings{"login.min_failure_time": "30ms"})

	t.Run("refused", func(t *testing.T) {
		w := start(t, over)
		checkAlike(t, w, ways, tries, http.StatusUnauthorized)
	})
	t.Run("locked out", func(t *testing.T) {
		w := start(t, merge(over, settings{
			"redis.key_prefix": over["redis.key_prefix"] + "locked:", "login.lockout.per_pair": "2/1h", "login.lockout.per_account": "3/1h",
		}))
		for range 3 {
			for _, each := range ways {
				w.fail(each)
			}
		}
		checkAlike(t, w, ways, tries, http.StatusTooManyRequests)
	})
}

// prepareAccounts gives all accounts a hash of the usual cost, and makes one for each
// way to fail.
func prepareAccounts(t *testing.T, db *faveotest.Database, usual, costly int) []way {
	t.Helper()
	const right = "the right one"
	hash := func(cost int) string {
		h, err := bcrypt.GenerateFromPassword([]byte(right), cost)
		if err != nil {
			t.Fatal(err)
		}
		return string(h)
	}
	db.Exec(t, "UPDATE users SET password = ?", hash(usual))
	account := func(name string, password any, active, ban, deleted int) {
		t.Helper()
		db.Exec(t, "INSERT INTO users (user_name, email, password, active, ban, is_delete) VALUES (?, ?, ?, ?, ?, ?)",
			name, name+"@ways.test", password, active, ban, deleted)
	}
	account("t_active", hash(usual), 1, 0, 0)
	account("t_inactive", hash(usual), 0, 0, 0)
	account("t_banned", hash(usual), 1, 1, 0)
	account("t_deleted", hash(usual), 1, 0, 1)
	account("t_null", nil, 1, 0, 0)
	account("t_costly", hash(costly), 1, 0, 0)
	account("t_unusable", strings.Replace(hash(4), "$04$", "$31$", 1), 1, 0, 0)
	return []way{
		{"wrong password", "t_active", "a wrong one"},
		{"wrong password by address", "t_active@ways.test", "a wrong one"},
		{"unknown", "t_nobody", right},
		{"inactive", "t_inactive", right},
		{"banned", "t_banned", right},
		{"deleted", "t_deleted", right},
		{"NULL hash", "t_null", right},
		{"hash of another cost", "t_costly", "a wrong one"},
		{"unusable hash", "t_unusable", right},
	}
}

// fail logs in on a way.
func (w *world) fail(by way) answer {
	w.t.Helper()
	form := url.Values{"username": {by.username}, "password": {by.password}}
	return w.send(http.MethodPost, "/api/v1/authenticate", form.Encode(), "Content-Type: application/x-www-form-urlencoded")
}

func checkAlike(t *testing.T, w *world, ways []way, tries, status int) {
	t.Helper()
	took := map[string][]float64{}
	var first *refused
	for range tries {
		for _, at := range rand.Perm(len(ways)) {
			began := time.Now()
			answer := w.fail(ways[at])
			took[ways[at].name] = append(took[ways[at].name], time.Since(began).Seconds())
			got := refusalOf(t, answer)
			if first == nil {
				first = &got
			}
			if got.visible != first.visible || answer.status != status || got.until.Sub(first.until).Abs() > 3*time.Second {
				t.Fatalf("%s is answered (until %v)\n%s\nanother way (until %v)\n%s", ways[at].name, got.until, got.visible, first.until, first.visible)
			}
		}
	}
	reference := ways[0].name
	for _, other := range ways[1:] {
		p := mannWhitney(took[reference], took[other.name])
		t.Logf("%-26s median %6.2f ms, %s %6.2f ms, p = %.3f", other.name, 1000*median(took[other.name]), reference, 1000*median(took[reference]), p)
		if p < leastP {
			t.Errorf("%s takes another time than %s: p = %g", other.name, reference, p)
		}
	}
}

// refused is what a client sees of an answer but for its date and the number of its
// request. until is the moment that its Retry-After names, zero without one.
type refused struct {
	visible string
	until   time.Time
}

var requestID = regexp.MustCompile(`"request_id":"[A-Z0-9]+"`)

func refusalOf(t *testing.T, a answer) (r refused) {
	t.Helper()
	lines := []string{strconv.Itoa(a.status)}
	for _, name := range slices.Sorted(maps.Keys(a.header)) {
		switch value := a.header.Get(name); name {
		case "Date", "X-Request-Id":
		case "Retry-After":
			seconds, err := strconv.Atoi(value)
			if err != nil || seconds < 1 {
				t.Fatalf("Retry-After is %q", value)
			}
			r.until = time.Now().Add(time.Duration(seconds) * time.Second)
			lines = append(lines, name)
		default:
			lines = append(lines, fmt.Sprint(name, ": ", a.header[name]))
		}
	}
	lines = append(lines, requestID.ReplaceAllString(a.body, `"request_id":"<id>"`))
	r.visible = strings.Join(lines, "\n")
	return r
}

// mannWhitney returns the probability that two samples of one distribution differ as
// much as these, in either direction: the U test with the normal approximation, which
// is good beyond 20 of each, corrected for ties and for continuity.
func mannWhitney(a, b []float64) float64 {
	type value struct {
		at  float64
		ofA bool
	}
	all := make([]value, 0, len(a)+len(b))
	for _, at := range a {
		all = append(all, value{at: at, ofA: true})
	}
	for _, at := range b {
		all = append(all, value{at: at})
	}
	slices.SortFunc(all, func(x, y value) int { return cmp.Compare(x.at, y.at) })
	var ranksOfA, ties float64
	for i := 0; i < len(all); {
		end := i
		for end < len(all) && all[end].at == all[i].at {
			end++
		}
		tied := float64(end - i)
		ties += tied*tied*tied - tied
		for ; i < end; i++ {
			if all[i].ofA {
				ranksOfA += float64(end) - (tied-1)/2
			}
		}
	}
	n, m := float64(len(a)), float64(len(b))
	sum := n + m
	u := ranksOfA - n*(n+1)/2
	deviation := math.Sqrt(n * m / 12 * (sum + 1 - ties/(sum*(sum-1))))
	if deviation == 0 {
		return 1
	}
	z := max(math.Abs(u-n*m/2)-0.5, 0) / deviation
	return math.Erfc(z / math.Sqrt2)
}

// TestMannWhitney holds the arithmetic to the example of a textbook (Hollander and
// Wolfe, 1973, page 69: U = 35, whose normal approximation is 0.245), and to what the
// test must be able to see.
func TestMannWhitney(t *testing.T) {
	for _, test := range []struct {
		a, b []float64
		p    float64
	}{
		{[]float64{0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46}, []float64{1.15, 0.88, 0.90, 0.74, 1.21}, 0.245},
		{[]float64{1, 2, 3, 4}, []float64{1, 2, 3, 4}, 1},
		{[]float64{1, 1, 1}, []float64{1, 1, 1}, 1},
	} {
		if p := mannWhitney(test.a, test.b); math.Abs(p-test.p) > 0.001 {
			t.Errorf("%v and %v: p = %v, want %v", test.a, test.b, p, test.p)
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	sample := func(mean float64) (s []float64) {
		for range usualTries {
			s = append(s, random.NormFloat64()+mean)
		}
		return s
	}
	if p := mannWhitney(sample(0), sample(0)); p < 0.001 {
		t.Errorf("two samples of one distribution: p = %v", p)
	}
	if p := mannWhitney(sample(0), sample(4)); p > leastP {
		t.Errorf("two samples that lie apart: p = %v, want less than %v", p, leastP)
	}
}
