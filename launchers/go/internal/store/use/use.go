// Package use keeps what runs from being removed: the shared lock on a work environment that every start hands to its
// program, and the gate between starts and the collector (STORE.md 13, 14.1).
//
// It guarantees that whoever looked into the store after taking these locks finds later what it found then. It
// deliberately does not say what is in use without a lock: that is the collector's question (13.7).
package use

import (
	"syscall"
	"time"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/store/folder"
	"flavorpack-native/launchers/go/internal/store/place"
)

// Lock is a lock that is held until it is ended, or until the process ends.
type Lock struct{ file *folder.File }

// End gives the lock free.
func (l *Lock) End() {
	if l != nil && l.file != nil {
		_ = l.file.Close()
		l.file = nil
	}
}

// take opens a file of `locks` and locks it. A system that cannot lock there is no obstacle: the lock is then nobody's.
func take(root *place.Root, name string, exclusive bool) (*Lock, error) {
	file, err := openLock(root, name)
	if err != nil {
		return nil, place.Fault("cannot open the lock `"+name+"`", err)
	}
	if err := file.Lock(exclusive); err != nil && !folder.CannotLock(err) {
		_ = file.Close()
		return nil, place.Fault("cannot lock `"+name+"`", err)
	}
	return &Lock{file}, nil
}

func openLock(root *place.Root, name string) (*folder.File, error) {
	file, err := root.Locks.OpenOrCreate(name, 0o600)
	if err == syscall.EACCES || err == syscall.EROFS {
		// O_CREAT asks for the right to write the folder even where the file is there.
		return root.Locks.Read(name)
	}
	return file, err
}

// Slot takes the exclusive lock of a slot, waiting (6.1).
func Slot(root *place.Root, key string) (*Lock, error) { return take(root, "slot-"+key, true) }

// Environment takes the exclusive lock of a work environment, waiting (8.1).
func Environment(root *place.Root, name string) (*Lock, error) { return take(root, "env-"+name, true) }

// Gate takes `locks/collect` shared, waiting: from before a start looks what the store holds until what it made is
// published, no collector decides (13.3).
func Gate(root *place.Root) (*Lock, error) { return take(root, "collect", false) }

// waitForStarts is how long a collector waits for starts that are unpacking (14.1).
const waitForStarts = 10 * time.Second

// Collect takes `locks/collect` exclusively; after ten seconds it is ERR_STORE_BUSY (14.1).
func Collect(root *place.Root) (*Lock, error) { return collect(root, waitForStarts) }

func collect(root *place.Root, wait time.Duration) (*Lock, error) {
	file, err := openLock(root, "collect")
	if err != nil {
		return nil, place.Fault("cannot open the lock `collect`", err)
	}
	for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		free, err := file.TryLock(true)
		if free || (err != nil && folder.CannotLock(err)) {
			return &Lock{file}, nil
		}
		if err != nil {
			_ = file.Close()
			return nil, place.Fault("cannot lock `collect`", err)
		}
		if time.Since(begin) >= wait {
			_ = file.Close()
			return nil, code.New(code.StoreBusy, "the store is in use by a start that unpacks or by another clean-up: `"+root.Path+"`")
		}
	}
}

// Hold is the shared lock on a work environment, and with it on every slot that the environment refers to (13.1).
type Hold struct{ Lock }

// Take holds an environment for a start that publishes: the file is made where it is missing, and its time set to the
// present, which is the environment's last use (13.3, 13.6).
func Take(root *place.Root, environment string) (*Hold, error) {
	lock, err := take(root, "use-"+environment, false)
	if err != nil {
		return nil, err
	}
	// A store that cannot be written can still be held; its stamps stay as they are.
	_ = lock.file.Touch()
	return &Hold{*lock}, nil
}

// Join holds an environment for a warm start, waiting for a collector that is just removing it (13.2). Without the
// file nobody could be told, so there is nothing to join.
func Join(root *place.Root, environment string) (*Hold, bool) {
	file, err := root.Locks.Read("use-" + environment)
	if err != nil {
		return nil, false
	}
	if err := file.Lock(false); err != nil && !folder.CannotLock(err) {
		_ = file.Close()
		return nil, false
	}
	return &Hold{Lock{file}}, true
}

// highest is where the inherited number ends at the latest: what select(2) can name (13.4).
const highest = 1024

// PassOn leaves the lock to the program that replaces this process, at the highest free number below
// min(limit, 1024); limit is the soft RLIMIT_NOFILE that the launcher was given. Without a free number above 2 the
// start goes on without (13.4).
func (h *Hold) PassOn(limit uint64) bool {
	if h == nil || h.file == nil {
		return false
	}
	return h.file.PassOn(int(min(limit, highest)))
}

// Claim takes the lock of an environment exclusively, without waiting: nobody runs from it then, and nobody can begin
// to (14.5). A missing lock file is made, as a start that comes meanwhile would make it.
func Claim(root *place.Root, environment string) (*Lock, bool, error) {
	name := "use-" + environment
	file, err := openLock(root, name)
	if err != nil {
		return nil, false, place.Fault("cannot open the lock `"+name+"`", err)
	}
	free, err := file.TryLock(true)
	if err != nil && folder.CannotLock(err) {
		free, err = true, nil
	}
	if err != nil || !free {
		_ = file.Close()
		if err != nil {
			err = place.Fault("cannot lock `"+name+"`", err)
		}
		return nil, false, err
	}
	return &Lock{file}, true, nil
}

// Held tells whether somebody holds the lock of an environment (13.7). It creates nothing.
func Held(root *place.Root, environment string) bool {
	file, err := root.Locks.Read("use-" + environment)
	if err != nil {
		return false
	}
	defer func() { _ = file.Close() }()
	free, err := file.TryLock(true)
	return err == nil && !free
}
