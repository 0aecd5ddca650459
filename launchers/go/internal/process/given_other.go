//go:build unix && !linux

package process

// ignoreGiven has nothing to restore: only Linux records what was given. The runtime leaves an ignored SIGHUP and SIGINT
// alone by itself.
func ignoreGiven() {}

// UseAllProcessors has nothing to do: the runtime uses them from the beginning.
func UseAllProcessors() {}
