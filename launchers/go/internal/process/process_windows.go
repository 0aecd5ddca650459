package process

import (
	"errors"
	"os"
	"syscall"
)

// ErrNotHere is what starting a program says on Windows (LAUNCH.md 12).
var ErrNotHere = errors.New("starting programs on Windows is not there yet")

// Elevated is false: Windows knows no setuid files.
func Elevated() bool { return false }

// OccupyStandard has nothing to do.
func OccupyStandard() {}

// Exec cannot replace a process on Windows.
func Exec(string, []string, []string, func(limit uint64)) error { return ErrNotHere }

// Variables is the environment that the launcher was given.
func Variables() []string { return syscall.Environ() }

// UseAllProcessors has nothing to do: the runtime uses them from the beginning.
func UseAllProcessors() {}

// RestoreFiles is 0: programs on Windows inherit no lock.
func RestoreFiles() uint64 { return 0 }

// Umask has no meaning on Windows.
func Umask(mask int) int { return mask }

// Start is not there yet.
func Start(*Child) (int, error) { return 0, ErrNotHere }

// Parent is a launcher that waits.
type Parent struct{}

// BecomeParent is not there yet.
func BecomeParent() (*Parent, error) { return nil, ErrNotHere }

// Wait is not there yet.
func (*Parent) Wait(int) (End, error) { return End{}, ErrNotHere }

// Finish ends the launcher as its program ended.
func Finish(end End) { os.Exit(end.Code) }

// ReleaseStandard has nothing to do.
func ReleaseStandard() {}

// Captured is not there yet.
func Captured(*Child) (string, End, error) { return "", End{}, ErrNotHere }
