package environment

import "flavorpack-native/launchers/go/internal/process"

// Given is the environment that the launcher was given, every entry in its order.
func Given() *Variables { return Of(process.Variables()) }
