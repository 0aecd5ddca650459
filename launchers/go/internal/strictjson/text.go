package strictjson

import (
	"unicode/utf8"
)

// string reads a string whose opening quote is the next byte, and returns it unescaped. Without an escape it is a part
// of the document's own text.
func (p *parser) string() string {
	opening := p.at
	p.at++
	start := p.at
	var unescaped []byte
	for {
		if p.at >= len(p.text) {
			p.failAt(opening, "a string has no end")
		}
		switch c := p.text[p.at]; {
		case c == '"':
			plain := p.text[start:p.at]
			p.at++
			if unescaped == nil {
				return plain
			}
			return string(append(unescaped, plain...))
		case c == '\\':
			if unescaped == nil {
				unescaped = make([]byte, 0, 2*(p.at-start)+16)
			}
			unescaped = append(unescaped, p.text[start:p.at]...)
			unescaped = p.escape(unescaped)
			start = p.at
		case c < 0x20:
			p.fail("a control character in a string")
		case c < utf8.RuneSelf:
			p.at++
		default:
			r, size := utf8.DecodeRuneInString(p.text[p.at:])
			if r == utf8.RuneError && size == 1 {
				p.fail("a byte that is no UTF-8")
			}
			p.at += size
		}
	}
}

func (p *parser) escape(to []byte) []byte {
	at := p.at
	p.at++
	c := p.peek()
	p.at++
	switch c {
	case '"', '\\', '/':
		return append(to, c)
	case 'b':
		return append(to, '\b')
	case 'f':
		return append(to, '\f')
	case 'n':
		return append(to, '\n')
	case 'r':
		return append(to, '\r')
	case 't':
		return append(to, '\t')
	case 'u':
		unit := p.hexadecimal(at)
		switch {
		case unit == 0:
			p.failAt(at, "U+0000 in a string")
		case 0xD800 <= unit && unit < 0xDC00:
			if p.peek() != '\\' || p.at+1 >= len(p.text) || p.text[p.at+1] != 'u' {
				p.failAt(at, "a lone surrogate")
			}
			p.at += 2
			low := p.hexadecimal(at)
			if low < 0xDC00 || low >= 0xE000 {
				p.failAt(at, "a lone surrogate")
			}
			unit = 0x10000 + (unit-0xD800)<<10 + (low - 0xDC00)
		case 0xDC00 <= unit && unit < 0xE000:
			p.failAt(at, "a lone surrogate")
		}
		return utf8.AppendRune(to, unit)
	}
	p.failAt(at, "an escape that JSON does not have")
	return nil
}

func (p *parser) hexadecimal(at int) rune {
	var unit rune
	for range 4 {
		c := p.peek()
		switch {
		case '0' <= c && c <= '9':
			unit = unit<<4 | rune(c-'0')
		case 'a' <= c && c <= 'f':
			unit = unit<<4 | rune(c-'a'+10)
		case 'A' <= c && c <= 'F':
			unit = unit<<4 | rune(c-'A'+10)
		default:
			p.failAt(at, "an escape of fewer than four hexadecimal digits")
		}
		p.at++
	}
	return unit
}
