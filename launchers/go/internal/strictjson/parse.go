package strictjson

import (
	"strconv"
	"unicode/utf8"

	"flavorpack-native/launchers/go/internal/layout"
)

// SyntaxError says where a document leaves the profile. Whoever reads the document gives it a code.
type SyntaxError struct {
	Offset  int64
	Message string
	// UnknownKey is the key that was refused for being unknown, where that is the failure.
	UnknownKey string
}

// Error is the message with its offset.
func (e *SyntaxError) Error() string {
	return e.Message + " (byte " + strconv.FormatInt(e.Offset, 10) + ")"
}

// Parse reads a document whose values mean what shape says. The length of data is the caller's to limit. Every error
// is a *SyntaxError.
func Parse(data []byte, shape *Shape) (value *Value, err error) {
	p := parser{text: string(data)}
	defer func() {
		if r := recover(); r != nil {
			failure, ours := r.(*SyntaxError)
			if !ours {
				panic(r)
			}
			value, err = nil, failure
		}
	}()
	if len(p.text) >= 3 && p.text[:3] == "\xef\xbb\xbf" {
		p.fail("the document begins with a byte order mark")
	}
	p.blanks()
	root := new(Value)
	if p.peek() != '{' {
		p.fail("the document is not an object")
	}
	p.value(root, shape, 0)
	p.blanks()
	if p.at != len(p.text) {
		p.fail("something follows the document")
	}
	return root, nil
}

// parser walks the text once. It leaves by panic with a *SyntaxError, which Parse recovers: a descent of 32 levels
// has no other way out that is as hard to get wrong.
type parser struct {
	text string
	at   int
}

func (p *parser) fail(message string) { p.failAt(p.at, message) }

func (p *parser) failAt(at int, message string) {
	panic(&SyntaxError{Offset: int64(at), Message: message})
}

// peek is the next byte, or 0 at the end: U+0000 stands nowhere in a document.
func (p *parser) peek() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

func (p *parser) blanks() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

// value reads one value. depth is the number of arrays and objects around it.
func (p *parser) value(into *Value, shape *Shape, depth int) {
	into.offset = uint32(p.at) //nolint:gosec // documents are at most 8 MiB, trust files 1 MiB
	switch c := p.peek(); {
	case c == '{':
		p.deeper(depth)
		into.kind = Object
		p.object(into, shape, depth+1)
	case c == '[':
		p.deeper(depth)
		into.kind = Array
		p.array(into, shape, depth+1)
	case c == '"':
		into.kind, into.text = String, p.string()
	case c == '-' || '0' <= c && c <= '9':
		into.kind, into.number = Number, p.number()
	case p.word("true"):
		into.kind, into.number = Bool, 1
	case p.word("false"):
		into.kind = Bool
	case p.word("null"):
		if shape != nil && !shape.Null {
			p.failAt(int(into.offset), "null where none may stand")
		}
	case p.at == len(p.text):
		p.fail("the document ends before it is complete")
	default:
		p.fail("no value begins with " + quoted(p.text[p.at:]))
	}
}

func (p *parser) deeper(depth int) {
	if depth == layout.MaxDepth {
		p.fail("nesting is deeper than " + strconv.Itoa(layout.MaxDepth) + " levels")
	}
}

func (p *parser) word(word string) bool {
	if len(p.text)-p.at < len(word) || p.text[p.at:p.at+len(word)] != word {
		return false
	}
	p.at += len(word)
	return true
}

func (p *parser) array(into *Value, shape *Shape, depth int) {
	p.at++
	var elements *Shape
	if shape != nil {
		elements = shape.Elements
		if elements == nil && (shape.Keys != nil || shape.Names != nil) {
			elements = Scalar // an object should be here, and no null may stand in what is instead
		}
	}
	var kept []Value
	for p.blanks(); p.peek() != ']'; {
		var element Value
		p.value(&element, elements, depth)
		if elements != nil {
			kept = append(kept, element)
		}
		p.blanks()
		if p.peek() == ',' {
			p.at++
			p.blanks()
			if p.peek() == ']' {
				p.fail("a comma before the end of an array")
			}
		} else if p.peek() != ']' {
			p.fail("neither a comma nor the end of an array")
		}
	}
	p.at++
	if kept != nil {
		into.list = &list{elements: kept}
	}
}

func (p *parser) object(into *Value, shape *Shape, depth int) {
	p.at++
	var kept []Member
	var seen keySet
	for p.blanks(); p.peek() != '}'; {
		keyAt := p.at
		if p.peek() != '"' {
			p.fail("a key is not a string")
		}
		key := p.string()
		if !seen.add(key) {
			p.failAt(keyAt, "the key "+quoted(key)+" occurs twice")
		}
		inner := p.keyShape(shape, key, keyAt)
		p.blanks()
		if p.peek() != ':' {
			p.fail("no colon behind the key " + quoted(key))
		}
		p.at++
		p.blanks()
		var value Value
		p.value(&value, inner, depth)
		if inner != nil {
			kept = append(kept, Member{key, value})
		}
		p.blanks()
		if p.peek() == ',' {
			p.at++
			p.blanks()
			if p.peek() == '}' {
				p.fail("a comma before the end of an object")
			}
		} else if p.peek() != '}' {
			p.fail("neither a comma nor the end of an object")
		}
	}
	p.at++
	if kept != nil {
		into.list = &list{members: kept}
	}
}

// keyShape is the shape of the value of key, nil if the key has no meaning.
func (p *parser) keyShape(shape *Shape, key string, keyAt int) *Shape {
	if shape == nil {
		return nil
	}
	if shape.Names != nil {
		return shape.Names
	}
	if inner := shape.find(key); inner != nil {
		return inner
	}
	if known, folds := shape.folded(key); folds {
		p.failAt(keyAt, "the key "+quoted(key)+" is "+quoted(known)+" in another case")
	}
	if shape.Closed {
		panic(&SyntaxError{Offset: int64(keyAt), Message: "the key " + quoted(key) + " is unknown", UnknownKey: key})
	}
	return nil
}

// number reads an integer without fraction and exponent, not -0, of magnitude up to 2^53 - 1.
func (p *parser) number() int64 {
	start := p.at
	negative := p.peek() == '-'
	if negative {
		p.at++
	}
	first := p.at
	var n int64
	for p.at < len(p.text) && '0' <= p.text[p.at] && p.text[p.at] <= '9' {
		n = n*10 + int64(p.text[p.at]-'0')
		if n > layout.MaxInteger {
			p.failAt(start, "a number is beyond 2^53 - 1")
		}
		p.at++
	}
	switch digits := p.at - first; {
	case digits == 0:
		p.failAt(start, "a number without digits")
	case digits > 1 && p.text[first] == '0':
		p.failAt(start, "a number begins with a zero")
	case negative && n == 0:
		p.failAt(start, "minus zero")
	}
	switch p.peek() {
	case '.', 'e', 'E':
		p.failAt(start, "a number with a fraction or an exponent")
	}
	if negative {
		return -n
	}
	return n
}

// quoted is an excerpt of untrusted text, escaped for a message.
func quoted(text string) string {
	const most = 64
	if len(text) > most {
		cut := most
		for cut > most-utf8.UTFMax && !utf8.RuneStart(text[cut]) {
			cut--
		}
		text = text[:cut]
	}
	return strconv.QuoteToASCII(text)
}

// keySet finds keys that occur twice, without a map for the few keys that most objects have.
type keySet struct {
	few  []string
	many map[string]struct{}
}

func (s *keySet) add(key string) bool {
	const few = 16
	if s.many == nil {
		for _, other := range s.few {
			if other == key {
				return false
			}
		}
		if len(s.few) < few {
			s.few = append(s.few, key)
			return true
		}
		s.many = make(map[string]struct{}, 2*few)
		for _, other := range s.few {
			s.many[other] = struct{}{}
		}
		s.few = nil
	}
	if _, twice := s.many[key]; twice {
		return false
	}
	s.many[key] = struct{}{}
	return true
}
