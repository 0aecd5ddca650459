package tree

import (
	"strconv"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/store/folder"
	"flavorpack-native/launchers/go/internal/store/place"
)

// entries are the paths of a judged list, and with implied those of the folders that no member is.
func entries(items []Item, implied bool) []string {
	paths := make([]string, 0, len(items))
	known := folders{}
	for at := range items {
		paths = append(paths, items[at].Path)
		known[items[at].Path] = struct{}{}
	}
	if implied {
		for at := range items {
			for parent, _ := split(items[at].Path); !known.has(parent); parent, _ = split(parent) {
				known[parent] = struct{}{}
				paths = append(paths, parent)
			}
		}
	}
	return paths
}

// CheckEntries refuses a folder that has another number of entries below it than were made in it: the file system took
// some of their names for one, by tables of its own (5.11).
func CheckEntries(root *folder.Dir, want int) error {
	got, err := entriesBelow(root)
	if err != nil {
		return place.Fault("cannot look at what was unpacked", err)
	}
	if got != want {
		return code.New(code.PspfMemberName, "the file system takes some names for one (got "+strconv.Itoa(got)+
			" entries, expected "+strconv.Itoa(want)+")")
	}
	return nil
}

func entriesBelow(dir *folder.Dir) (int, error) {
	names, err := dir.Names()
	if err != nil {
		return 0, err
	}
	sum := len(names)
	for _, name := range names {
		stat, err := dir.Stat(name)
		if err != nil {
			return 0, err
		}
		if stat.Kind != folder.Directory {
			continue
		}
		below, err := dir.Open(name)
		if err != nil {
			return 0, err
		}
		more, err := entriesBelow(below)
		below.Close()
		if err != nil {
			return 0, err
		}
		sum += more
	}
	return sum, nil
}
