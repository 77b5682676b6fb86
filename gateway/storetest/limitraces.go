package storetest

import (
	"sync"
	"sync/atomic"
	"testing"

	"faveo-gateway/gateway/limit"
)

// allAtOnce does something so many times at once.
func allAtOnce(times int, do func()) {
	var all sync.WaitGroup
	start := make(chan struct{})
	for range times {
		all.Go(func() {
			<-start
			do()
		})
	}
	close(start)
	all.Wait()
}

// takeTogether takes so many times at once, and returns how many were allowed, and how
// many have emptied a bucket.
func (s *limitSuite) takeTogether(t *testing.T, times int, buckets ...limit.Bucket) (allowed, emptied int) {
	var gotOne, wasLast atomic.Int64
	allAtOnce(times, func() {
		v, err := s.Take(t.Context(), limitGroup, buckets...)
		if err != nil {
			t.Errorf("Take: %v", err)
		}
		if v.Allowed {
			gotOne.Add(1)
		}
		wasLast.Add(int64(len(v.Emptied)))
	})
	return int(gotOne.Load()), int(wasLast.Load())
}

func parallelTakes(t *testing.T, s *limitSuite) {
	if allowed, emptied := s.takeTogether(t, 500, accountBucket("7", slow(15))); allowed != 15 || emptied != 1 {
		t.Errorf("%d were allowed and %d have emptied it, want 15 and 1", allowed, emptied)
	}
}

func parallelBoth(t *testing.T, s *limitSuite) {
	narrow, wide := accountBucket("7", slow(10)), addressBucket("192.0.2.1", slow(15))
	if allowed, _ := s.takeTogether(t, 200, wide, narrow); allowed != 10 {
		t.Errorf("%d were allowed, want 10", allowed)
	}
	s.wantTaken(t, 5, wide)
	s.wantRefused(t, wide)
}

func parallelReturns(t *testing.T, s *limitSuite) {
	b := accountBucket("7", slow(50))
	allAtOnce(50, func() {
		v, err := s.Take(t.Context(), limitGroup, b)
		if err != nil || !v.Allowed {
			t.Errorf("Take = %+v, %v", v, err)
		}
		if err := s.Return(t.Context(), limitGroup, b); err != nil {
			t.Errorf("Return: %v", err)
		}
	})
	s.wantTaken(t, 50, b)
	s.wantRefused(t, b)
}
