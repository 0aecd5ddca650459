package strictjson

import (
	"sort"
	"strconv"
)

// Canonical is the canonical form of a value (FORMAT.md §5): keys sorted by their bytes, no white space, integers in
// plain decimal, nothing escaped that need not be. A value is a map[string]any, a []any, a string, an int, an int64,
// a uint64 or a bool; anything else is a bug of the caller and panics.
func Canonical(value any) []byte { return appendValue(nil, value) }

func appendValue(to []byte, value any) []byte {
	switch value := value.(type) {
	case map[string]any:
		keys := make([]string, 0, len(value))
		for key := range value {
			keys = append(keys, key)
		}
		sort.Strings(keys)
		to = append(to, '{')
		for i, key := range keys {
			if i > 0 {
				to = append(to, ',')
			}
			to = AppendString(to, key)
			to = append(to, ':')
			to = appendValue(to, value[key])
		}
		return append(to, '}')
	case []any:
		to = append(to, '[')
		for i, element := range value {
			if i > 0 {
				to = append(to, ',')
			}
			to = appendValue(to, element)
		}
		return append(to, ']')
	case string:
		return AppendString(to, value)
	case int:
		return strconv.AppendInt(to, int64(value), 10)
	case int64:
		return strconv.AppendInt(to, value, 10)
	case uint64:
		return strconv.AppendUint(to, value, 10)
	case bool:
		return strconv.AppendBool(to, value)
	}
	panic("strictjson: a value that is not JSON")
}

// AppendString appends a string of valid UTF-8 as JSON: only quotes, backslashes and control characters are escaped.
func AppendString(to []byte, text string) []byte {
	const digits = "0123456789abcdef"
	to = append(to, '"')
	for i := range len(text) {
		switch c := text[i]; c {
		case '"', '\\':
			to = append(to, '\\', c)
		case '\b':
			to = append(to, '\\', 'b')
		case '\f':
			to = append(to, '\\', 'f')
		case '\n':
			to = append(to, '\\', 'n')
		case '\r':
			to = append(to, '\\', 'r')
		case '\t':
			to = append(to, '\\', 't')
		default:
			if c < 0x20 {
				to = append(to, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
			} else {
				to = append(to, c)
			}
		}
	}
	return append(to, '"')
}

// Plain is the value as Canonical takes it, without the members that are null.
func (v *Value) Plain() any {
	switch v.kind {
	case Bool:
		return v.number != 0
	case Number:
		return v.number
	case String:
		return v.text
	case Array:
		all := make([]any, 0, len(v.Elements()))
		for i := range v.Elements() {
			all = append(all, v.Elements()[i].Plain())
		}
		return all
	case Object:
		all := make(map[string]any, len(v.Members()))
		for i := range v.Members() {
			if m := &v.Members()[i]; m.Value.kind != Null {
				all[m.Key] = m.Value.Plain()
			}
		}
		return all
	case Null:
	}
	return nil
}
