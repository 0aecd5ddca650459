//go:build unix && !linux

package process

// restoreMask has nothing to restore: only Linux records what was given.
func restoreMask() {}
