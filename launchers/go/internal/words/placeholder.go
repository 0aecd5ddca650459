package words

import "strings"

// Replace replaces placeholders once, from left to right: what was inserted is not looked at again. value is asked for
// the text between each pair of braces; where it does not know one, the opening brace stays and the text behind it is
// looked at. Its error ends the replacement.
func Replace(text string, value func(name string) (replacement string, known bool, err error)) (string, error) {
	open := strings.IndexByte(text, '{')
	if open < 0 {
		return text, nil
	}
	var made strings.Builder
	for open >= 0 {
		made.WriteString(text[:open])
		text = text[open:]
		end := strings.IndexByte(text, '}')
		if end < 0 {
			break
		}
		replacement, known, err := value(text[1:end])
		if err != nil {
			return "", err
		}
		if known {
			made.WriteString(replacement)
			text = text[end+1:]
		} else {
			made.WriteByte('{')
			text = text[1:]
		}
		open = strings.IndexByte(text, '{')
	}
	made.WriteString(text)
	return made.String(), nil
}

// SlotPrefix begins the name of a slot's placeholder, `{slot:N}`.
const SlotPrefix = "slot:"

// Number reads a decimal number of ASCII digits, without a sign; -1 if the text is none, or too large to be a position.
func Number(text string) int {
	if text == "" || len(text) > 9 {
		return -1
	}
	number := 0
	for at := range len(text) {
		if text[at] < '0' || text[at] > '9' {
			return -1
		}
		number = number*10 + int(text[at]-'0')
	}
	return number
}
