//go:build unix

package environment

import (
	_ "unsafe" // for go:linkname
)

//go:linkname runtimeEntries syscall.runtime_envs
func runtimeEntries() []string

// Given is the environment that the launcher was given, every entry in its order. The syscall package would leave out the
// second of two entries of one name.
func Given() *Variables { return Of(runtimeEntries()) }
