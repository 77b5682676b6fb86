package audit_test

import (
	"testing"

	"faveo-gateway/gateway/audit"
	"faveo-gateway/gateway/storetest"
)

// forgetful is a Sink that keeps nothing.
type forgetful struct{ audit.Sink }

// BenchmarkRecord is what a request pays.
func BenchmarkRecord(b *testing.B) {
	e := event(0)
	e.Agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
	b.Run("event", func(b *testing.B) {
		b.ReportAllocs()
		var trail *audit.Trail
		for i := range b.N {
			if i%8192 == 0 { // before the queue is full
				b.StopTimer()
				trail = newTrail(b, forgetful{}, keysOf(b, "a"), audit.Options{})
				b.StartTimer()
			}
			trail.Record(e)
		}
	})
	b.Run("refusal", func(b *testing.B) {
		b.ReportAllocs()
		trail, again := newTrail(b, forgetful{}, keysOf(b, "a"), audit.Options{}), refusal("192.0.2.7")
		again.Agent = e.Agent
		for b.Loop() {
			trail.Record(again)
		}
	})
	b.Run("refusals of all CPUs", func(b *testing.B) {
		b.ReportAllocs()
		trail, again := newTrail(b, forgetful{}, keysOf(b, "a"), audit.Options{}), refusal("192.0.2.7")
		again.Agent = e.Agent
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				trail.Record(again)
			}
		})
	})
}

// BenchmarkVerify proves a trail in memory.
func BenchmarkVerify(b *testing.B) {
	const n = 8000
	keys, store := keysOf(b, "a"), storetest.NewAudit()
	write(b, store, keys, n)
	for b.Loop() {
		wantProved(b, verify(b, store, audit.Link{}, keys), n)
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "entries/s")
}
