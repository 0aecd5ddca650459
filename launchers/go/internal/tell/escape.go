// Package tell is all that a launcher says: failures, notices, the log and the progress line (LAUNCH.md 10).
//
// It is silent unless something is told to it, writes to standard error and to the log file only, and escapes what could
// control a terminal in every text. It never gets to see the value of a variable: whoever tells, leaves it out
// (LAUNCH.md 6.3).
package tell

import (
	"strconv"
	"unicode/utf8"
)

// Escaped is a text with control characters and bidirectional controls as `\u{…}` (LAUNCH.md 10.2). Bytes that are not
// UTF-8 become replacement characters, as a terminal may take one of them for a control character.
func Escaped(text string) string {
	if plain(text) {
		return text
	}
	return string(AppendEscaped(nil, text))
}

// AppendEscaped appends a text as [Escaped] gives it.
func AppendEscaped(to []byte, text string) []byte {
	for _, char := range text {
		if controls(char) {
			to = append(to, `\u{`...)
			to = strconv.AppendInt(to, int64(char), 16)
			to = append(to, '}')
		} else {
			to = utf8.AppendRune(to, char)
		}
	}
	return to
}

func plain(text string) bool {
	for at := range len(text) {
		if text[at] < ' ' || text[at] > '~' {
			return false
		}
	}
	return true
}

func controls(char rune) bool {
	switch {
	case char < 0x20, char >= 0x7f && char < 0xa0:
		return true
	case char == 0x061c, char == 0x200e, char == 0x200f:
		return true
	case char >= 0x202a && char <= 0x202e, char >= 0x2066 && char <= 0x2069:
		return true
	}
	return false
}
