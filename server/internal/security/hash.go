package security

import (
	"crypto/sha256"
	"crypto/subtle"

	"github.com/firndb/firn"
)

// Hash is what is kept of a token; see [firn.TokenHash].
type Hash [sha256.Size]byte

// HashToken returns a token's hash.
func HashToken(token string) Hash { return firn.TokenHash(token) }

// Equal compares in a time that does not depend on the hashes.
func (h *Hash) Equal(other *Hash) bool { return subtle.ConstantTimeCompare(h[:], other[:]) == 1 }
