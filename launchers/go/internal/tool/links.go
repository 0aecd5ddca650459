package tool

import (
	"os"
	"strconv"
	"strings"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/launch"
	"flavorpack-native/launchers/go/internal/layout"
	"flavorpack-native/launchers/go/internal/store/folder"
	"flavorpack-native/launchers/go/internal/store/place"
)

// link is one link that install-links makes, leaves or replaces.
type link struct {
	command, path, state string
}

// The states of LAUNCH.md 8.3.
const (
	linked    = "linked"
	unchanged = "unchanged"
	replaced  = "replaced"
)

// installLinks makes a symbolic link to the package for each command (LAUNCH.md 8.6).
func installLinks(s *session) error {
	if err := s.openOurs(); err != nil {
		return err
	}
	dir := s.rest[0]
	in, err := folder.OpenPath(dir)
	if err != nil {
		return code.Wrap(code.StoreIO, "cannot open the folder `"+dir+"`", err)
	}
	defer in.Close()
	links, leftOut, err := s.planLinks(in, dir)
	if err != nil {
		return err
	}
	for n := range links {
		if err := s.makeLink(in, &links[n]); err != nil {
			return err
		}
	}
	if s.json() {
		listed := make([]*object, len(links))
		for n, made := range links {
			listed[n] = part().string("command", made.command).string("path", made.path).string("state", made.state)
		}
		return s.print(record("install-links").objects("links", listed).strings("left_out", leftOut))
	}
	for _, made := range links {
		if err := s.say(made.state + ": " + made.path); err != nil {
			return err
		}
	}
	for _, name := range leftOut {
		if err := s.say("left out: " + name); err != nil {
			return err
		}
	}
	return nil
}

// planLinks decides about every link before one is made.
func (s *session) planLinks(in *folder.Dir, dir string) (links []link, leftOut []string, err error) {
	names, byDefault := s.commandNames()
	own := launch.BaseName(s.start.Path)
	for _, name := range names {
		if !fileName(name) || name == own && name != byDefault {
			leftOut = append(leftOut, name)
			continue
		}
		planned := link{command: name, path: strings.TrimRight(dir, "/") + "/" + name}
		stat, err := in.Stat(name)
		switch {
		case place.Missing(err):
			planned.state = linked
		case err != nil:
			return nil, nil, code.Wrap(code.StoreIO, "cannot look at `"+planned.path+"`", err)
		case stat.Device == s.start.Stat.Device && stat.Inode == s.start.Stat.Inode:
			// The package itself stands there, which starts its default command.
			leftOut = append(leftOut, name)
			continue
		default:
			if planned.state, err = s.standing(in, &planned, &stat); err != nil {
				return nil, nil, err
			}
		}
		links = append(links, planned)
	}
	return links, leftOut, nil
}

// standing decides about a link in whose place something stands.
func (s *session) standing(in *folder.Dir, planned *link, stat *folder.Stat) (state string, err error) {
	if stat.Kind == folder.Link {
		if target, err := in.ReadLink(planned.command); err == nil && target == s.start.Path {
			return unchanged, nil
		}
		if replaceable(planned.path) {
			if s.switches["--force"] {
				return replaced, nil
			}
			return "", &code.Error{Code: code.StoreOutput, Message: "there is another link at `" + planned.path + "`",
				Hint: "`--force` replaces links that lead nowhere or to a package"}
		}
	}
	return "", &code.Error{Code: code.StoreOutput, Message: "there is something else at `" + planned.path + "`, which is never replaced",
		Hint: "remove it, or name another folder"}
}

// replaceable says whether a link leads nowhere or to a file that ends like a package.
func replaceable(path string) bool {
	about, err := os.Stat(path)
	if err != nil {
		return os.IsNotExist(err)
	}
	if !about.Mode().IsRegular() || about.Size() < layout.TrailerSize {
		return false
	}
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = file.Close() }()
	mark := make([]byte, layout.MarkerSize)
	_, err = file.ReadAt(mark, about.Size()-layout.TrailerSize)
	return err == nil && string(mark) == layout.StartMarker
}

func (s *session) makeLink(in *folder.Dir, planned *link) error {
	var err error
	switch planned.state {
	case linked:
		err = in.Symlink(s.start.Path, planned.command)
	case replaced:
		staged := ".flavor-link-" + strconv.Itoa(os.Getpid())
		if err = in.Symlink(s.start.Path, staged); err == nil {
			if err = in.Rename(staged, in, planned.command); err != nil {
				_ = in.Unlink(staged)
			}
		}
	}
	if err != nil {
		return code.Wrap(code.StoreIO, "cannot make the link `"+planned.path+"`", err)
	}
	return nil
}

// fileName says whether a command's name can be that of a file.
func fileName(name string) bool {
	return name != "" && name != "." && name != ".." && len(name) <= 255 && !strings.ContainsAny(name, "/\x00")
}

// ownLinks are the links of [installLinks] in a folder: those with a command's name and the package path as their text.
func (s *session) ownLinks(in *folder.Dir) []string {
	if s.isForeign() {
		return nil
	}
	var found []string
	names, _ := s.commandNames()
	for _, name := range names {
		if !fileName(name) {
			continue
		}
		if target, err := in.ReadLink(name); err == nil && target == s.start.Path {
			found = append(found, name)
		}
	}
	return found
}
