package process

// restoreMask gives the calling thread the mask that the launcher was given. The runtime unblocks some signals.
func restoreMask() {
	if givenRecorded != 0 {
		setBlocked(&givenBlocked)
	}
}
