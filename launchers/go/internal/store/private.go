package store

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"flavorpack-native/launchers/go/internal/pspf"
)

// privateDigest is D of 8.7: the signed JSON and the operation chains, which a foreign package does not sign.
func privateDigest(pack *pspf.Package) [sha256.Size]byte {
	hashed := sha256.New()
	hashed.Write(pack.JSON())
	hashed.Write([]byte{0})
	slots := pack.Slots()
	for n := range slots {
		hashed.Write(binary.LittleEndian.AppendUint64(nil, slots[n].Chain.Packed()))
	}
	return [sha256.Size]byte(hashed.Sum(nil))
}

var _ = hex.EncodeToString
