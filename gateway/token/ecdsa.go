package token

import (
	"bytes"
	"crypto/elliptic"
	"encoding/base64"
	"math/big"
)

// An ECDSA signature (r, s) has a twin (r, n-s) that anybody can make of it and that
// verifies as well. RFC 7518 does not forbid it, so a token would have two spellings;
// but what a refresh seals is sealed to one spelling of the token. So the gateway
// writes the smaller s only, as Bitcoin's BIP 146 does, and takes no other.

// halfOrder is half of the order of P-256, rounded down.
var halfOrder = new(big.Int).Rsh(elliptic.P256().Params().N, 1)

// scalarSize is the size of r and of s in a signature of ES256: RFC 7518 section
// 3.4.
const scalarSize = 32

// isLow reports whether s of an ES256 signature is the smaller one. It allocates
// nothing.
func isLow(signature []byte) bool {
	var half [scalarSize]byte
	return bytes.Compare(signature[scalarSize:], halfOrder.FillBytes(half[:])) <= 0
}

// lowered returns a compact token of ES256 with the smaller s.
func lowered(compact []byte) []byte {
	dot := bytes.LastIndexByte(compact, '.')
	signature, ok := decodeSegment(string(compact[dot+1:]))
	if !ok || len(signature) != 2*scalarSize || isLow(signature) {
		return compact
	}
	s := new(big.Int).SetBytes(signature[scalarSize:])
	s.Sub(elliptic.P256().Params().N, s).FillBytes(signature[scalarSize:])
	return base64.RawURLEncoding.AppendEncode(compact[:dot+1], signature)
}
