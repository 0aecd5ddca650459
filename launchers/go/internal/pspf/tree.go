package pspf

import (
	"strings"

	"flavorpack-native/launchers/go/internal/code"
)

// Fold makes of a path what file systems that ignore case may take it for: NFKC, then case folding (FORMAT.md §10).
// The tables are large, so they are the caller's.
type Fold func(path string) string

// Tree is the finished member list of a slot.
type Tree struct {
	kinds map[string]MemberKind
	links []Member
	order []string
	twice string
}

// NewTree returns a tree without members.
func NewTree() *Tree { return &Tree{kinds: map[string]MemberKind{}} }

// Add puts a member into the list; a path that occurs twice is kept for Judge.
func (t *Tree) Add(m *Member) {
	if _, taken := t.kinds[m.Path]; taken && t.twice == "" {
		t.twice = m.Path
	}
	t.kinds[m.Path] = m.Kind
	t.order = append(t.order, m.Path)
	if m.Kind == LinkMember {
		t.links = append(t.links, *m)
	}
}

// Kind is that of the member at path.
func (t *Tree) Kind(path string) (MemberKind, bool) {
	kind, ok := t.kinds[path]
	return kind, ok
}

// Paths are the paths of the members, in the order in which they were added.
func (t *Tree) Paths() []string { return t.order }

// AddImplied adds the folders that paths need and no member is, as tolerant archives leave them out (§10). They are no
// members, but folders for Judge.
func (t *Tree) AddImplied() {
	for _, path := range t.order[:len(t.order):len(t.order)] {
		for above := parent(path); above != ""; above = parent(above) {
			if _, there := t.kinds[above]; there {
				break
			}
			t.kinds[above] = FolderMember
			t.order = append(t.order, above)
		}
	}
}

// Judge refuses a list in which a path occurs twice or lies below something that is no folder, and links that leave
// the slot or pass through anything but folders (S14). It says it with ERR_PSPF_MEMBER_NAME.
func (t *Tree) Judge() error {
	if t.twice != "" {
		return memberName("the path `" + shown(t.twice) + "` occurs twice")
	}
	for _, path := range t.order {
		if above := parent(path); above != "" {
			if kind, there := t.kinds[above]; !there || kind != FolderMember {
				return memberName("`" + shown(path) + "` lies below `" + shown(above) + "`, which is no folder of the slot")
			}
		}
	}
	for i := range t.links {
		if reason := t.judgeLink(&t.links[i]); reason != "" {
			return memberName("the link `" + shown(t.links[i].Path) + "` to `" + shown(t.links[i].Target) + "` " + reason)
		}
	}
	return nil
}

func memberName(message string) error { return code.New(code.PspfMemberName, message) }

// judgeLink walks the target component by component from the link's folder, never lexically.
func (t *Tree) judgeLink(link *Member) string {
	at := parent(link.Path)
	var way []string
	for component := range strings.SplitSeq(link.Target, "/") {
		if component != "" && component != "." {
			way = append(way, component)
		}
	}
	for i, component := range way {
		if component == ".." {
			if at == "" {
				return "leaves the slot"
			}
			at = parent(at)
			continue
		}
		if at != "" {
			component = at + "/" + component
		}
		at = component
		if kind, there := t.kinds[at]; i < len(way)-1 && (!there || kind != FolderMember) {
			return "passes through `" + shown(at) + "`, which is no folder of the slot"
		}
	}
	return ""
}

// JudgeNames carries out FORMAT.md §10, names on other file systems, for all paths of a slot or an environment. os is
// that of the target, and fold decides what equal names are.
func JudgeNames(paths []string, os string, fold Fold) error {
	if os != "darwin" && os != "windows" {
		return nil
	}
	folded := make(map[string]string, len(paths))
	for _, path := range paths {
		if os == "windows" {
			for component := range strings.SplitSeq(path, "/") {
				if reason := notForWindows(component); reason != "" {
					return memberName("the name `" + shown(path) + "` is not fit for Windows: " + reason)
				}
			}
		}
		key := fold(path)
		if other, taken := folded[key]; taken && other != path {
			return memberName("`" + shown(other) + "` and `" + shown(path) + "` are one name where case is ignored")
		}
		folded[key] = path
	}
	return nil
}

func notForWindows(component string) string {
	if last := component[len(component)-1]; last == '.' || last == ' ' {
		return "a component ends with a dot or a blank"
	}
	for i := range len(component) {
		if c := component[i]; c < 0x20 || c == 0x7f || c == ':' || c == '\\' {
			return "a component holds a control character, `:` or `\\`"
		}
	}
	if isDevice(component) {
		return "a component is a device"
	}
	return ""
}

func isDevice(component string) bool {
	stem, _, _ := strings.Cut(component, ".")
	stem = strings.ToLower(strings.TrimRight(stem, " "))
	switch stem {
	case "con", "prn", "aux", "nul", "conin$", "conout$":
		return true
	}
	number, found := strings.CutPrefix(stem, "com")
	if !found {
		number, found = strings.CutPrefix(stem, "lpt")
	}
	if !found {
		return false
	}
	switch number {
	case "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "¹", "²", "³":
		return true
	}
	return false
}

// treeSink makes a tree of what a slot is decoded to. The members of several workers are collected apart.
type treeSink struct {
	members []Member
}

func (s *treeSink) Begin(m *Member) error {
	s.members = append(s.members, *m)
	return nil
}

func (*treeSink) Data([]byte) error { return nil }

func (*treeSink) End() error { return nil }
