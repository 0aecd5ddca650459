package removal

import (
	"os"
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
