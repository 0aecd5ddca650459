package pspf_test

import "flavorpack-native/launchers/go/internal/pspf/further"

// The vectors have every chain.
func init() { further.Learn() }
