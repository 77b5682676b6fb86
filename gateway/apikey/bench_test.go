package apikey_test

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"faveo-gateway/gateway/apikey"
	"faveo-gateway/gateway/limit"
	"faveo-gateway/gateway/storetest"
)

// BenchmarkAdmit is what a request costs whose key is in memory, or wrong, or that has
// none where none is required.
func BenchmarkAdmit(b *testing.B) {
	w := &world{clock: storetest.NewClock(), store: storetest.NewAPIKeys(), settings: new(settings), metrics: prometheus.NewRegistry()}
	w.cache = storetest.NewAPIKeyCache(w.clock.Now)
	w.limits = limit.NewLocal(limit.LocalOptions{Now: w.clock.Now})
	d := apikey.NewDoor(w.options(b))
	k := apikey.NewKeeper(apikey.KeeperOptions{
		Store: w.store, Cache: w.cache, Pepper: pepper(b, aPepper), Drop: d.Drop, Now: w.clock.Now,
		CheckScope: func(string) error { return nil },
	})
	r, text, err := k.Create(b.Context(), wish())
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct{ name, text string }{
		{"managed", text}, {"wrong secret", forged(r.ID, aSecret)}, {"unknown", forged("Abcdefghij01", aSecret)}, {"malformed", text[:65] + "!"}, {"none", ""},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = d.Admit(b.Context(), c.text, somewhere)
			}
		})
	}
	b.Run("managed in parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				_, _ = d.Admit(b.Context(), text, somewhere)
			}
		})
	})
}
