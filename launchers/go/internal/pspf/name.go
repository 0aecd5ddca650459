package pspf

import (
	"strings"
	"unicode/utf8"

	"flavorpack-native/launchers/go/internal/layout"
)

// CheckPath says what is wrong with the name of a member or a path of a work environment (FORMAT.md §10), or "".
func CheckPath(path string) string {
	switch {
	case path == "":
		return "it is empty"
	case path[0] == '/':
		return "it is absolute"
	case hasDrive(path):
		return "it begins with a drive letter"
	case len(path) > layout.MaxPath:
		return "it is longer than 1024 bytes"
	case strings.IndexByte(path, 0) >= 0:
		return "it holds a zero byte"
	case !utf8.ValidString(path):
		return "it is not UTF-8"
	}
	components := 0
	for rest, more := path, true; more; {
		var component string
		component, rest, more = strings.Cut(rest, "/")
		components++
		switch {
		case component == "":
			return "it has an empty component"
		case component == "." || component == "..":
			return "it has a component `" + component + "`"
		case len(component) > layout.MaxComponent:
			return "it has a component of more than 255 bytes"
		}
	}
	if components > layout.MaxComponents {
		return "it has more than 64 components"
	}
	return ""
}

func hasDrive(path string) bool {
	if len(path) < 2 || path[1] != ':' {
		return false
	}
	letter := path[0] | 0x20
	return 'a' <= letter && letter <= 'z'
}

// CheckLinkTarget says what is wrong with the target of a link, or "". Where it leads is judged against the finished
// member list.
func CheckLinkTarget(target string) string {
	switch {
	case target == "":
		return "it is empty"
	case target[0] == '/' || target[0] == '\\' || hasDrive(target):
		return "it is absolute"
	case len(target) > layout.MaxPath:
		return "it is longer than 1024 bytes"
	case strings.IndexByte(target, 0) >= 0:
		return "it holds a zero byte"
	case !utf8.ValidString(target):
		return "it is not UTF-8"
	}
	return ""
}
