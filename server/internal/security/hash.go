package security

import (
	"crypto/sha256"
	"crypto/subtle"
)

// Hash is what is kept of a token: its SHA-256. Tokens are 256 random bits, so
// nobody comes from the hash to the token, and nothing is gained by a hash that
// is slow to compute.
type Hash [sha256.Size]byte

// HashToken returns a token's hash.
func HashToken(token string) Hash { return sha256.Sum256([]byte(token)) }

// Equal compares in a time that does not depend on the hashes.
func (h *Hash) Equal(other *Hash) bool { return subtle.ConstantTimeCompare(h[:], other[:]) == 1 }
