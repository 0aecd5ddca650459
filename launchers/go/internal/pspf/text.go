package pspf

import (
	"encoding/hex"
	"strconv"
	"strings"
	"unicode/utf8"

	"flavorpack-native/launchers/go/internal/code"
)

// shown is untrusted text as a message may hold it: cut, with everything escaped that is not plain.
func shown(text string) string {
	const most = 120
	if len(text) > most {
		cut := most
		for cut > most-utf8.UTFMax && !utf8.RuneStart(text[cut]) {
			cut--
		}
		text = text[:cut] + "…"
	}
	quoted := strconv.Quote(text)
	return quoted[1 : len(quoted)-1]
}

func decimal[N int | int64 | uint32 | uint64](n N) string {
	if n < 0 {
		return strconv.FormatInt(int64(n), 10)
	}
	return strconv.FormatUint(uint64(n), 10)
}

func hexadecimal(n uint64) string { return "0x" + strconv.FormatUint(n, 16) }

// parseDigest reads 64 lower-case hexadecimal digits.
func parseDigest(text string) (digest [32]byte, ok bool) {
	if len(text) != 64 || strings.ToLower(text) != text {
		return digest, false
	}
	_, err := hex.Decode(digest[:], []byte(text))
	return digest, err == nil
}

func digestText(digest [32]byte) string { return hex.EncodeToString(digest[:]) }

// expected is a message of what was found and what should have been.
func expected(what, found, should string) string {
	return what + " (got " + found + ", expected " + should + ")"
}

func refuse(c code.Code, offset int64, message string) error { return code.At(c, offset, message) }
