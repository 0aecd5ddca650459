package place

import (
	"strconv"
	"strings"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/store/folder"
)

// PerMember is what one member is counted for beside its bytes (1.4).
const PerMember = 2048

// Need is what a start will put into a store: bytes of files, and members.
type Need struct{ Bytes, Members uint64 }

// Take takes the first place that passes every probe of 1.4 and stages in it. What is needed depends on what a store
// holds already, so it is asked for each place. Without any place it is ERR_STORE_LOCATION.
func Take(paths []string, need func(*Root) Need) (*Root, *Staging, error) {
	var text strings.Builder
	text.WriteString("no place for the store can be used")
	for _, path := range paths {
		root, staging, err := probe(path, need)
		if err == nil {
			return root, staging, nil
		}
		text.WriteString("; `" + path + "`: " + err.Error())
	}
	text.WriteString("; FLAVOR_CACHE can name another")
	return nil, nil, code.New(code.StoreLocation, text.String())
}

func probe(path string, need func(*Root) Need) (*Root, *Staging, error) {
	root, err := Create(path)
	if err != nil {
		return nil, nil, err
	}
	disk, err := root.Dir.OnFileSystem()
	if err == nil {
		err = usable(disk)
	}
	if err != nil {
		root.Close()
		return nil, nil, err
	}
	staging, err := root.Stage()
	if err != nil {
		root.Close()
		return nil, nil, Refusal("no staging folder can be created: " + err.Error())
	}
	if err := room(disk, need(root)); err != nil {
		staging.Remove()
		root.Close()
		return nil, nil, err
	}
	return root, staging, nil
}

func usable(disk folder.FileSystem) error {
	if disk.ReadOnly {
		return Refusal("its file system is mounted read-only")
	}
	if disk.NoExecute {
		return Refusal("its file system is mounted noexec")
	}
	return nil
}

// room compares the free space with what is needed (1.4).
func room(disk folder.FileSystem, need Need) error {
	bytes := need.Bytes + PerMember*need.Members
	if bytes > disk.FreeBytes {
		return Refusal("it has " + strconv.FormatUint(disk.FreeBytes, 10) + " bytes free, and " +
			strconv.FormatUint(bytes, 10) + " are needed")
	}
	if disk.CountsInodes && need.Members > disk.FreeInodes {
		return Refusal("it has room for " + strconv.FormatUint(disk.FreeInodes, 10) + " files, and " +
			strconv.FormatUint(need.Members, 10) + " are needed")
	}
	return nil
}

// Examine tells why a cold start would not take a place, as far as that can be seen without creating anything
// (LAUNCH.md 8.8): nil where it would. What is missing would be created, so a place that is not there is judged by
// the nearest folder on its way that is.
func Examine(path string, need func(*Root) Need) error {
	root, err := Open(path)
	if err == nil {
		defer root.Close()
		disk, err := root.Dir.OnFileSystem()
		if err != nil {
			return err
		}
		if err := usable(disk); err != nil {
			return err
		}
		if folder.DeniesWrite(root.Path + "/v1/tmp") {
			return Refusal("no staging folder can be created")
		}
		return room(disk, need(root))
	}
	return nearest(path, err)
}

// nearest judges the nearest existing ancestor of a path at which there is no whole store.
func nearest(path string, why error) error {
	for {
		end, err := Way{Owner: OwnerOrRoot()}.Walk(path)
		if err != nil && !Missing(err) {
			return err
		}
		if err == nil {
			dir, err := end.Dir.Pass(end.Name)
			found := end.Path
			end.Close()
			if err == nil {
				defer dir.Close()
				disk, err := dir.OnFileSystem()
				if err != nil {
					return err
				}
				if folder.DeniesWrite(found) {
					return Refusal("`" + found + "` cannot be written")
				}
				return usable(disk)
			}
			if !Missing(err) {
				return why
			}
		}
		if path == "/" {
			return why
		}
		path = parent(path)
	}
}
