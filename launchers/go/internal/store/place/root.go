package place

import (
	"strconv"
	"syscall"

	"flavorpack-native/launchers/go/internal/store/folder"
)

// Root is a store that passed the checks of STORE.md 3. Everything in it is reached from these descriptors (3.3).
type Root struct {
	// Path is that of the store without any link (1.5). Paths in work environments and receipts begin with it.
	Path string

	Dir, V1                           *folder.Dir
	Slots, Envs, Receipts, Locks, Tmp *folder.Dir
}

// children are the folders of `v1` (2).
func (r *Root) children() [5]struct {
	name string
	dir  **folder.Dir
} {
	return [5]struct {
		name string
		dir  **folder.Dir
	}{{"slots", &r.Slots}, {"envs", &r.Envs}, {"receipts", &r.Receipts}, {"locks", &r.Locks}, {"tmp", &r.Tmp}}
}

// Open opens a store that is there, and creates nothing (1.3). A store of which a folder is missing is none.
func Open(path string) (*Root, error) { return open(path, false) }

// Create opens a store and makes what is missing of it (1.4): folders with mode 0700, and CACHEDIR.TAG.
func Create(path string) (*Root, error) { return open(path, true) }

func open(path string, create bool) (*Root, error) {
	end, err := Way{Owner: OwnerOrRoot(), Create: create}.Walk(path)
	if err != nil {
		return nil, err
	}
	defer end.Close()
	root := &Root{Path: end.Path}
	if root.Dir, err = own(end.Dir, end.Name, end.Path, create); err != nil {
		return nil, err
	}
	if root.V1, err = own(root.Dir, "v1", root.Path+"/v1", create); err != nil {
		root.Close()
		return nil, err
	}
	for _, child := range root.children() {
		if *child.dir, err = own(root.V1, child.name, root.Path+"/v1/"+child.name, create); err != nil {
			root.Close()
			return nil, err
		}
	}
	if create {
		if err := root.tag(); err != nil {
			root.Close()
			return nil, err
		}
	}
	return root, nil
}

// own opens a folder that MUST be the effective user's alone (3.1).
func own(in *folder.Dir, name, path string, create bool) (*folder.Dir, error) {
	dir, err := in.Open(name)
	if err == syscall.ENOENT && create {
		if err := in.Make(name, 0o700); err != nil && err != syscall.EEXIST {
			return nil, Refusal("`" + path + "`: " + err.Error())
		}
		dir, err = in.Open(name)
	}
	if err == syscall.ENOTDIR || err == syscall.ELOOP {
		return nil, Refusal("`" + path + "` is no folder")
	}
	if err != nil {
		return nil, Refusal("`" + path + "`: " + err.Error())
	}
	stat, err := dir.Self()
	switch {
	case err != nil:
		err = Refusal("`" + path + "`: " + err.Error())
	case stat.Owner != folder.EffectiveUser():
		err = Refusal("`" + path + "` belongs to user " + strconv.Itoa(int(stat.Owner)))
	case stat.WritableByOthers():
		err = Refusal("`" + path + "` may be written by others")
	default:
		return dir, nil
	}
	dir.Close()
	return nil, err
}

// tag says to programs that back up files that this is a cache (https://bford.info/cachedir/).
func (r *Root) tag() error {
	file, err := r.Dir.Create("CACHEDIR.TAG", 0o644)
	if err == syscall.EEXIST {
		return nil
	}
	if err == nil {
		_, err = file.Write([]byte("Signature: 8a477f597d28d172789f06886806bc55\n" +
			"# Packages of flavor are unpacked here. Everything in it can be made again.\n"))
		_ = file.Close()
	}
	if err != nil {
		return Refusal("`" + r.Path + "/CACHEDIR.TAG`: " + err.Error())
	}
	return nil
}

// Close ends the use of the store.
func (r *Root) Close() {
	for _, child := range r.children() {
		(*child.dir).Close()
	}
	r.V1.Close()
	r.Dir.Close()
}

// SlotPath is where a shared slot lies, by its key in hexadecimal digits.
func (r *Root) SlotPath(key string) string { return r.Path + "/v1/slots/" + key }

// EnvironmentPath is where a work environment lies, by its name.
func (r *Root) EnvironmentPath(name string) string { return r.Path + "/v1/envs/" + name }
