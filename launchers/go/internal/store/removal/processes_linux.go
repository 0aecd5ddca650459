package removal

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"flavorpack-native/launchers/go/internal/store/place"
	"flavorpack-native/launchers/go/internal/store/record"
)

// processes looks for running programs (13.7): those whose executable, working folder, a mapped file or an argument
// lies below an environment or a slot, as far as /proc can be read. Programs may close descriptors that they do not
// know, so the lock alone does not tell.
func processes(root *place.Root, abouts map[string]record.About) *inUse {
	seen := newInUse(root, abouts)
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return seen
	}
	for _, entry := range entries {
		if number, err := strconv.Atoi(entry.Name()); err == nil && number != os.Getpid() {
			process := "/proc/" + entry.Name()
			seen.process(pathsOf(process), func() []string { return descriptors(process) })
		}
	}
	return seen
}

// pathsOf are all paths that a process is seen to use.
func pathsOf(process string) []string {
	var paths []string
	for _, link := range []string{"/exe", "/cwd"} {
		if path, err := os.Readlink(process + link); err == nil {
			paths = append(paths, path)
		}
	}
	if text, err := os.ReadFile(process + "/cmdline"); err == nil {
		paths = append(paths, strings.Split(string(text), "\x00")...)
	}
	if text, err := os.ReadFile(process + "/maps"); err == nil {
		for line := range strings.SplitSeq(string(text), "\n") {
			if slash := strings.IndexByte(line, '/'); slash >= 0 {
				paths = append(paths, line[slash:])
			}
		}
	}
	return paths
}

// descriptors are the paths of the files that a process has open.
func descriptors(process string) []string {
	entries, err := os.ReadDir(process + "/fd")
	if err != nil {
		return nil
	}
	var paths []string
	for _, entry := range entries {
		if path, err := os.Readlink(process + "/fd/" + entry.Name()); err == nil {
			paths = append(paths, path)
		}
	}
	return paths
}

// process notes what one process uses. If it uses a slot and no environment is seen, the use locks among its
// descriptors say which environment that is for; without one, every environment that refers to the slot counts.
func (u *inUse) process(paths []string, descriptors func() []string) {
	var slots []string
	environments := 0
	for _, path := range paths {
		if name, ok := firstBelow(path, u.envs); ok {
			u.environments[name] = true
			environments++
		}
		if name, ok := firstBelow(path, u.slotFolder); ok && !slices.Contains(slots, name) {
			slots = append(slots, name)
			u.slots[name] = true
		}
	}
	if environments > 0 || len(slots) == 0 {
		return
	}
	for _, path := range descriptors() {
		if name, ok := strings.CutPrefix(path, u.locks); ok {
			u.environments[name] = true
			environments++
		}
	}
	if environments > 0 {
		return
	}
	for _, slot := range slots {
		for _, name := range u.users[slot] {
			u.environments[name] = true
		}
	}
}

// firstBelow is the first component of a path below a folder.
func firstBelow(path, in string) (string, bool) {
	rest, below := strings.CutPrefix(path, in)
	if !below || rest == "" {
		return "", false
	}
	name, _, _ := strings.Cut(rest, "/")
	return name, name != ""
}
