package words

// Covers says whether a pattern of STORE.md 9.2 covers a whole name: `*` any bytes, `?` one byte, `[…]` one byte of a set,
// anything else itself.
func Covers(pattern, name string) bool {
	// Where the last star was seen, and how much of the name it has taken.
	star, taken := -1, 0
	at, in := 0, 0
	for in < len(name) {
		if at < len(pattern) {
			if pattern[at] == '*' {
				star, taken = at, in
				at++
				continue
			}
			if covered, width := one(pattern[at:], name[in]); covered {
				at += width
				in++
				continue
			}
		}
		if star < 0 {
			return false
		}
		taken++
		at, in = star+1, taken
	}
	for at < len(pattern) && pattern[at] == '*' {
		at++
	}
	return at == len(pattern)
}

// IsPattern says whether a text covers more than itself.
func IsPattern(text string) bool {
	for at := range len(text) {
		switch text[at] {
		case '*', '?':
			return true
		case '[':
			if setWidth(text[at:]) > 0 {
				return true
			}
		}
	}
	return false
}

// one says whether the first element of a pattern covers a byte, and how long that element is.
func one(pattern string, char byte) (covered bool, width int) {
	switch pattern[0] {
	case '?':
		return true, 1
	case '[':
		if width := setWidth(pattern); width > 0 {
			return inSet(pattern[1:width-1], char), width
		}
	}
	return pattern[0] == char, 1
}

// setWidth is the length of the set at the beginning of a pattern, 0 if it is not finished.
func setWidth(pattern string) int {
	at := 1
	if at < len(pattern) && (pattern[at] == '!' || pattern[at] == '^') {
		at++
	}
	// A bracket in the first place is a member.
	for first := at; at < len(pattern); at++ {
		if pattern[at] == ']' && at > first {
			return at + 1
		}
	}
	return 0
}

func inSet(set string, char byte) bool {
	negated := set[0] == '!' || set[0] == '^'
	if negated {
		set = set[1:]
	}
	for at := 0; at < len(set); at++ {
		if at+2 < len(set) && set[at+1] == '-' {
			if set[at] <= char && char <= set[at+2] {
				return !negated
			}
			at += 2
			continue
		}
		if set[at] == char {
			return !negated
		}
	}
	return negated
}
