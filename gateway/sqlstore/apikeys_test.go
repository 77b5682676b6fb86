package sqlstore_test

import (
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"faveo-gateway/gateway/apikey"
	"faveo-gateway/gateway/limit"
	"faveo-gateway/gateway/storetest"
	"faveo-gateway/gateway/storetest/service"
)

func TestAPIKeyStore(t *testing.T) {
	databases(t, func(t *testing.T, url string) {
		storetest.TestAPIKeyStore(t, func(t *testing.T) apikey.Store {
			if strings.HasPrefix(url, "mysql") {
				return migrated(t, mysqlURL(service.NewDatabase(t))).APIKeys()
			}
			return migrated(t, sqliteURL(t, "state.db")).APIKeys()
		})
	})
}

// apiKey is a record with everything.
func apiKey() apikey.Record {
	return apikey.Record{
		ID: "Abcdefghij01", Version: 1, Name: "monitoring", UserID: 7, Scopes: []string{"staff"},
		Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, Rate: limit.Rate{Count: 60, Per: time.Minute},
		CreatedAt: made, ExpiresAt: made.Add(time.Hour), LastUsedAt: made,
		Secrets: []apikey.Secret{{Digest: [32]byte{1, 2, 3}, Pepper: "0123abcd", CreatedAt: made}}, MAC: [32]byte{3, 2, 1},
	}
}

func replaced(r apikey.Record) apikey.Record {
	r.Version++
	return r
}

// TestAPIKeyThatCannotBeReadIsAFault: never a missing key, and never one that is good for
// more than was meant, such as for every network because the column was lost.
func TestAPIKeyThatCannotBeReadIsAFault(t *testing.T) {
	databases(t, func(t *testing.T, url string) {
		s, db := migrated(t, url), raw(t, url)
		keys, good := s.APIKeys(), apiKey()
		if err := keys.Add(t.Context(), good); err != nil {
			t.Fatalf("Add: %v", err)
		}
		for name, change := range map[string][2]string{
			"no networks":              {"networks", `''`},
			"null for networks":        {"networks", `'null'`},
			"a network of null":        {"networks", `'[null]'`},
			"a network that is a text": {"networks", `'"192.0.2.0/24"'`},
			"a network with a host":    {"networks", `'["192.0.2.1/24"]'`},
			"two lists of networks":    {"networks", `'["192.0.2.0/24"][]'`},
			"no scopes":                {"scopes", `'[]'`},
			"null for scopes":          {"scopes", `'null'`},
			"a scope of null":          {"scopes", `'[null]'`},
			"a rate of nothing":        {"rate", `'0/1m'`},
			"no secrets":               {"secrets", `'[]'`},
			"a secret of null":         {"secrets", `'[null]'`},
			"a digest that is cut":     {"secrets", `'[{"digest":"00","pepper":"0123abcd","created":1}]'`},
			"a secret with more in it": {"secrets", `'[{"digest":"` + strings.Repeat("00", 32) + `","pepper":"0123abcd","created":1,"x":1}]'`},
			"a secret without a time":  {"secrets", `'[{"digest":"` + strings.Repeat("00", 32) + `","pepper":"0123abcd"}]'`},
			"no name":                  {"name", `''`},
			"no MAC":                   {"mac", `''`},
			"a MAC that is cut":        {"mac", `'00'`},
			"a MAC of letters":         {"mac", `'` + strings.Repeat("zz", 32) + `'`},
			"no version":               {"version", `0`},
			"no time":                  {"created_at", `0`},
			"a time long ago":          {"expires_at", `-5`},
		} {
			service.Exec(t, db, `UPDATE faveo_gateway_api_keys SET `+change[0]+` = `+change[1])
			found, find := keys.Find(t.Context(), good.ID)
			if !reflect.DeepEqual(found, apikey.Record{}) {
				t.Errorf("%s: read as %+v", name, found)
			}
			if find == nil || errors.Is(find, apikey.ErrNotFound) || !strings.Contains(find.Error(), good.ID) {
				t.Errorf("%s: %v, want a fault that names the key", name, find)
			}
			// The list has it by name, and all the others.
			list, err := keys.List(t.Context())
			if want := []apikey.Record{{ID: good.ID}}; err != nil || !reflect.DeepEqual(list, want) {
				t.Errorf("%s: listed as %+v, %v", name, list, err)
			}
			service.Exec(t, db, `DELETE FROM faveo_gateway_api_keys`)
			if err := keys.Add(t.Context(), good); err != nil {
				t.Fatalf("Add: %v", err)
			}
		}
	})
}
