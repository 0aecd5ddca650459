package strictjson

import (
	"strings"
	"testing"
)

var testShape = &Shape{Keys: []Key{
	{"name", Scalar}, {"none", Nullable}, {"slots", &Shape{Elements: Scalar}}, {"env", &Shape{Names: Scalar}},
	{"closed", &Shape{Closed: true, Keys: []Key{{"a", Scalar}}}},
}}

func TestDocumentsOutsideTheProfileAreRefusedWithTheByte(t *testing.T) {
	for text, at := range map[string]int64{
		``: 0, ` `: 1, `[]`: 0, `null`: 0, "\ufeff{}": 0, `{} {}`: 3, `{"a":1,}`: 7, `{"a":1 "b":2}`: 7, `{"a":01}`: 5, `{"a":-0}`: 5,
		`{"a":1.0}`: 5, `{"a":1e1}`: 5, `{"a":9007199254740992}`: 5, `{"a":"\ud800"}`: 6, `{"a":"\u0000"}`: 6, "{\"a\":\"\xff\"}": 6,
		`{"a":1,"\u0061":2}`: 7, `{"Name":1}`: 1, `{"none":{"a":1},"None":2}`: 16, `{"\u017flots":1}`: 1, `{"name":null}`: 8,
		`{"slots":[1,null]}`: 12, `{"env":{"A":null}}`: 12, `{"closed":{"b":1}}`: 11,
		`{"x":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`: 36,
	} {
		_, err := Parse([]byte(text), testShape)
		failure, ok := err.(*SyntaxError)
		if !ok || failure.Offset != at {
			t.Errorf("%q: got %v, expected a failure at byte %d", text, err, at)
		}
	}
}

func TestDocumentsInTheProfileAreRead(t *testing.T) {
	root, err := Parse([]byte(` {"env" : {"ENV":"\u00e9\ud83d\ude00\/","env":""}, "none":null, "slots":[-1,true], "unknown":{"null":[null,{"x":null}]}} `), testShape)
	if err != nil {
		t.Fatal(err)
	}
	if got := root.Get("env").Get("ENV").Text(); got != "é😀/" {
		t.Errorf("got %q", got)
	}
	if slots := root.Get("slots").Elements(); len(slots) != 2 || slots[0].Number() != -1 || !slots[1].True() {
		t.Errorf("got %v", slots)
	}
	if root.Get("unknown") != nil {
		t.Error("what has no meaning was kept")
	}
	if got := string(Canonical(root.Plain())); got != `{"env":{"ENV":"é😀/","env":""},"slots":[-1,true]}` {
		t.Errorf("got %s", got)
	}
}

func TestCanonicalFormEscapesWhatItMust(t *testing.T) {
	got := string(Canonical(map[string]any{"b": []any{1, int64(2), true}, "a": "\"\\/\b\f\n\r\t\x01\x1f\x7fé"}))
	if expected := `{"a":"\"\\/\b\f\n\r\t\u0001\u001f` + "\x7f" + `é","b":[1,2,true]}`; got != expected {
		t.Errorf("got %s, expected %s", got, expected)
	}
}
