// Package stack gives the main goroutine the stack of a whole start at once, before any other package is initialised.
//
// A goroutine begins with two KiB, and each time they do not suffice the runtime copies the stack to one of twice the size:
// it looks up every frame in tables of the binary that nothing else of a start reads, and makes a list of free stacks of
// each size on the way. Growing once, while there are three frames, costs a warm start a twentieth less than growing twice
// where it is deep.
//
// Packages without dependencies are initialised in the order of their paths, and this one has none: it guarantees nothing
// that a start relies on, and does nothing on other goroutines.
package stack

// room is what a warm start takes, with a frame that holds a path of the longest kind; the next power of two is also the
// size of the stacks that the runtime makes for its threads.
const room = 10 << 10

func init() { occupy(0) }

// occupy needs a frame of that many bytes.
//
//go:noinline
func occupy(at int) byte {
	var bytes [room]byte
	return bytes[at]
}
