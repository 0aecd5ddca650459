//go:build unix && !linux

package process

// ignoreGiven has nothing to restore: only Linux records what was given. The runtime leaves an ignored SIGHUP and SIGINT
// alone by itself.
func ignoreGiven() {}
