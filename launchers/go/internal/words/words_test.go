package words_test

import (
	"errors"
	"slices"
	"testing"

	"flavorpack-native/launchers/go/internal/words"
)

func TestWordsAreSplitAsRule16_3Says(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
		err  error
	}{
		{"a b\tc\nd\re", []string{"a", "b", "c", "d", "e"}, nil},
		{"  a  ", []string{"a"}, nil},
		{`'a b' "c d"`, []string{"a b", "c d"}, nil},
		{`a'b'"c"d`, []string{"abcd"}, nil},
		{`'' ""`, []string{"", ""}, nil},
		{`'\n'`, []string{`\n`}, nil},
		{`"\n\"\\\$` + "\\`" + `"`, []string{`\n"\$` + "`"}, nil},
		{`\a\ b`, []string{"a b"}, nil},
		{`$HOME *`, []string{"$HOME", "*"}, nil},
		{"\xff\xfe", []string{"\xff\xfe"}, nil},
		{"", nil, words.ErrNoWords},
		{" \t", nil, words.ErrNoWords},
		{"'a", nil, words.ErrOpenQuote},
		{`"a\`, nil, words.ErrOpenQuote},
		{`a\`, nil, words.ErrBackslash},
	} {
		got, err := words.Split(c.text)
		if !slices.Equal(got, c.want) || !errors.Is(err, c.err) {
			t.Errorf("%q gives %q, %v; expected %q, %v", c.text, got, err, c.want, c.err)
		}
	}
}

func TestPatternsCoverWholeNamesByteByByte(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"A", "A", true},
		{"A", "a", false},
		{"A", "AB", false},
		{"*", "", true},
		{"A*", "A", true},
		{"A*C*", "ABBCC", true},
		{"*B", "ABAB", true},
		{"*B", "ABA", false},
		{"?", "", false},
		{"?", "x", true},
		{"[a-c]", "b", true},
		{"[a-c]", "d", false},
		{"[!a-c]", "d", true},
		{"[^a-c]", "b", false},
		{"[]]", "]", true},
		{"[!]]", "a", true},
		{"[!]]", "]", false},
		{"[a-]", "-", true},
		{"[", "[", true},
		{"[a", "[a", true},
		{"x[", "x[", true},
		{"[]", "[]", true},
		{"[*]", "*", true},
		{"[*]", "a", false},
		{"a[b]*c", "abxxc", true},
	} {
		if got := words.Covers(c.pattern, c.name); got != c.want {
			t.Errorf("%q covers %q: %v, expected %v", c.pattern, c.name, got, c.want)
		}
	}
}

func TestWhatIsAPatternIsToldFromAName(t *testing.T) {
	for text, want := range map[string]bool{"A": false, "A*": true, "?": true, "[a]": true, "[a": false, "[]": false, "": false} {
		if words.IsPattern(text) != want {
			t.Errorf("%q is a pattern: %v, expected %v", text, !want, want)
		}
	}
}

func TestPlaceholdersAreReplacedOnceFromLeftToRight(t *testing.T) {
	value := func(name string) (string, bool, error) {
		switch name {
		case "a":
			return "{b}", true, nil
		case "b":
			return "B", true, nil
		case "bad":
			return "", false, words.ErrNoWords
		}
		return "", false, nil
	}
	for text, want := range map[string]string{
		"":          "",
		"{a}{b}":    "{b}B",
		"{x{b}":     "{xB",
		"{c}{b}":    "{c}B",
		"{b":        "{b",
		"{":         "{",
		"x{b}y}{":   "xBy}{",
		"{{b}}":     "{B}",
		"{a b}{b}}": "{a b}B}",
	} {
		if got, err := words.Replace(text, value); got != want || err != nil {
			t.Errorf("%q gives %q, %v; expected %q", text, got, err, want)
		}
	}
	if _, err := words.Replace("x{bad}", value); err == nil {
		t.Error("an error of a placeholder is lost")
	}
}

func TestNumbersAreDigitsOnly(t *testing.T) {
	for text, want := range map[string]int{"0": 0, "12": 12, "007": 7, "": -1, "+1": -1, "-1": -1, "1x": -1, "99999999999": -1} {
		if got := words.Number(text); got != want {
			t.Errorf("%q is %d, expected %d", text, got, want)
		}
	}
}
