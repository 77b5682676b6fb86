package limit_test

import (
	"fmt"
	"testing"
	"time"

	"faveo-gateway/gateway/limit"
)

// BenchmarkLocalTake draws from buckets that are known: one, as each request may, and
// the three of a login. "full" has as many buckets in memory as fit.
func BenchmarkLocalTake(b *testing.B) {
	rate := limit.Rate{Count: 1_000_000, Per: time.Minute}
	ip := limit.Bucket{Name: limit.NameIP, Of: "192.0.2.1", Rate: rate}
	login := []limit.Bucket{
		{Name: limit.NameAccount, Of: "7", Rate: rate, Listed: true, Unless: limit.Member{Set: "7", Of: "192.0.2.1"}},
		{Name: limit.NameAddress, Of: "192.0.2.1", Rate: rate, Listed: true},
		{Name: limit.NamePair, Of: "7|192.0.2.1", Rate: rate, Listed: true},
	}
	run := func(name string, l *limit.Local, buckets func(i int) []limit.Bucket) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := l.Take(b.Context(), "g", buckets(i)...); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	run("one", limit.NewLocal(limit.LocalOptions{}), func(int) []limit.Bucket { return []limit.Bucket{ip} })
	run("login", limit.NewLocal(limit.LocalOptions{}), func(int) []limit.Bucket { return login })

	full := limit.NewLocal(limit.LocalOptions{})
	day := limit.Rate{Count: 1000, Per: 24 * time.Hour}
	for i := range 20_000 {
		take(b, full, account(i, day))
	}
	names := make([]string, 40_000)
	for i := range names {
		names[i] = fmt.Sprint("new-", i)
	}
	run("full, a new one each time", full, func(i int) []limit.Bucket {
		return []limit.Bucket{{Name: limit.NameAccount, Of: names[i%len(names)], Rate: day}}
	})
}
