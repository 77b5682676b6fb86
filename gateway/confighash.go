package gateway

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"faveo-gateway/gateway/config"
	"faveo-gateway/policy"
)

// configHash is the metric config_hash.
type configHash struct{ gauge prometheus.Gauge }

func newConfigHash(r prometheus.Registerer) configHash {
	h := configHash{prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "faveo_gateway_config_hash",
		Help: "Hash of the configuration and the policy in force, without secrets, listen addresses and the names of the machine. " +
			"Replicas of one site that differ disagree.",
	})}
	r.MustRegister(h.gauge)
	return h
}

// set says what is in force from now on: the configuration, and the documents of its
// policy, which may differ under the same names.
func (h configHash) set(c *config.Config, p *policy.Engine) {
	digest := p.Digest()
	hash := sha256.New()
	fmt.Fprintln(hash, c.Fingerprint())
	_, _ = hash.Write(digest[:])
	h.gauge.Set(float64(binary.BigEndian.Uint64(hash.Sum(nil)) >> 16)) // 48 bits are exact in a float64.
}
