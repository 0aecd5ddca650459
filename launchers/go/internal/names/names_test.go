package names

import (
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// stated is what FORMAT.md §10 says, word for word. Of small Cherokee letters the module knows no folding, which Unicode's
// CaseFolding.txt has.
func stated(path string) string { return norm.NFKC.String(cases.Fold().String(norm.NFKC.String(path))) }

func TestEveryLetterFallsTogetherWithTheLettersThatTheFormatNamesAndWithNoOther(t *testing.T) {
	foldedOf, statedOf := map[string]string{}, map[string]string{}
	for letter := rune(0); letter <= utf8.MaxRune; letter++ {
		if !utf8.ValidRune(letter) || unicode.Is(unicode.Cherokee, letter) {
			continue
		}
		name := string(letter)
		want, got := stated(name), Fold(name)
		if before, seen := foldedOf[want]; seen && before != got {
			t.Errorf("%U is apart from what it is equal to: %+q and %+q", letter, before, got)
		}
		if before, seen := statedOf[got]; seen && before != want {
			t.Errorf("%U falls together with another letter: %+q and %+q", letter, before, want)
		}
		foldedOf[want], statedOf[got] = got, want
	}
}

func TestNamesThatDifferByCaseOrCompositionAloneAreOne(t *testing.T) {
	for _, same := range [][]string{
		{"lib/README", "LIB/readme"},
		{"straße", "STRASSE", "stra\u1e9ee"},
		{"caf\u00e9", "CAFE\u0301"},
		{"\ufb01le", "FILE"},
		{"\u1fb3", "\u1fbc", "\u03b1\u03b9", "\u0391\u0345"},
		{"\u03c3", "\u03c2", "\u03a3"},
		{"\u13f0\u13a0", "\u13f8\uab70"},
		{"\u212a", "k", "\uff2b"},
	} {
		for _, name := range same {
			if Fold(name) != Fold(same[0]) {
				t.Errorf("%+q and %+q", name, same[0])
			}
		}
	}
	for _, apart := range [][2]string{{"a", "b"}, {"\u0131", "i"}, {"e", "\u00e9"}, {"ss/x", "s/sx"}} {
		if Fold(apart[0]) == Fold(apart[1]) {
			t.Errorf("%+q and %+q", apart[0], apart[1])
		}
	}
}
