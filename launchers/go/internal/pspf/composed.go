package pspf

import (
	"strings"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/layout"
)

// JudgeComposition carries out rules 6 to 8 of FORMAT.md §6 for a package with commands: what the members of the slots
// show of the work environment. trees are those of VerifySlot, by position.
func (p *Package) JudgeComposition(trees []*Tree, fold Fold) error {
	if p.flavor == nil {
		return nil
	}
	return p.flavor.JudgeComposition(trees, fold)
}

// JudgeComposition is that of a package, before there is one.
func (f *Flavor) JudgeComposition(trees []*Tree, fold Fold) error {
	if f.IsPlain() {
		return nil
	}
	e := environment{kinds: map[string]MemberKind{}}
	for _, u := range f.Compose.Unpack {
		e.unpack(u.Into, trees[u.Slot])
	}
	for i := range f.Compose.Links {
		link := &f.Compose.Links[i]
		e.put(link.Path, LinkMember)
		e.linkTarget(link, trees[link.Slot])
	}
	for _, file := range f.Compose.Files {
		e.put(file.Path, RegularFile)
	}
	if e.message != "" {
		return code.New(code.PspfMetadataModel, "the work environment cannot be composed: "+e.message)
	}
	return JudgeNames(e.paths, f.Target.OS, fold)
}

// environment is what stands at each path of a work environment.
type environment struct {
	kinds   map[string]MemberKind
	paths   []string
	message string
}

func (e *environment) fail(message string) {
	if e.message == "" {
		e.message = message
	}
}

// put lets a path be one thing. Folders may be named by several.
func (e *environment) put(path string, kind MemberKind) {
	if path == "" {
		return
	}
	e.put(parent(path), FolderMember)
	taken, there := e.kinds[path]
	switch {
	case !there:
		e.kinds[path] = kind
		e.paths = append(e.paths, path)
	case taken != FolderMember || kind != FolderMember:
		e.fail("the path `" + shown(path) + "` is taken by something else, or something lies below it")
	}
}

func (e *environment) unpack(into string, tree *Tree) {
	e.put(into, FolderMember)
	for _, member := range tree.Paths() {
		path := member
		if into != "" {
			path = into + "/" + member
		}
		if len(path) > layout.MaxPath || strings.Count(path, "/") >= layout.MaxComponents {
			e.fail("the path `" + shown(path) + "` has more than 1024 bytes or 64 components")
			continue
		}
		kind, _ := tree.Kind(member)
		e.put(path, kind)
	}
}

func (e *environment) linkTarget(link *Link, tree *Tree) {
	if link.To == "" {
		return
	}
	kind, there := tree.Kind(link.To)
	switch {
	case !there:
		e.fail("the link `" + shown(link.Path) + "` leads to `" + shown(link.To) + "`, which is no member of slot " + decimal(link.Slot))
	case link.Copy && kind != RegularFile:
		e.fail("`" + shown(link.Path) + "` copies `" + shown(link.To) + "`, which is no file")
	}
}
