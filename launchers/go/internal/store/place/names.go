package place

import (
	"crypto/sha256"
	"encoding/hex"
)

// namePart is how long name and version are in the name of an environment (2.2).
const namePart = 64

// EnvironmentName is the folder of a composed environment: name, version, and the digest of the signed JSON (2.2).
func EnvironmentName(name, version string, digest [sha256.Size]byte) string {
	return plain(name) + "-" + plain(version) + "-" + hex.EncodeToString(digest[:8])
}

// PrivateName is the folder of a private environment (8.7); digest is D there. The name of a foreign package may be
// anything, so it is hashed (S22).
func PrivateName(name, version string, digest [sha256.Size]byte) string {
	hashed := sha256.Sum256([]byte(name))
	return hex.EncodeToString(hashed[:8]) + "-" + plain(version) + "-" + hex.EncodeToString(digest[:8])
}

// plain makes each byte outside [A-Za-z0-9._-] an underscore and cuts what is longer than 64 bytes.
func plain(text string) string {
	bytes := []byte(text[:min(len(text), namePart)])
	for at, b := range bytes {
		switch {
		case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9', b == '.', b == '_', b == '-':
		default:
			bytes[at] = '_'
		}
	}
	return string(bytes)
}
