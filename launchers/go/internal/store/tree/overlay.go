package tree

import (
	"sort"
	"sync"
	"syscall"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/pspf"
	"flavorpack-native/launchers/go/internal/store/folder"
)

// Overlay keeps what several slots of a private environment put into one folder (8.9): a file may replace a file of an
// earlier slot, a folder may be named by several, and nothing else may meet.
type Overlay struct {
	mutex sync.Mutex
	taken map[string]*named
}

// named is a path, what stands there, the last slot that named it, and whether it is another's too.
type named struct {
	kind pspf.MemberKind
	slot int
	also bool
}

// NewOverlay returns an overlay of an empty folder.
func NewOverlay() *Overlay { return &Overlay{taken: map[string]*named{}} }

// Marker is the file that only a private environment has (8.10).
const Marker = ".flavor-private"

// admit judges a member before it is written, and tells whether a file of an earlier slot is to make way. What meets
// inside one slot is left to the judgement of its list (5.5).
func (o *Overlay) admit(path string, kind pspf.MemberKind, rules *Rules) (replace bool, err error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if path == Marker {
		return false, meets(path, "has the name of the marker of private environments")
	}
	for parent, _ := split(path); parent != ""; parent, _ = split(parent) {
		above := o.taken[parent]
		if above == nil {
			o.taken[parent] = &named{kind: pspf.FolderMember, slot: rules.Slot}
		} else if above.kind == pspf.FolderMember {
			above.also = above.also || above.slot != rules.Slot
		} else if above.slot != rules.Slot {
			return false, meets(path, "lies below what is no folder of an earlier slot")
		}
	}
	there := o.taken[path]
	switch {
	case there == nil:
		o.taken[path] = &named{kind: kind, slot: rules.Slot}
	case there.slot == rules.Slot:
		// A folder that was implied and is named now is the same folder; all else is a path that occurs twice.
	case kind == pspf.FolderMember && there.kind == pspf.FolderMember:
		there.also = true
	case kind == pspf.RegularFile && there.kind == pspf.RegularFile:
		there.slot, there.also, replace = rules.Slot, true, true
	default:
		return false, meets(path, "meets what an earlier slot put there")
	}
	return replace, nil
}

// Paths are all paths, folders that are only implied among them.
func (o *Overlay) Paths() []string {
	paths := make([]string, 0, len(o.taken))
	for path := range o.taken {
		paths = append(paths, path)
	}
	sort.Strings(paths)
	return paths
}

func meets(path, reason string) error {
	return code.New(code.StoreComposition, "the member "+quoted(path)+" "+reason)
}

// Claim notes a folder of the metadata's `workenv.directories` (8.13).
func (o *Overlay) Claim(path string) {
	for ; path != ""; path, _ = split(path) {
		if there := o.taken[path]; there != nil {
			there.also = true
		}
	}
}

// RemoveSlots removes what unpacking created from some slots and nobody else named: files and links, then folders that
// are empty. What is gone or has become something else is left alone; a way that passes through a link by now is
// ERR_STORE_COMPOSITION (8.13).
func (o *Overlay) RemoveSlots(root *folder.Dir, slots map[int]bool) error {
	var paths []string
	for path, there := range o.taken {
		if slots[there.slot] && !there.also {
			paths = append(paths, path)
		}
	}
	// What lies in a folder comes before it.
	sort.Sort(sort.Reverse(sort.StringSlice(paths)))
	ways := ways{levels: []level{{dir: root}}}
	defer ways.close()
	for _, pass := range []bool{false, true} {
		for _, path := range paths {
			if isFolder := o.taken[path].kind == pspf.FolderMember; isFolder != pass {
				continue
			}
			if err := o.remove(&ways, path); err != nil {
				return err
			}
		}
	}
	return nil
}

func (o *Overlay) remove(ways *ways, path string) error {
	parent, name := split(path)
	dir, err := ways.enter(parent)
	switch err {
	case nil:
	case syscall.ENOENT:
		return nil
	case syscall.ENOTDIR, syscall.ELOOP:
		if ways.passesLink(parent) {
			return code.New(code.StoreComposition, "the way to "+quoted(path)+" passes through a link by now")
		}
		return nil
	default:
		return (&Rules{}).failed(path, err)
	}
	stat, err := dir.Stat(name)
	if err != nil {
		return nil
	}
	want := map[pspf.MemberKind]folder.Kind{pspf.RegularFile: folder.Regular, pspf.LinkMember: folder.Link, pspf.FolderMember: folder.Directory}
	if kind := o.taken[path].kind; stat.Kind != want[kind] {
		return nil
	} else if kind == pspf.FolderMember {
		err = dir.RemoveEmpty(name)
	} else {
		err = dir.Unlink(name)
	}
	if err == syscall.ENOTEMPTY || err == syscall.EEXIST || err == syscall.ENOENT {
		return nil
	}
	if err != nil {
		return (&Rules{}).failed(path, err)
	}
	return nil
}

// passesLink tells whether the first component of a path that is no folder is a link.
func (w *ways) passesLink(path string) bool {
	for end := 0; end <= len(path); end++ {
		if end < len(path) && path[end] != '/' {
			continue
		}
		parent, name := split(path[:end])
		dir, err := w.enter(parent)
		if err != nil {
			return false
		}
		if stat, err := dir.Stat(name); err == nil && stat.Kind == folder.Link {
			return true
		}
	}
	return false
}
