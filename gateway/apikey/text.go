package apikey

import (
	"crypto/rand"
	"hash/crc32"
	"strings"
)

// The parts of the text of a key.
const (
	prefix       = "fgw_"
	idLength     = 12
	secretLength = 43
	sumLength    = 6
	textLength   = len(prefix) + idLength + len("_") + secretLength + sumLength
	digits       = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// Pattern is a regular expression that finds managed keys, for scanners of secrets. Of
// what it finds, Parse tells the keys by their checksums.
const Pattern = `fgw_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}`

// Parse returns the id in the text of a managed key, or ErrInvalid. It reads each key in
// one spelling only. Whether there is such a key, it does not know.
func Parse(text string) (id string, err error) {
	rest, ok := strings.CutPrefix(text, prefix)
	if !ok || len(text) != textLength {
		return "", ErrInvalid
	}
	id, tail := rest[:idLength], rest[idLength:]
	if tail[0] != '_' || !onlyDigits(id) || !onlyDigits(tail[1:]) {
		return "", ErrInvalid
	}
	if body := text[:textLength-sumLength]; checksum(body) != [sumLength]byte([]byte(text[len(body):])) {
		return "", ErrInvalid
	}
	return id, nil
}

// ValidID reports whether id can be that of a managed key. Such an id has no character
// that means anything in a key, a pattern or a message.
func ValidID(id string) bool { return len(id) == idLength && onlyDigits(id) }

// newID returns a new random id.
func newID() string { return randomDigits(idLength) }

// newText returns the text of a key with a new random secret.
func newText(id string) string {
	body := prefix + id + "_" + randomDigits(secretLength)
	sum := checksum(body)
	return body + string(sum[:])
}

// checksum is the CRC-32 of text (the one of IEEE 802.3) as a number of 62 digits.
func checksum(text string) (sum [sumLength]byte) {
	crc := ^uint32(0)
	for i := range len(text) {
		crc = crc32.IEEETable[byte(crc)^text[i]] ^ crc>>8
	}
	crc = ^crc
	for i := sumLength - 1; i >= 0; i-- {
		sum[i] = digits[crc%uint32(len(digits))]
		crc /= uint32(len(digits))
	}
	return sum
}

// randomDigits returns n digits, each of which is any of the 62 with the same
// probability.
func randomDigits(n int) string {
	text := make([]byte, 0, n)
	var random [64]byte
	for {
		_, _ = rand.Read(random[:]) // Never fails since Go 1.24.
		for _, b := range random {
			if len(text) == n {
				return string(text)
			}
			// What is left above the largest multiple would make the first digits
			// more probable.
			if int(b) < 256-256%len(digits) {
				text = append(text, digits[int(b)%len(digits)])
			}
		}
	}
}

func onlyDigits(text string) bool {
	for i := range len(text) {
		c := text[i]
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}
