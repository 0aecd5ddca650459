package builder

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/names"
	"flavorpack-native/launchers/go/internal/pspf"
)

// member is one member of a tree that is archived.
type member struct {
	pspf.Member
	// open gives the bytes of a regular file.
	open func() (io.ReadCloser, error)
}

func refuseMember(message string) error { return code.New(code.FlavorMember, message) }

func readFailure(path string, err error) error {
	return code.Wrap(code.FlavorIO, "cannot read "+path, err)
}

// folderMembers lists a folder, sorted by the bytes of the paths. Links are kept, hard links are files.
func folderMembers(root string) ([]member, error) {
	var all []member
	var walk func(folder string) error
	walk = func(folder string) error {
		entries, err := os.ReadDir(filepath.Join(root, filepath.FromSlash(folder)))
		if err != nil {
			return readFailure(filepath.Join(root, folder), err)
		}
		for _, entry := range entries {
			path := entry.Name()
			if folder != "" {
				path = folder + "/" + path
			}
			m, err := fileMember(root, path)
			if err != nil {
				return err
			}
			all = append(all, *m)
			if m.Kind == pspf.FolderMember {
				if err := walk(path); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err := walk(""); err != nil {
		return nil, err
	}
	sortMembers(all)
	return all, nil
}

func sortMembers(all []member) {
	slices.SortFunc(all, func(a, b member) int { return strings.Compare(a.Path, b.Path) })
}

func fileMember(root, path string) (*member, error) {
	place := filepath.Join(root, filepath.FromSlash(path))
	info, err := os.Lstat(place)
	if err != nil {
		return nil, readFailure(place, err)
	}
	m := &member{Member: pspf.Member{Path: path}}
	if reason := pspf.CheckPath(path); reason != "" || !utf8.ValidString(path) {
		return nil, refuseMember(place + " cannot be packed: its name is not allowed: " + reason)
	}
	switch mode := info.Mode(); {
	case mode.IsDir():
		m.Kind = pspf.FolderMember
	case mode.IsRegular():
		m.Kind = pspf.RegularFile
		m.Size = info.Size()
		m.Executable = mode&0o100 != 0
		m.open = func() (io.ReadCloser, error) { return os.Open(place) }
	case mode&fs.ModeSymlink != 0:
		m.Kind = pspf.LinkMember
		target, err := os.Readlink(place)
		if err != nil {
			return nil, readFailure(place, err)
		}
		m.Target = filepath.ToSlash(target)
		if reason := pspf.CheckLinkTarget(m.Target); reason != "" {
			return nil, refuseMember(place + " cannot be packed: its target is not allowed: " + reason)
		}
	default:
		return nil, refuseMember(place + " cannot be packed: it is neither a file, a folder nor a link")
	}
	return m, nil
}

// treeOf judges the finished list as a reader will (S14, FORMAT.md §10), in the words of what is packed.
func treeOf(all []member, implied bool, os, source string) (*pspf.Tree, error) {
	tree := pspf.NewTree()
	for i := range all {
		tree.Add(&all[i].Member)
	}
	if implied {
		tree.AddImplied()
	}
	err := tree.Judge()
	if err == nil {
		err = pspf.JudgeNames(tree.Paths(), os, names.Fold)
	}
	if err != nil {
		return nil, refuseMember(source + ": " + err.Error())
	}
	return tree, nil
}

// withFolders adds the folders that paths need and no member is, and sorts.
func withFolders(all []member) []member {
	there := make(map[string]bool, len(all))
	for i := range all {
		there[all[i].Path] = true
	}
	for i := range all[:len(all):len(all)] {
		for path := all[i].Path; strings.Contains(path, "/"); {
			path = path[:strings.LastIndexByte(path, '/')]
			if there[path] {
				break
			}
			there[path] = true
			all = append(all, member{Member: pspf.Member{Kind: pspf.FolderMember, Path: path}})
		}
	}
	sortMembers(all)
	return all
}
