package store

import (
	"strings"

	"flavorpack-native/launchers/go/internal/pspf"
	"flavorpack-native/launchers/go/internal/store/folder"
	"flavorpack-native/launchers/go/internal/store/tree"
)

// compare compares the environment with its composition (8.1): what the composition does not name may be there, as
// programs write into their environment. It gives the path that differs, or "".
func (c *composer) compare() (string, error) {
	if err := c.prepare(); err != nil {
		return "", err
	}
	dir, err := c.w.Root.Envs.Open(c.workenv[strings.LastIndexByte(c.workenv, '/')+1:])
	if err != nil {
		return ".", nil
	}
	defer dir.Close()
	for _, entry := range c.unpacked() {
		made, err := rules(&c.w.Package.Slots()[entry.Slot])
		if err != nil {
			return "", err
		}
		differs := "."
		reached := tree.Reach(dir, entry.Into, func(below *folder.Dir) error {
			differs, err = c.w.compareBelow(entry.Slot, below, made, false)
			return err
		})
		if err != nil {
			return "", err
		}
		if reached != nil || differs != "" {
			return strings.TrimSuffix(entry.Into+"/"+differs, "/."), nil
		}
	}
	for _, link := range c.links() {
		if !c.sameLink(dir, link) {
			return link.Path, nil
		}
	}
	files := c.w.Package.Flavor().Compose.Files
	for at := range files {
		content, err := c.content(&files[at])
		if err != nil {
			return "", err
		}
		if !tree.SameFile(dir, files[at].Path, []byte(content), files[at].Mode) {
			return files[at].Path, nil
		}
	}
	return "", nil
}

func (c *composer) sameLink(dir *folder.Dir, link *pspf.Link) bool {
	if !link.Copy {
		return tree.SameLink(dir, link.Path, c.target(link))
	}
	same := false
	err := c.inSlot(link.Slot, func(root *folder.Dir) error {
		same = tree.SameCopy(root, link.To, dir, link.Path, copyMode)
		return nil
	})
	return err == nil && same
}
