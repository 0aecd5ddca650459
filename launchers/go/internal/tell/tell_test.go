package tell

import (
	"errors"
	"testing"
	"time"

	"flavorpack-native/launchers/go/internal/code"
)

func TestControlAndBidirectionalCharactersAreEscaped(t *testing.T) {
	for text, want := range map[string]string{
		"plain ü":       "plain ü",
		"a\x1b[31m\tb":  `a\u{1b}[31m\u{9}b`,
		"\u202e\u2066":  `\u{202e}\u{2066}`,
		"\u200f\u061c":  `\u{200f}\u{61c}`,
		"\x7f\u0085":    `\u{7f}\u{85}`,
		"caf\xe9":       "caf\ufffd",
		"\u200b stays":  "\u200b stays",
		"back\\slash {": "back\\slash {",
	} {
		if got := Escaped(text); got != want {
			t.Errorf("%q is shown as %q, expected %q", text, got, want)
		}
	}
}

func TestLevelsAreReadInAnyCaseAndUnknownWordsLogNothing(t *testing.T) {
	for text, want := range map[string]struct {
		level Level
		json  bool
	}{
		"info": {Info, false}, "INFO": {Info, false}, "warning": {Warn, false}, "json": {Info, true},
		"JSON:Debug": {Debug, true}, "": {Off, false}, "off": {Off, false}, "json:": {Off, true}, "5": {Off, false},
	} {
		level, json := parseLevel(text)
		if level != want.level || level != Off && json != want.json {
			t.Errorf("%q is %v, %v; expected %v", text, level, json, want)
		}
	}
}

func TestAFailureIsDescribedOnceWithItsCauses(t *testing.T) {
	system := errors.New("no space left")
	err := code.Wrap(code.StoreIO, "cannot write `x`", code.Wrap(code.StoreSpace, "the disk is full", system))
	if got, want := Described(err), "cannot write `x`: the disk is full: no space left"; got != want {
		t.Errorf("got %q, expected %q", got, want)
	}
	if Coded(err) != code.StoreIO || Coded(system) != code.LaunchPanic {
		t.Error("the first code of the chain counts, and what has none is an internal error")
	}
}

func TestJSONStringsHoldNoControlCharacters(t *testing.T) {
	if got, want := string(AppendJSON(nil, "a\"\\\n\x1b\u202e\xff")), `"a\"\\\n\u001b\u202e`+"\ufffd\""; got != want {
		t.Errorf("got %s, expected %s", got, want)
	}
}

func TestMillisecondsHaveThreeDigitsBehindThePoint(t *testing.T) {
	if got := string(appendMilliseconds(nil, 1234567*time.Nanosecond)); got != "1.234 ms" {
		t.Error(got)
	}
}
