//go:build !linux

package removal

import (
	"flavorpack-native/launchers/go/internal/store/place"
	"flavorpack-native/launchers/go/internal/store/record"
)

// processes sees nothing on systems without /proc: the lock is all that tells (13.7).
func processes(root *place.Root, abouts map[string]record.About) *inUse {
	return newInUse(root, abouts)
}
