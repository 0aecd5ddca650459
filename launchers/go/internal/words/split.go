// Package words reads the small languages of package metadata: command texts that are split into words, patterns, and
// placeholders (LAUNCH.md 16.2, 16.3, STORE.md 8.4, 9.2).
//
// Everything works on bytes. Nothing is expanded, no variable is read and no file is looked at: what a word means is its
// caller's business.
package words

import "errors"

// What a text can be that is no command (LAUNCH.md 16.3).
var (
	ErrOpenQuote = errors.New("a quote is not closed")
	ErrBackslash = errors.New("a backslash is the last character")
	ErrNoWords   = errors.New("it has no words")
)

// Split cuts a command text into words, as LAUNCH.md 16.3 says.
func Split(text string) ([]string, error) {
	var found []string
	var word []byte
	begun := false
	var quote byte
	for at := 0; at < len(text); at++ {
		char := text[at]
		switch {
		case quote == '\'' && char != '\'', quote == '"' && char != '"' && char != '\\':
			word = append(word, char)
		case quote != 0 && char == quote:
			quote = 0
		case char == '\\':
			if at++; at == len(text) {
				if quote != 0 {
					return nil, ErrOpenQuote
				}
				return nil, ErrBackslash
			}
			if quote == '"' && !escapable(text[at]) {
				word = append(word, '\\')
			}
			word, begun = append(word, text[at]), true
		case char == '\'' || char == '"':
			quote, begun = char, true
		case blank(char):
			if begun {
				found = append(found, string(word))
				word, begun = word[:0], false
			}
		default:
			word, begun = append(word, char), true
		}
	}
	if quote != 0 {
		return nil, ErrOpenQuote
	}
	if begun {
		found = append(found, string(word))
	}
	if len(found) == 0 {
		return nil, ErrNoWords
	}
	return found, nil
}

// escapable says what a backslash takes the meaning from between double quotes.
func escapable(char byte) bool {
	return char == '"' || char == '\\' || char == '$' || char == '`'
}

func blank(char byte) bool {
	return char == ' ' || char == '\t' || char == '\n' || char == '\r'
}
