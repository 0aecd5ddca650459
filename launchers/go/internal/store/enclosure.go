package store

import (
	"strconv"
	"strings"
	"syscall"

	"flavorpack-native/launchers/go/internal/store/folder"
)

// Enclosure is a private environment in which paths that the package names are resolved: component by component below
// its descriptor and never through a link (8.11, S21). What leaves it or passes through a link is ERR_STORE_COMPOSITION.
type Enclosure struct {
	dir  *folder.Dir
	path string
}

// Path is the environment's own path. An absolute path counts as one inside if it begins with it.
func (e *Enclosure) Path() string { return e.path }

// Parent walks to the folder in which the last component of a path lies; the caller closes it. The component is "" for
// the environment itself. With make, missing folders are made (0755); without, the error says that there is no such file.
func (e *Enclosure) Parent(path string, make bool) (*folder.Dir, string, error) {
	inside, err := Inside(path, e.path)
	if err != nil {
		return nil, "", err
	}
	dir, err := e.dir.Again()
	if err != nil {
		return nil, "", err
	}
	if inside == "" {
		return dir, "", nil
	}
	parts := strings.Split(inside, "/")
	for _, part := range parts[:len(parts)-1] {
		next, err := step(dir, part, make)
		if err != nil {
			err = passes(dir, part, path, err)
			dir.Close()
			return nil, "", err
		}
		dir.Close()
		dir = next
	}
	return dir, parts[len(parts)-1], nil
}

func step(dir *folder.Dir, part string, make bool) (*folder.Dir, error) {
	next, err := dir.Open(part)
	if err == syscall.ENOENT && make {
		if err := dir.Make(part, 0o755); err != nil && err != syscall.EEXIST {
			return nil, err
		}
		return dir.Open(part)
	}
	return next, err
}

// passes tells a link on the way from something else that is no folder.
func passes(dir *folder.Dir, part, path string, err error) error {
	if err == syscall.ENOTDIR || err == syscall.ELOOP {
		if stat, failed := dir.Stat(part); failed == nil && stat.Kind == folder.Link {
			return composition("the path " + strconv.Quote(path) + " passes through a link")
		}
	}
	return err
}

// Inside gives a path that a package names below its private environment, without empty and `.` components; "" is the
// environment itself. What leaves the environment or breaks a rule for names of members is ERR_STORE_COMPOSITION: that
// shows in the path alone, whatever stands there (8.11).
func Inside(path, environment string) (string, error) {
	inside := path
	if strings.HasPrefix(path, "/") {
		rest, ok := strings.CutPrefix(path, environment)
		if !ok || (rest != "" && rest[0] != '/') {
			return "", composition("the path " + strconv.Quote(path) + " leads out of it")
		}
		inside = rest
	}
	parts := make([]string, 0, 4)
	for part := range strings.SplitSeq(inside, "/") {
		switch part {
		case "", ".":
		case "..":
			return "", composition("the path " + strconv.Quote(path) + " has a component `..`")
		default:
			parts = append(parts, part)
		}
	}
	inside = strings.Join(parts, "/")
	if reason := breaksLimits(inside); reason != "" {
		return "", composition("the path " + strconv.Quote(path) + " cannot be used: " + reason)
	}
	return inside, nil
}

// Stat tells what stands at a path, a link itself included.
func (e *Enclosure) Stat(path string) (folder.Stat, error) {
	in, name, err := e.Parent(path, false)
	if err != nil {
		return folder.Stat{}, err
	}
	defer in.Close()
	if name == "" {
		return in.Self()
	}
	return in.Stat(name)
}

// Text reads a regular file of at most limit bytes. The error says that there is no such file where something else stands
// there.
func (e *Enclosure) Text(path string, limit int) (string, error) {
	in, name, err := e.Parent(path, false)
	if err != nil {
		return "", err
	}
	defer in.Close()
	if name == "" {
		return "", syscall.ENOENT
	}
	file, err := in.Read(name)
	if err != nil {
		return "", passes(in, name, path, err)
	}
	defer func() { _ = file.Close() }()
	stat, err := file.Stat()
	if err != nil {
		return "", err
	}
	if stat.Kind != folder.Regular {
		return "", syscall.ENOENT
	}
	if stat.Size > uint64(limit) {
		return "", syscall.EFBIG
	}
	text := make([]byte, stat.Size)
	length := 0
	for length < len(text) {
		n, err := file.Read(text[length:])
		if err != nil {
			return "", err
		}
		if n == 0 {
			break
		}
		length += n
	}
	return string(text[:length]), nil
}

// MakeFolder makes a folder with its parents (0755) and gives it a mode, of which the owner has all three rights (8.10).
func (e *Enclosure) MakeFolder(path string, mode uint32) error {
	in, name, err := e.Parent(path, true)
	if err != nil {
		return stands(path, err)
	}
	defer in.Close()
	if name == "" {
		return stands(path, in.Chmod(mode|0o700))
	}
	dir, err := step(in, name, true)
	if err != nil {
		return stands(path, passes(in, name, path, err))
	}
	defer dir.Close()
	return stands(path, dir.Chmod(mode|0o700))
}
