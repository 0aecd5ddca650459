// Package names folds names as file systems that ignore case may do: by NFKC and case (FORMAT.md §10, STORE.md 5.11).
//
// It guarantees that two names have the same folded form exactly when they are equal after NFKC and full case folding.
// What that form looks like is nobody's business: it is compared and never shown. It deliberately does without the tables
// of golang.org/x/text/cases: with the languages that those come with they would cost each start of a launcher more than
// folding a package does, and decomposed names have one letter left whose full folding is not that of a single letter.
package names

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Fold gives the form of a path in which paths that may be one file are equal.
func Fold(path string) string {
	if isASCII(path) {
		return strings.ToUpper(path)
	}
	var folded strings.Builder
	for _, letter := range norm.NFKD.String(path) {
		if letter == 'ß' || letter == 'ẞ' {
			folded.WriteString("SS")
		} else {
			folded.WriteRune(least(letter))
		}
	}
	return norm.NFKD.String(folded.String())
}

// least is the first of the letters that differ by case alone.
func least(letter rune) rune {
	first := letter
	for other := unicode.SimpleFold(letter); other != letter; other = unicode.SimpleFold(other) {
		first = min(first, other)
	}
	return first
}

func isASCII(path string) bool {
	for at := range len(path) {
		if path[at] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
