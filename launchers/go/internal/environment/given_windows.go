package environment

import "syscall"

// Given is the environment that the launcher was given.
func Given() *Variables { return Of(syscall.Environ()) }
