package gateway_test

import (
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"faveo-gateway/gateway/storetest/service"
	"faveo-gateway/upstream/faveo/faveotest"
)

// TestStolenStoresGiveNoAPIKey takes all that Redis and the state database have of a
// site whose keys were made, used, rotated and revoked, and tries whatever in it could be
// a key, in every coding: none is one.
func TestStolenStoresGiveNoAPIKey(t *testing.T) {
	inOrder(t)
	stores, db := onMariaDBCheaply(t)
	w := start(t, merge(managed(stores), settings{"api_keys.required": "always"}))
	setInstallationKey(t, db, 1, 1, installationKey)
	alice, bob := settings{"user": "4", "scopes": "admin"}, settings{"user": "5", "scopes": "admin"}
	bound, nobodys, bobs, revoked, rotated := w.newKey(alice), w.newKey(settings{"scopes": "admin"}), w.newKey(bob), w.newKey(alice), w.newKey(alice)
	login := w.send("POST", "/api/v1/authenticate?username=alice&password=AlicePass1!", "", nobodys.header())
	token := w.wantToken("login", login)
	opens := func(key string) bool {
		got := w.send(http.MethodGet, priority, "", bearer(token), "X-API-Key: "+key)
		if got.status >= http.StatusInternalServerError {
			t.Fatalf("%q: %d %s", key, got.status, got.body)
		}
		return strings.Contains(got.body, `{"name":"Low",`)
	}
	w.wantKeyServed("bob", bobs)
	for _, key := range []string{bound.secret, nobodys.secret, revoked.secret, rotated.secret, installationKey} {
		if !opens(key) {
			t.Fatalf("%s is no key", key)
		}
	}
	w.revokeKey(revoked)
	second := w.wantKey("rotate", w.manage(http.MethodPost, "apikeys/"+rotated.id+"/rotate", ""), http.StatusOK)
	if !opens(second.secret) || !opens(rotated.secret) {
		t.Fatal("a rotation has not two keys")
	}

	eventually(t, "the audit trail is written", func() bool {
		return strings.Contains(w.manage(http.MethodGet, "audit?limit=1000", "").body, `"apikey_rotated"`)
	})

	var loot []string
	keys := redisKeys(t, stores["redis.key_prefix"])
	for _, key := range keys {
		loot = append(loot, redisHas(t, key)...)
	}
	rows := stateRows(t, db)
	loot = append(loot, rows...)
	all := strings.Join(loot, "\n")
	if !strings.Contains(all, "{k:key-"+bound.id+"}") || !strings.Contains(all, "{k:faveo-installation}") || !slices.Contains(rows, bound.id) {
		t.Fatalf("the loot has no record of a key: %d keys of Redis, %d values of the database", len(keys), len(rows))
	}
	ids := []string{bound.id, nobodys.id, bobs.id, revoked.id, rotated.id}
	tries := keysIn(loot, ids)
	for _, key := range []managedKey{bound, nobodys, bobs, revoked, rotated, second} {
		secret := key.secret
		if tries[secret] {
			t.Errorf("the stores have the key %s", secret)
		}
		for _, planted := range []string{
			secret, hex.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte(secret)), secret[17:60], hex.EncodeToString([]byte(secret[17:60])),
		} {
			if !keysIn([]string{`{"digest":"` + planted + `"}`}, ids)[secret] {
				t.Errorf("it would not be found as %s", planted)
			}
		}
	}
	opened := 0
	for try := range tries {
		if opens(try) {
			opened++
			t.Errorf("what was stolen opens the door: %q", try)
		}
	}
	t.Logf("%d keys of Redis, %d values of the state database, %d keys tried, %d good", len(keys), len(rows), len(tries), opened)
	if len(tries) < 300 {
		t.Errorf("only %d keys were tried", len(tries))
	}
	w.wantHidden(bound.secret, nobodys.secret, bobs.secret, revoked.secret, rotated.secret, second.secret, installationKey)
}

// stateRows are all values in the tables of the gateway.
func stateRows(t *testing.T, db *faveotest.Database) (values []string) {
	t.Helper()
	server := service.MariaDB(t)
	for _, table := range query(t, server, "SHOW TABLES FROM "+db.Name+" LIKE 'faveo\\_gateway\\_%'") {
		values = append(values, query(t, server, "SELECT * FROM "+db.Name+"."+table)...)
	}
	return values
}

// query returns all values of all rows, without NULL.
func query(t *testing.T, pool *sql.DB, statement string) (values []string) {
	t.Helper()
	rows, err := pool.QueryContext(t.Context(), statement)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	row, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range row {
		into[i] = &row[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		for _, value := range row {
			if value.Valid {
				values = append(values, value.String)
			}
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return values
}

// What in the loot may be coded, be sent in a header, and be the secret of a key.
var (
	lootWord   = regexp.MustCompile(`[A-Za-z0-9+/=_-]{8,}`)
	lootHeader = regexp.MustCompile(`^[!-~]([ -~]{0,998}[!-~])?$`)
	lootSecret = regexp.MustCompile(`[A-Za-z0-9]{43}`)
)

// keysIn are all texts in the loot that could be sent as an API key: what stands there,
// what it is coded of and what codes it, and each as the secret of each id.
func keysIn(loot, ids []string) map[string]bool {
	found := map[string]bool{}
	add := func(text string) {
		if lootHeader.MatchString(text) {
			found[text] = true
		}
		base62 := strings.NewReplacer("+", "0", "/", "0", "-", "0", "_", "0").Replace(text)
		for _, candidate := range []string{text, base62} {
			for _, secret := range lootSecret.FindAllString(candidate, -1) {
				for _, id := range ids {
					found[wellFormedKey("fgw_"+id+"_"+secret)] = true
				}
			}
		}
	}
	var read func(text string, depth int)
	read = func(text string, depth int) {
		add(text)
		if len(text) <= 64 {
			add(hex.EncodeToString([]byte(text)))
			add(base64.StdEncoding.EncodeToString([]byte(text)))
			add(base64.RawURLEncoding.EncodeToString([]byte(text)))
		}
		for _, word := range lootWord.FindAllString(text, -1) {
			add(word)
			if depth == 0 {
				continue
			}
			if decoded, err := hex.DecodeString(word); err == nil {
				read(string(decoded), depth-1)
			}
			for _, coding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
				if decoded, err := coding.DecodeString(word); err == nil {
					read(string(decoded), depth-1)
				}
			}
		}
	}
	for _, text := range loot {
		read(text, 2)
	}
	return found
}

// TestOldRecordInRedisRevivesNoAPIKey writes what Redis had of a key back after the key
// was revoked, as somebody could who owns Redis, at every version: no replica believes
// it, one that starts afterwards neither.
func TestOldRecordInRedisRevivesNoAPIKey(t *testing.T) {
	stores, _ := onMariaDBCheaply(t)
	over := merge(managed(stores), settings{"api_keys.cache_ttl": "20ms"})
	replicas := []*world{start(t, over), start(t, over), start(t, over)}
	here := replicas[0]
	key := here.newKey(settings{"user": "4", "scopes": "customer"})
	poisoned := here.newKey(settings{"user": "4", "scopes": "customer"})
	other := here.newKey(settings{"user": "4", "scopes": "customer"})
	for _, w := range replicas {
		for _, each := range []managedKey{key, poisoned, other} {
			w.wantKeyServed("before", each)
		}
	}
	name := func(k managedKey) string { return stores["redis.key_prefix"] + "{k:key-" + k.id + "}" }
	record := func(k managedKey) (version, sealed string) {
		t.Helper()
		there := redisAsk(t, "GET", name(k))
		if len(there) != 1 {
			t.Fatalf("Redis has nothing of the key %s", k.id)
		}
		version, sealed, _ = strings.Cut(there[0], ":")
		return version, sealed
	}
	write := func(k managedKey, version, sealed string) {
		t.Helper()
		redisAsk(t, "SET", name(k), version+":"+sealed, "PX", "60000")
	}
	_, sealed := record(key)
	_, foreign := record(other)
	_, live := record(poisoned)
	// One whose version nothing that is newer can exceed, before the revocation.
	write(poisoned, "9007199254740992", live)
	for _, k := range []managedKey{key, poisoned} {
		here.revokeKey(k)
		for _, w := range replicas {
			began := time.Now()
			eventually(t, "the end of the key", func() bool { return w.send(http.MethodGet, priority, "", k.header()).status != http.StatusOK })
			if took := time.Since(began); took > time.Second {
				t.Errorf("%s is refused after %v", k.id, took)
			}
		}
	}
	write(key, "1", sealed)
	replicas = append(replicas, start(t, over))
	for _, try := range []struct{ name, version, sealed string }{
		{"as it was", "1", sealed},
		{"at its version", "2", sealed},
		{"at a later version", "9007199254740992", sealed},
		{"another key's", "3", foreign},
		{"cut", "3", sealed[:len(sealed)-1]},
		{"empty", "3", ""},
	} {
		for _, w := range replicas {
			stores := counter(t, w.metrics(), `faveo_gateway_apikey_cache_total{result="store"}`)
			// Until the replica has asked Redis again, and then the database.
			for began := time.Now(); time.Since(began) < 5*time.Second; {
				write(key, try.version, try.sealed)
				write(poisoned, "9007199254740992", live)
				for _, k := range []managedKey{key, poisoned} {
					w.wantProblem(try.name, w.send(http.MethodGet, priority, "", k.header()), 401, "token_revoked")
				}
				if counter(t, w.metrics(), `faveo_gateway_apikey_cache_total{result="store"}`) >= stores+2 {
					break
				}
			}
		}
	}
	for _, w := range replicas {
		w.wantKeyServed("a key that nobody has touched", other)
	}
}
