package removal

import (
	"encoding/hex"
	"strings"

	"flavorpack-native/launchers/go/internal/store/place"
	"flavorpack-native/launchers/go/internal/store/record"
)

// inUse is what running programs are seen to use, by names in the store.
type inUse struct {
	environments, slots map[string]bool

	envs, slotFolder, locks string
	// users are the environments that refer to a slot.
	users map[string][]string
}

func newInUse(root *place.Root, abouts map[string]record.About) *inUse {
	seen := &inUse{
		environments: map[string]bool{}, slots: map[string]bool{}, users: map[string][]string{},
		envs: root.Path + "/v1/envs/", slotFolder: root.Path + "/v1/slots/", locks: root.Path + "/v1/locks/use-",
	}
	for name, about := range abouts {
		for _, key := range about.Slots {
			slot := hex.EncodeToString(key[:])
			seen.users[slot] = append(seen.users[slot], name)
		}
	}
	return seen
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
		if name, ok := firstBelow(path, u.slotFolder); ok && !contains(slots, name) {
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

func contains(list []string, name string) bool {
	for _, known := range list {
		if known == name {
			return true
		}
	}
	return false
}
