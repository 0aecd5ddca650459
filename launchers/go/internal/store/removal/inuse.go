package removal

import (
	"encoding/hex"

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
