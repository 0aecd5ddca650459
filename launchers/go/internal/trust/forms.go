package trust

import (
	"crypto/sha256"
	"strings"
	"time"

	"flavorpack-native/launchers/go/internal/words"
)

// hexDigest reads 64 lower-case digits.
func hexDigest(text string) (digest [32]byte, ok bool) {
	if len(text) != 2*len(digest) {
		return digest, false
	}
	for at := range len(text) {
		var value byte
		switch b := text[at]; {
		case b >= '0' && b <= '9':
			value = b - '0'
		case b >= 'a' && b <= 'f':
			value = b - 'a' + 10
		default:
			return digest, false
		}
		digest[at/2] = digest[at/2]<<4 | value
	}
	return digest, true
}

// subjectPublicKeyInfo is the DER in front of the 32 bytes of an Ed25519 key (RFC 8410).
const subjectPublicKeyInfo = "\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"

// fingerprintOf is that of a public key in one of the two spellings of 13.4.
func fingerprintOf(text string) ([32]byte, bool) {
	if key, ok := hexDigest(text); ok {
		return sha256.Sum256(key[:]), true
	}
	const begin, end = "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"
	text = strings.TrimSpace(text)
	if !strings.HasPrefix(text, begin) || !strings.HasSuffix(text, end) || len(text) < len(begin)+len(end) {
		return [32]byte{}, false
	}
	der, ok := base64(text[len(begin) : len(text)-len(end)])
	if !ok || len(der) != len(subjectPublicKeyInfo)+32 || string(der[:len(subjectPublicKeyInfo)]) != subjectPublicKeyInfo {
		return [32]byte{}, false
	}
	return sha256.Sum256(der[len(subjectPublicKeyInfo):]), true
}

// base64 reads the standard alphabet with its padding; blanks and line ends do not count. The standard library's tables
// are made when a program starts, which every warm start would pay for.
func base64(text string) ([]byte, bool) {
	var bytes []byte
	var bits uint32
	count, padding := 0, 0
	for at := range len(text) {
		var value byte
		switch b := text[at]; {
		case b == ' ' || b == '\t' || b == '\r' || b == '\n':
			continue
		case b == '=':
			padding++
			continue
		case b >= 'A' && b <= 'Z':
			value = b - 'A'
		case b >= 'a' && b <= 'z':
			value = b - 'a' + 26
		case b >= '0' && b <= '9':
			value = b - '0' + 52
		case b == '+':
			value = 62
		case b == '/':
			value = 63
		default:
			return nil, false
		}
		if padding > 0 {
			return nil, false
		}
		bits = bits<<6 | uint32(value)
		if count++; count%4 == 0 {
			bytes = append(bytes, byte(bits>>16), byte(bits>>8), byte(bits))
		}
	}
	switch {
	case count%4 == 0 && padding == 0:
	case count%4 == 2 && padding == 2 && bits&15 == 0:
		bytes = append(bytes, byte(bits>>4))
	case count%4 == 3 && padding == 1 && bits&3 == 0:
		bytes = append(bytes, byte(bits>>10), byte(bits>>2))
	default:
		return nil, false
	}
	return bytes, true
}

// second reads a date of 13.4; one that does not exist is none.
func second(text string) (int64, bool) {
	if len(text) == len("2006-01-02") {
		text += "T00:00:00Z"
	}
	const form = "0000-00-00T00:00:00Z"
	if len(text) != len(form) {
		return 0, false
	}
	for at := range len(form) {
		digit := text[at] >= '0' && text[at] <= '9'
		if (form[at] == '0') != digit || (!digit && text[at] != form[at]) {
			return 0, false
		}
	}
	number := func(at, length int) int {
		value := 0
		for _, b := range []byte(text[at : at+length]) {
			value = 10*value + int(b-'0')
		}
		return value
	}
	year, month, day := number(0, 4), number(5, 2), number(8, 2)
	hour, minute, seconds := number(11, 2), number(14, 2), number(17, 2)
	date := time.Date(year, time.Month(month), day, hour, minute, seconds, 0, time.UTC)
	// time.Date takes what does not exist for a later date.
	if date.Month() != time.Month(month) || date.Day() != day || date.Hour() != hour || date.Minute() != minute ||
		date.Second() != seconds {
		return 0, false
	}
	return date.Unix(), true
}

// fold writes a name as PEP 503 says.
func fold(name string) string {
	folded := make([]byte, 0, len(name))
	for at := range len(name) {
		b := name[at]
		switch {
		case b == '-' || b == '_' || b == '.':
			if len(folded) > 0 && folded[len(folded)-1] == '-' {
				continue
			}
			b = '-'
		case b >= 'A' && b <= 'Z':
			b += 'a' - 'A'
		}
		folded = append(folded, b)
	}
	return string(folded)
}

const maxName = 64

func isName(name string) bool { return isPattern(name) && strings.IndexByte(name, '*') < 0 }

// isPattern tells whether a text is a pattern of 13.5.
func isPattern(text string) bool {
	if len(text) < 1 || len(text) > maxName {
		return false
	}
	for at := range len(text) {
		b := text[at]
		if (b < 'a' || b > 'z') && (b < '0' || b > '9') && b != '-' && b != '*' {
			return false
		}
	}
	return true
}

// covers tells whether a pin is for a package (13.5).
func (p *pin) covers(name string) bool {
	if p.packages == nil {
		return true
	}
	folded := fold(name)
	for _, pattern := range p.packages {
		if pattern == "*" || (isName(folded) && words.Covers(pattern, folded)) {
			return true
		}
	}
	return false
}
