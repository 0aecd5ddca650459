package pspf

import (
	"crypto/ed25519"
	"crypto/sha256"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/layout"
)

// smallOrder are the y coordinates, without the sign of x, of the points of order 1, 2, 4 and 8 in their canonical
// encodings. Their other encodings (y + p) are refused for not being canonical, those of x = 0 with the sign set by
// comparing without it.
var smallOrder = [...][32]byte{
	{0x01},
	{
		0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
	},
	{},
	{
		0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
		0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
	},
	{
		0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
		0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
	},
}

// isStrictPoint reports whether an encoded point is canonical and not of small order (FORMAT.md §7).
func isStrictPoint(encoded []byte) bool {
	y := [32]byte(encoded)
	y[31] &= 0x7f
	// y < p = 2^255 - 19: it is not if every byte above the lowest is that of p and the lowest is at least 0xed.
	canonical := y[0] < 0xed || y[31] != 0x7f
	for _, b := range y[1:31] {
		canonical = canonical || b != 0xff
	}
	if !canonical {
		return false
	}
	for _, small := range smallOrder {
		if y == small {
			return false
		}
	}
	return true
}

// VerifySignature checks an Ed25519 signature under the strict rules of FORMAT.md §7. The standard library refuses S
// at or above the group order and compares R with its only canonical encoding.
func VerifySignature(key *[layout.PublicKeySize]byte, message []byte, signature *[layout.SignatureSize]byte) bool {
	return isStrictPoint(key[:]) && isStrictPoint(signature[:32]) &&
		ed25519.Verify(key[:], message, signature[:])
}

func checkSignature(x *Index, document []byte) error {
	if VerifySignature(&x.PublicKey, document, &x.Signature) {
		return nil
	}
	return refuse(code.PspfSignature, x.TrailerOffset()+layout.MarkerSize+layout.IndexSignature,
		"the signature over the metadata does not hold for the public key "+digestText(x.PublicKey))
}

// checkSigner compares the key that signed with the one that the metadata names.
func checkSigner(x *Index, f *Flavor) error {
	if fingerprint := sha256.Sum256(x.PublicKey[:]); fingerprint != f.Signer.Key {
		return refuse(code.PspfSignerKey, x.TrailerOffset()+layout.MarkerSize+layout.IndexPublicKey,
			expected("the public key is not the one that the signed metadata names", digestText(fingerprint), digestText(f.Signer.Key)))
	}
	return nil
}
