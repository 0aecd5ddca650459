package store

import "flavorpack-native/launchers/go/internal/pspf/further"

// The vectors have every chain; what a launcher refuses is in the conformance cases (LAUNCH.md 16.9).
func init() { further.Learn() }
