package receipt

import (
	"strconv"
	"strings"

	"flavorpack-native/launchers/go/internal/store/folder"
	"flavorpack-native/launchers/go/internal/store/record"
)

// OutOfReach tells whether nobody but root could change the package or put another file in its place, this process
// included (9.8). It is never so for what the user owns, which is asked first, as it is what most starts are about.
func (p *Package) OutOfReach() bool {
	if !isRoots(&p.Stat) || p.Stat.Kind != folder.Regular || !strings.HasPrefix(p.Path, "/") {
		return false
	}
	end := strings.LastIndexByte(p.Path, '/')
	if !folder.DeniesWrite(p.Path) || !folder.DeniesWrite(p.Path[:max(end, 1)]) {
		return false
	}
	dir, err := folder.Root()
	if err != nil {
		return false
	}
	defer func() { dir.Close() }()
	for name := range strings.SplitSeq(p.Path[1:max(end, 1)], "/") {
		if stat, err := dir.Self(); err != nil || !isRoots(&stat) {
			return false
		}
		if name == "" && end == 0 {
			break
		}
		if name == "" || name == "." || name == ".." {
			return false
		}
		next, err := dir.Pass(name)
		if err != nil {
			return false
		}
		dir.Close()
		dir = next
	}
	stat, err := dir.Self()
	if err != nil || !isRoots(&stat) {
		return false
	}
	stat, err = dir.Stat(p.Path[end+1:])
	return err == nil && stat.Kind == folder.Regular && isRoots(&stat) &&
		stat.Device == p.Stat.Device && stat.Inode == p.Stat.Inode
}

// isRoots tells whether only root may write. That a folder is sticky does not help: its names can be replaced by
// whoever owns what they stand for.
func isRoots(stat *folder.Stat) bool { return stat.Owner == 0 && !stat.WritableByOthers() }

// Name is the file of the receipt of this copy (2, 9.8).
func (p *Package) Name(byPath bool) string {
	name := prefix(make([]byte, 0, 64), p.Trailer)
	if byPath {
		name = append(name, "path-"...)
		sum := record.Checksum([]byte(p.Path))
		for shift := 60; shift >= 0; shift -= 4 {
			name = append(name, digits[sum>>shift&15])
		}
		return string(name)
	}
	name = strconv.AppendUint(name, p.Stat.Device, 10)
	name = append(name, '-')
	return string(strconv.AppendUint(name, p.Stat.Inode, 10))
}
