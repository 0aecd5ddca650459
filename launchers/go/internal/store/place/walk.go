package place

import (
	"strconv"
	"strings"
	"syscall"

	"flavorpack-native/launchers/go/internal/store/folder"
)

// maxLinks is how many links one walk follows (3.2).
const maxLinks = 40

// Refusal is why a path cannot be used. It is text for people; no code depends on it.
type Refusal string

func (r Refusal) Error() string { return string(r) }

// Missing tells whether an error says that there is no such file.
func Missing(err error) bool { return err == syscall.ENOENT || err == syscall.ENOTDIR }

// Way says how a walk goes.
type Way struct {
	// Owner says who may own folders and links on the way.
	Owner func(user uint32) bool
	// Create makes the folders that are missing on the way, with mode 0700; not what the last name stands for.
	Create bool
}

// OwnerOrRoot is the rule of 3.2: the effective user and root.
func OwnerOrRoot() func(uint32) bool {
	user := folder.EffectiveUser()
	return func(owner uint32) bool { return owner == user || owner == 0 }
}

// End is where a walk came to: a name in a folder. What stands under the name is no link, or nothing.
type End struct {
	Dir  *folder.Dir
	Name string
	// Path is that of Dir and Name without any link.
	Path string
}

// Close ends the use of the folder.
func (e *End) Close() { e.Dir.Close() }

// Walk goes to an absolute path by descriptors from `/`, one component at a time (3.2). A link on the way, the last
// component included, is read and walked in its place. Every folder that the walk goes through is one that nobody but
// its owner may write, or sticky; that which stands under the last name is not judged.
func (w Way) Walk(path string) (*End, error) {
	dir, err := folder.Root()
	if err != nil {
		return nil, err
	}
	at := walker{way: w, dir: dir, rest: components(nil, path)}
	if err := at.judge(); err != nil {
		dir.Close()
		return nil, err
	}
	for len(at.rest) > 0 {
		name := at.rest[0]
		if len(at.rest) == 1 && name != ".." {
			link, err := at.follow(name)
			if err != nil && !Missing(err) {
				at.dir.Close()
				return nil, err
			}
			if !link {
				return &End{Dir: at.dir, Name: name, Path: at.path() + "/" + name}, nil
			}
			continue
		}
		if err := at.step(name); err != nil {
			at.dir.Close()
			return nil, err
		}
	}
	return &End{Dir: at.dir, Name: ".", Path: max(at.path(), "/")}, nil
}

type walker struct {
	way   Way
	dir   *folder.Dir
	names []string // components of the folder that the walk is in
	rest  []string // components that are still to be walked
	links int
}

// components puts those of path in front of rest. Empty ones and `.` lead nowhere.
func components(rest []string, path string) []string {
	all := make([]string, 0, 8+len(rest))
	for part := range strings.SplitSeq(path, "/") {
		if part != "" && part != "." {
			all = append(all, part)
		}
	}
	return append(all, rest...)
}

func (w *walker) path() string {
	if len(w.names) == 0 {
		return ""
	}
	return "/" + strings.Join(w.names, "/")
}

// step goes into a folder, or reads the link that stands there instead.
func (w *walker) step(name string) error {
	next, err := w.dir.Pass(name)
	if err == syscall.ENOENT && w.way.Create {
		if err := w.dir.Make(name, 0o700); err != nil && err != syscall.EEXIST {
			return w.named(name, err)
		}
		next, err = w.dir.Pass(name)
	}
	if err == syscall.ENOTDIR || err == syscall.ELOOP {
		link, failed := w.follow(name)
		if failed != nil {
			return failed
		}
		if !link {
			return Refusal("`" + w.path() + "/" + name + "` is no folder")
		}
		return nil
	}
	if err != nil {
		return w.named(name, err)
	}
	w.dir.Close()
	w.dir, w.rest = next, w.rest[1:]
	if name != ".." {
		w.names = append(w.names, name)
	} else if len(w.names) > 0 {
		w.names = w.names[:len(w.names)-1]
	}
	return w.judge()
}

// follow puts the components of a link in its place. It tells whether there is a link.
func (w *walker) follow(name string) (bool, error) {
	stat, err := w.dir.Stat(name)
	if err != nil {
		return false, err
	}
	if stat.Kind != folder.Link {
		return false, nil
	}
	path := w.path() + "/" + name
	if w.links++; w.links > maxLinks {
		return false, Refusal("there are more than " + strconv.Itoa(maxLinks) + " links on the way to `" + path + "`")
	}
	if !w.way.Owner(stat.Owner) {
		return false, Refusal("the link `" + path + "` belongs to user " + strconv.Itoa(int(stat.Owner)))
	}
	target, err := w.dir.ReadLink(name)
	if err != nil {
		return false, w.named(name, err)
	}
	w.rest = components(w.rest[1:], target)
	if strings.HasPrefix(target, "/") {
		root, err := folder.Root()
		if err != nil {
			return false, err
		}
		w.dir.Close()
		w.dir, w.names = root, nil
	}
	return true, nil
}

// judge looks at the folder that the walk has come to (3.2).
func (w *walker) judge() error {
	stat, err := w.dir.Self()
	if err != nil {
		return w.named(".", err)
	}
	if !w.way.Owner(stat.Owner) {
		return Refusal("`" + max(w.path(), "/") + "` belongs to user " + strconv.Itoa(int(stat.Owner)))
	}
	if stat.WritableByOthers() && !stat.Sticky() {
		return Refusal("`" + max(w.path(), "/") + "` may be written by others")
	}
	return nil
}

// named says which component a call of the system failed on, except that nothing is there, which callers ask about.
func (w *walker) named(name string, err error) error {
	if Missing(err) {
		return err
	}
	return Refusal("`" + w.path() + "/" + name + "`: " + err.Error())
}
