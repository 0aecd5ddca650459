//go:build unix

package process

import "unsafe"

// givenEnvironment is where the kernel put the environment: addresses of entries up to one of 0.
var givenEnvironment **byte

//go:linkname runtimeEntries syscall.runtime_envs
func runtimeEntries() []string

// Variables is the environment that the launcher was given, every entry in its order. The syscall package would leave out
// the second of two entries of one name.
func Variables() []string {
	if givenEnvironment == nil {
		return runtimeEntries()
	}
	var entries []string
	for at := givenEnvironment; *at != nil; at = (**byte)(unsafe.Add(unsafe.Pointer(at), unsafe.Sizeof(at))) {
		// The kernel's bytes stay where they are as long as the process does.
		length := 0
		for *(*byte)(unsafe.Add(unsafe.Pointer(*at), length)) != 0 {
			length++
		}
		entries = append(entries, unsafe.String(*at, length))
	}
	return entries
}
