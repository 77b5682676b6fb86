// Package token issues and checks the tokens of the gateway, and mints the
// tokens that it shows to PHP. It is the only door to the library jwx.
//
// Outside, a client holds a JSON Web Token in the compact form of RFC 7515
// section 7.1, signed by one key of the key ring. Its header has exactly the
// members alg, kid and typ; its claims are iss, aud, iat, nbf, exp, jti, sub,
// sid, role, ver and prv. Issuer writes such tokens, Verifier judges them.
//
// The words of the field are kept apart: to verify is to check the signature,
// to validate is to check the claims. Verifier does, in this order:
//
//  1. bounds: at most MaxSize bytes, three segments, strict base64url;
//  2. header: a closed set of members, a known kid, the algorithm and the
//     length of signature that this one key has (nothing here costs more than
//     reading the bytes, and nothing leaves the process);
//  3. signature: one call of jws.Verify, with the one key of that kid and the
//     algorithm pinned in the key;
//  4. claims: all present, all of the right type, within their bounds;
//  5. expiry, last, so that ErrExpired is said of genuine tokens only.
//
// What was verified once is remembered by the SHA-256 of the whole token, so
// that a warm token costs one hash and a look at the clock.
//
// The library jwx v2 is no longer maintained, and its parsers are lax: they
// accept other serialisations, padded base64, duplicate members and missing
// claims. Therefore it only computes here: jws.Sign and jws.Verify in compact
// form, and jwk for thumbprints and key documents. Everything else is checked
// in this package, before and after. Nothing here ever takes an algorithm or a
// key from a token, speaks to the network, or logs.
//
// Toward PHP, Bridge mints short lived HS256 tokens in Faveo's own shape. The
// two kinds cannot be taken for one another: typ, kid and key all differ.
//
// While a site moves in, Verifier can also accept the tokens that Faveo itself
// has issued, which have that same shape: faveo.go. Those of Bridge stay out even
// then, by their iss.
package token

// version is the claim ver: the number of this set of claims. A token with
// another number is refused, so a change of meaning must count it up.
const version = 1

// typeAccessToken is the header typ of RFC 9068 section 2.1. That standard
// compares it without regard to case and with or without "application/". Here
// it is compared exactly: the keys of the ring sign no other spelling, so
// every other one was not written by this gateway.
const typeAccessToken = "at+jwt"

// MaxSize is the longest token that is looked at, in bytes. The gateway's own
// are below 1 KiB.
const MaxSize = 8 << 10
