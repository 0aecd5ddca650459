// Package place finds the folder that is the store, and gives out staging in it.
//
// It guarantees that a [Root] passed every check of ownership (STORE.md 3, S17) on the very descriptors that are used
// afterwards, that a warm start creates nothing (1.3), and that a cold start writes nowhere but in the place it took,
// except empty folders and CACHEDIR.TAG where a later probe failed (1.4). It deliberately knows nothing of slots,
// records and receipts; what needs room is a number that the caller has.
package place

import (
	"runtime"
	"strconv"

	"flavorpack-native/launchers/go/internal/store/folder"
)

// Lookup gives the value of a variable, and whether it is set.
type Lookup func(name string) (string, bool)

// Absolute is the value of a variable that names an absolute path; any other value gives no place (1.1).
func (l Lookup) Absolute(name string) (string, bool) {
	value, set := l(name)
	return value, set && len(value) > 0 && value[0] == '/'
}

// Paths lists the places for the store in their order (1.1); each is named once.
func Paths(lookup Lookup) []string {
	user := folder.EffectiveUser()
	paths := make([]string, 0, 5)
	add := func(path string) {
		for _, known := range paths {
			if known == path {
				return
			}
		}
		paths = append(paths, path)
	}
	if path, ok := lookup.Absolute("FLAVOR_CACHE"); ok {
		add(path)
	}
	if path, ok := lookup.Absolute("FLAVOR_CACHE_DIR"); ok {
		add(path)
	}
	if path, ok := UserFolder(lookup, "XDG_CACHE_HOME"); ok {
		add(Below(path, "flavor"))
	}
	if home, ok := Home(lookup); ok {
		if runtime.GOOS == "darwin" {
			add(Below(home, "Library/Caches/flavor"))
		} else {
			add(Below(home, ".cache/flavor"))
		}
	}
	temporary, ok := lookup.Absolute("TMPDIR")
	if !ok {
		temporary = "/tmp"
	}
	add(Below(temporary, "flavor-"+strconv.FormatUint(uint64(user), 10)))
	return paths
}

// Below puts a name behind the path of a folder.
func Below(path, name string) string {
	if path[len(path)-1] == '/' {
		return path + name
	}
	return path + "/" + name
}

// UserFolder is the folder that an XDG variable names. For root it counts only if root owns it (1.2, S4).
func UserFolder(lookup Lookup, variable string) (string, bool) {
	path, ok := lookup.Absolute(variable)
	if !ok || (folder.EffectiveUser() == 0 && !belongsToRoot(path)) {
		return "", false
	}
	return path, true
}

// Home is the user's home. For root a HOME that belongs to somebody else is replaced by root's own (1.2, S4).
func Home(lookup Lookup) (string, bool) {
	path, ok := lookup.Absolute("HOME")
	if !ok {
		return "", false
	}
	if folder.EffectiveUser() == 0 && !belongsToRoot(path) {
		return homeOfRoot(), true
	}
	return path, true
}

// belongsToRoot judges a folder by its owner, one that does not exist by its nearest existing ancestor.
func belongsToRoot(path string) bool {
	for {
		stat, err := folder.StatPath(path)
		if err == nil {
			return stat.Owner == 0
		}
		if !Missing(err) || path == "/" {
			return false
		}
		path = parent(path)
	}
}

func parent(path string) string {
	end := len(path)
	for end > 1 && path[end-1] == '/' {
		end--
	}
	for end > 1 && path[end-1] != '/' {
		end--
	}
	for end > 1 && path[end-1] == '/' {
		end--
	}
	return path[:end]
}

// DataFolder is the user's folder for data, or that for configuration (18.1), with the variables that were asked (18.4);
// false where no variable names one.
func DataFolder(lookup Lookup, configuration bool) (path string, asked []string, ok bool) {
	variable, unix, darwin := "XDG_DATA_HOME", ".local/share", "Library/Application Support"
	if configuration {
		variable, unix = "XDG_CONFIG_HOME", ".config"
	}
	if path, ok := UserFolder(lookup, variable); ok {
		return path, []string{variable}, true
	}
	asked = []string{variable, "HOME"}
	home, ok := Home(lookup)
	if !ok {
		return "", asked, false
	}
	if runtime.GOOS == "darwin" {
		return Below(home, darwin), asked, true
	}
	return Below(home, unix), asked, true
}
