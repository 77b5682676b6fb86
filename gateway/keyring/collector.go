package keyring

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// collector reports how a Ring's keys stand when it is asked, so that it is always
// right. It asks nobody: this is what the replica believes.
type collector struct {
	ring *Ring
	// age is that of the oldest key in each state.
	age *prometheus.Desc
	// due is when the next key should begin to sign.
	due *prometheus.Desc
	// hash is equal where the keys are.
	hash *prometheus.Desc
}

// registerCollector registers what a Ring reports with reg; nil registers nowhere.
func registerCollector(reg prometheus.Registerer, ring *Ring) {
	if reg == nil {
		return
	}
	reg.MustRegister(&collector{
		ring: ring,
		age: prometheus.NewDesc(
			"faveo_gateway_signing_key_age_seconds",
			"Age of the oldest signing key in each state that has one: pending, active, retiring.",
			[]string{"state"}, nil,
		),
		due: prometheus.NewDesc(
			"faveo_gateway_signing_key_rotation_due_timestamp_seconds",
			"When the next signing key should begin to sign, in Unix time: the pending one once it was published long enough, "+
				"else as keys.rotate_every says. Long past means that the rotation is stuck. Absent when none is due.",
			nil, nil,
		),
		hash: prometheus.NewDesc(
			"faveo_gateway_signing_keys_hash",
			"Hash of the ids and states of the signing keys that this replica knows. Replicas that share a state database and differ disagree.",
			nil, nil,
		),
	})
}

// Describe names the metrics.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	out <- c.age
	out <- c.due
	out <- c.hash
}

// Collect measures the keys.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	records := c.ring.state.Load().records
	c.collectAges(out, records)
	if due := c.ring.schedule.dueAt(records); !due.IsZero() {
		out <- prometheus.MustNewConstMetric(c.due, prometheus.GaugeValue, float64(due.Unix()))
	}
	out <- prometheus.MustNewConstMetric(c.hash, prometheus.GaugeValue, hashOf(records))
}

// collectAges measures the ages, since the keys were made.
func (c *collector) collectAges(out chan<- prometheus.Metric, records []Record) {
	now, oldest := c.ring.now(), make(map[State]time.Time)
	for _, r := range records {
		if at, known := oldest[r.State]; !known || r.CreatedAt.Before(at) {
			oldest[r.State] = r.CreatedAt
		}
	}
	for _, s := range []State{StatePending, StateActive, StateRetiring} {
		if at, found := oldest[s]; found {
			out <- prometheus.MustNewConstMetric(c.age, prometheus.GaugeValue, now.Sub(at).Seconds(), string(s))
		}
	}
}

// dueAt is when the next key should begin to sign, zero when none is due.
func (s schedule) dueAt(records []Record) time.Time {
	if pending, found := inState(records, StatePending); found {
		return pending.CreatedAt.Add(s.config.PublishAhead)
	}
	active, found := inState(records, StateActive)
	if !found {
		return time.Time{} // It was revoked, and its heir comes without a schedule.
	}
	return s.nextAt(active)
}

// hashOf is 48 bits, which a float64 holds exactly, of a hash of the keys.
func hashOf(records []Record) float64 {
	var lines []string
	for _, r := range records {
		lines = append(lines, fmt.Sprintf("%s %s\n", r.KID, r.State))
	}
	slices.Sort(lines)
	hash := sha256.New()
	for _, line := range lines {
		hash.Write([]byte(line))
	}
	return float64(binary.BigEndian.Uint64(hash.Sum(nil)) >> 16)
}
