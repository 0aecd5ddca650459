package builder

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"strconv"

	"flavorpack-native/launchers/go/internal/code"
)

// KeyFromSeed derives a key as the original does: SHA-256 of the text.
func KeyFromSeed(seed string) ed25519.PrivateKey {
	digest := sha256.Sum256([]byte(seed))
	return ed25519.NewKeyFromSeed(digest[:])
}

// NewKey makes a key that nobody keeps.
func NewKey() (ed25519.PrivateKey, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, code.Wrap(code.FlavorKey, "no key can be made", err)
	}
	return private, nil
}

// ReadPrivateKey reads a key file: PKCS#8 PEM, or 32 raw bytes.
func ReadPrivateKey(path string) (ed25519.PrivateKey, error) {
	text, err := readKeyFile(path)
	if err != nil {
		return nil, err
	}
	if len(text) == ed25519.SeedSize {
		return ed25519.NewKeyFromSeed(text), nil
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, notAKey(path, text, "no PEM", "PKCS#8 PEM or 32 raw bytes of an Ed25519 private key")
	}
	if block.Type == "PRIVATE KEY" {
		if parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
			if key, ok := parsed.(ed25519.PrivateKey); ok {
				return key, nil
			}
		}
	}
	return nil, notAKey(path, text, "another key", "PKCS#8 PEM or 32 raw bytes of an Ed25519 private key")
}

// ReadPublicKey reads a key file: SubjectPublicKeyInfo PEM, or 32 raw bytes.
func ReadPublicKey(path string) (ed25519.PublicKey, error) {
	text, err := readKeyFile(path)
	if err != nil {
		return nil, err
	}
	if len(text) == ed25519.PublicKeySize {
		return text, nil
	}
	if block, _ := pem.Decode(text); block != nil && block.Type == "PUBLIC KEY" {
		if parsed, err := x509.ParsePKIXPublicKey(block.Bytes); err == nil {
			if key, ok := parsed.(ed25519.PublicKey); ok {
				return key, nil
			}
		}
	}
	return nil, notAKey(path, text, "no public key", "PEM or 32 raw bytes of an Ed25519 public key")
}

// SamePublicKey refuses a public key that is not that of the private one.
func SamePublicKey(private ed25519.PrivateKey, public ed25519.PublicKey, path string) error {
	if bytes.Equal(private.Public().(ed25519.PublicKey), public) {
		return nil
	}
	return code.New(code.FlavorKey, path+" is not the public key of the private key")
}

func readKeyFile(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, code.Wrap(code.FlavorNotFound, "cannot read the key: "+path, err)
	case err != nil:
		return nil, code.Wrap(code.FlavorIO, "cannot read the key: "+path, err)
	}
	return text, nil
}

func notAKey(path string, text []byte, what, expected string) error {
	return code.New(code.FlavorKey, path+" holds "+strconv.Itoa(len(text))+" bytes that are "+what+", expected "+expected)
}
