package removal

import (
	"strings"
	"syscall"

	"flavorpack-native/launchers/go/internal/store/folder"
)

// removeLocks unlinks the locks of publishing whose slot or environment is not there (14.9). Whoever opens one holds
// `collect`, which is this collector's alone now; the locks of use stay, because warm starts open them without it.
func (r *removal) removeLocks() {
	found, err := r.root.Locks.Names()
	if err != nil {
		return
	}
	for _, name := range found {
		subject, isSlot := strings.CutPrefix(name, "slot-")
		parent := r.root.Slots
		if !isSlot {
			var isEnvironment bool
			if subject, isEnvironment = strings.CutPrefix(name, "env-"); !isEnvironment {
				continue
			}
			parent = r.root.Envs
		}
		if missing(parent, subject) {
			_ = r.root.Locks.Unlink(name)
		}
	}
}

func missing(in *folder.Dir, name string) bool {
	_, err := in.Stat(name)
	return err == syscall.ENOENT
}
