package token_test

import (
	"testing"

	"faveo-gateway/gateway/token"
)

func BenchmarkVerify(b *testing.B) {
	for _, a := range token.Algorithms() {
		h := newHouse(b, a)
		raw, _ := h.issue(b)
		verify := func(b *testing.B) {
			if _, err := h.verifier.Verify(raw); err != nil {
				b.Fatalf("Verify: %v", err)
			}
		}
		b.Run(string(a)+"/miss", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				h.ring.generation++
				verify(b)
			}
		})
		b.Run(string(a)+"/hit", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				verify(b)
			}
		})
		b.Run(string(a)+"/forged", func(b *testing.B) {
			forged := raw[:len(raw)-20] + "AAAAAAAAAAAAAAAAAAAA"
			b.ReportAllocs()
			for b.Loop() {
				if _, err := h.verifier.Verify(forged); err == nil {
					b.Fatal("a forged signature is accepted")
				}
			}
		})
	}
}

func BenchmarkIssue(b *testing.B) {
	for _, a := range token.Algorithms() {
		h := newHouse(b, a)
		b.Run(string(a), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				h.issue(b)
			}
		})
	}
}
