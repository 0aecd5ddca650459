//go:build unix

package process

import (
	"os"
	"time"

	"golang.org/x/sys/unix"

	"flavorpack-native/launchers/go/internal/group"
)

// shownBytes is how much of the end of what a program prints is kept.
const shownBytes = 8 << 10

// Captured runs a program without input and waits for it. It returns the end of what the program printed; what processes
// print that outlive it is lost.
func Captured(child *Child) (string, End, error) {
	input, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", End{}, err
	}
	defer func() { _ = unix.Close(input) }()
	read, write, err := os.Pipe()
	if err != nil {
		return "", End{}, err
	}
	defer func() { _ = read.Close() }()
	child.Input, child.Output = input, int(write.Fd())
	pid, err := Start(child)
	_ = write.Close()
	if err != nil {
		return "", End{}, err
	}
	var tail []byte
	var drained group.Group
	drained.Go(func() {
		into := make([]byte, 4<<10)
		for {
			count, err := read.Read(into)
			tail = lastOf(append(tail, into[:count]...))
			if err != nil {
				return
			}
		}
	})
	end, err := waitFor(pid)
	// What the program itself wrote is in the pipe by now; a process that it left behind may hold the other end open.
	_ = read.SetReadDeadline(time.Now())
	drained.Wait()
	into := make([]byte, shownBytes)
	if raw, rawErr := read.SyscallConn(); rawErr == nil {
		_ = raw.Control(func(descriptor uintptr) {
			for {
				count, err := unix.Read(int(descriptor), into)
				if err == unix.EINTR {
					continue
				}
				if count <= 0 || err != nil {
					return
				}
				tail = lastOf(append(tail, into[:count]...))
			}
		})
	}
	return string(tail), end, err
}

// lastOf keeps the end of a text.
func lastOf(text []byte) []byte {
	if len(text) > shownBytes {
		text = append(text[:0], text[len(text)-shownBytes:]...)
	}
	return text
}

func waitFor(pid int) (End, error) {
	for {
		var status unix.WaitStatus
		_, err := unix.Wait4(pid, &status, 0, nil)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return End{}, err
		case status.Signaled():
			return End{Signal: int(status.Signal())}, nil
		default:
			return End{Code: status.ExitStatus()}, nil
		}
	}
}
