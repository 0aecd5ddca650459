package tree

import (
	"sort"
	"strings"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/pspf"
)

// folders are the folders of a list, the root being "".
type folders map[string]struct{}

func (f folders) has(path string) bool {
	if path == "" {
		return true
	}
	_, there := f[path]
	return there
}

// judge judges a finished member list (5.5): no path occurs twice, every parent of a member is a folder, and no link
// leaves the slot or passes through anything but folders. With implied, folders that only paths of members name count.
func judge(items []Item, implied bool) error {
	sort.Slice(items, func(i, j int) bool { return items[i].Path < items[j].Path })
	known := folders{}
	for at := range items {
		if at > 0 && items[at].Path == items[at-1].Path {
			return violates(items[at].Path, "occurs twice")
		}
		if items[at].Kind == pspf.FolderMember {
			known[items[at].Path] = struct{}{}
		}
	}
	if implied {
		imply(items, known)
	}
	for at := range items {
		item := &items[at]
		parent, _ := split(item.Path)
		if !known.has(parent) {
			return violates(item.Path, "lies in what is no folder of the slot")
		}
		if implied && item.Kind != pspf.FolderMember && known.has(item.Path) {
			return violates(item.Path, "is not a folder, and another member lies below it")
		}
		if item.Kind == pspf.LinkMember {
			if reason := known.follow(parent, item.Target); reason != "" {
				return violates(item.Path, "is a link that "+reason+": "+quoted(item.Target))
			}
		}
	}
	return nil
}

func imply(items []Item, known folders) {
	for at := range items {
		for parent, _ := split(items[at].Path); !known.has(parent); parent, _ = split(parent) {
			known[parent] = struct{}{}
		}
	}
}

// follow walks a link's target from its folder, component by component (S14). It says what is wrong, or "".
func (f folders) follow(from, target string) string {
	if strings.HasPrefix(target, "/") {
		return "has an absolute target"
	}
	at, rest, more := from, target, true
	for more {
		var component string
		component, rest, more = strings.Cut(rest, "/")
		switch component {
		case "", ".":
			continue
		case "..":
			if at == "" {
				return "leaves the slot"
			}
			at, _ = split(at)
			continue
		}
		if at != "" {
			component = at + "/" + component
		}
		if isLast(rest, more) {
			return ""
		}
		if !f.has(component) {
			return "passes through what is no folder"
		}
		at = component
	}
	return ""
}

// isLast tells whether nothing but empty components follows.
func isLast(rest string, more bool) bool { return !more || rest == "" }

func violates(path, reason string) error {
	return code.New(code.StoreLink, "the member "+quoted(path)+" "+reason)
}
