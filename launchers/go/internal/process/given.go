// Package process stands between a launcher and the processes of the system: what the launcher was given, how it is
// replaced by its program, and how it waits for one (LAUNCH.md 1, 7 and 15).
//
// It guarantees that a program finds what the launcher's own parent gave: ignored signals, the signal mask, closed
// standard descriptors, the limit of open files, the umask. The Go runtime changes most of these before main runs, so on
// Linux they are recorded before the runtime starts, at the entry point of given_linux_*.s; the launcher is linked with
// `-E flavorpack-native/launchers/go/internal/process.entry` for that. A binary that is linked without works, and hands
// on what the runtime left.
//
// The entry point also keeps the user's variables from the runtime, which would obey GODEBUG, GOGC or GOTRACEBACK that are
// meant for the program, and print what only they ask for. The runtime gets an environment of the launcher's own instead:
// one processor, as a second one costs threads that a warm start never needs ([UseAllProcessors] comes later), and on
// amd64 no SSE 4.2, with which hash/crc32 makes tables for a checksum that nobody asks for (the zstd module's, of Snappy).
//
// And it keeps the runtime from what it does at every start for nothing, which is a quarter of a warm start: reading the
// limits of the control group and the size of large pages (with a limit of three open files it cannot open them, and does
// without; it raises the limit by itself afterwards), waking a watching thread every twenty microseconds (a timer slack of
// a millisecond lets it sleep), and sampling memory. The first two are given back like everything else.
//
// It decides nothing about packages, commands or variables, and prints nothing.
package process

// givenClosed says which descriptors were closed: bit n for descriptor n. Like everything that is called given, it was
// written by the entry point before the runtime started, and by nobody else.
var givenClosed uint64

// ClosedStandard says whether a standard descriptor was closed when the launcher was started.
func ClosedStandard() bool { return givenClosed != 0 }
