// Package strictjson reads JSON of the strict profile (FORMAT.md §5, S9) and writes its canonical form.
//
// It guarantees that a document is one object of valid UTF-8 without a byte order mark, without a key that occurs
// twice after unescaping, without lone surrogates, U+0000, fractions, exponents, minus zero, integers beyond 2^53 - 1,
// nesting beyond 32; and that it has null and unknown keys only where a Shape allows them, and no key that only
// folds to a known one. What stands below keys without a meaning is checked and not kept.
// It deliberately knows no document: types, needed keys and codes are the business of whoever brings the Shape.
package strictjson

// Kind is what a value is.
type Kind uint8

// The kinds of values.
const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	Object
)

var kindNames = [...]string{"null", "a truth value", "a number", "a string", "an array", "an object"}

// String is the kind in words, with its article.
func (k Kind) String() string { return kindNames[k] }

// Value is one value of a document.
type Value struct {
	text   string
	list   *list
	number int64
	offset uint32
	kind   Kind
}

type list struct {
	elements []Value
	members  []Member
}

// Member is a key of an object and its value, in the order of the document.
type Member struct {
	Key   string
	Value Value
}

// Kind is what the value is.
func (v *Value) Kind() Kind { return v.kind }

// Offset is the position of its first byte in the document.
func (v *Value) Offset() int64 { return int64(v.offset) }

// Text is the content of a string, unescaped; "" for other kinds.
func (v *Value) Text() string { return v.text }

// Number is the value of a number; 0 for other kinds.
func (v *Value) Number() int64 {
	if v.kind != Number {
		return 0
	}
	return v.number
}

// True reports whether the value is true.
func (v *Value) True() bool { return v.kind == Bool && v.number != 0 }

// Elements are the elements of an array. They are there only where the Shape describes them.
func (v *Value) Elements() []Value {
	if v.list == nil {
		return nil
	}
	return v.list.elements
}

// Members are the members of an object that have a meaning, in the order of the document.
func (v *Value) Members() []Member {
	if v.list == nil {
		return nil
	}
	return v.list.members
}

// Get is the value of a key, or nil where there is none.
func (v *Value) Get(key string) *Value {
	if v.list == nil {
		return nil
	}
	for i := range v.list.members {
		if v.list.members[i].Key == key {
			return &v.list.members[i].Value
		}
	}
	return nil
}

// Shape says which keys of a document have a meaning, and where null may stand. A nil *Shape stands for a value
// without a meaning: anything may be in it, null too, and nothing of it is kept.
type Shape struct {
	// Keys are the keys of an object that have a meaning.
	Keys []Key
	// Names is the shape of the values of an object whose keys are names; Keys is empty then.
	Names *Shape
	// Elements is the shape of the elements of an array.
	Elements *Shape
	// Closed: keys that are not in Keys are refused.
	Closed bool
	// Null may stand here.
	Null bool
}

// Key is a key with a meaning, in lower case.
type Key struct {
	Name  string
	Shape *Shape
}

// Scalar is the shape of a string, a number or a truth value; Nullable that of one that may be null.
var (
	Scalar   = &Shape{}
	Nullable = &Shape{Null: true}
)

func (s *Shape) find(key string) *Shape {
	for i := range s.Keys {
		if s.Keys[i].Name == key {
			return s.Keys[i].Shape
		}
	}
	return nil
}

// folded returns the known key that key equals only after case folding: ASCII, and U+017F for s, U+212A for k, as the
// loosest decoders fold.
func (s *Shape) folded(key string) (string, bool) {
	for i := range s.Keys {
		if foldsTo(key, s.Keys[i].Name) {
			return s.Keys[i].Name, true
		}
	}
	return "", false
}

func foldsTo(key, known string) bool {
	at := 0
	for _, r := range key {
		switch {
		case r == 'ſ':
			r = 's'
		case r == 'K':
			r = 'k'
		case 'A' <= r && r <= 'Z':
			r += 'a' - 'A'
		}
		if at == len(known) || r != rune(known[at]) {
			return false
		}
		at++
	}
	return at == len(known)
}
