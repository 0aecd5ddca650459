package record

import (
	"encoding/binary"
	"syscall"
	"time"

	"flavorpack-native/launchers/go/internal/store/folder"
)

// Boot names one boot of the machine (7.3). Zero stands for durable: what carries it outlives boots (11).
type Boot [16]byte

// Durable is the boot id of what was synced.
var Durable Boot

const bootFolder, bootFile = "/proc/sys/kernel/random", "boot_id"

// ThisBoot reads the boot id. Where it cannot be read it is one that no other process has, so that nothing that
// carries it is believed later.
func ThisBoot() Boot {
	if dir, err := folder.OpenPath(bootFolder); err == nil {
		defer dir.Close()
		if file, err := dir.Read(bootFile); err == nil {
			defer func() { _ = file.Close() }()
			var text [64]byte
			if n, err := file.Read(text[:]); err == nil {
				if boot, ok := parseBoot(text[:n]); ok {
					return boot
				}
			}
		}
	}
	var own Boot
	binary.LittleEndian.PutUint64(own[:], uint64(syscall.Getpid()))
	binary.LittleEndian.PutUint64(own[8:], uint64(time.Now().UnixNano()))
	return own
}

// parseBoot reads a UUID in its usual spelling; a zero one would mean durable.
func parseBoot(text []byte) (Boot, bool) {
	var boot Boot
	digits := 0
	for _, b := range text {
		var value byte
		switch {
		case b >= '0' && b <= '9':
			value = b - '0'
		case b >= 'a' && b <= 'f':
			value = b - 'a' + 10
		case b == '-':
			continue
		case b == '\n' && digits == 32:
			continue
		default:
			return Boot{}, false
		}
		if digits == 32 {
			return Boot{}, false
		}
		boot[digits/2] = boot[digits/2]<<4 | value
		digits++
	}
	return boot, digits == 32 && boot != Durable
}
