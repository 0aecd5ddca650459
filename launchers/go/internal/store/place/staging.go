package place

import (
	"strconv"
	"strings"
	"syscall"
	"time"

	"flavorpack-native/launchers/go/internal/store/folder"
)

// Staging is the folder of one start below `tmp` (10.1). Nothing in it is visible to other starts; what is finished is
// renamed out of it.
type Staging struct {
	// Path is that of the folder.
	Path string
	Dir  *folder.Dir

	tmp  *folder.Dir
	name string
	lock *folder.File
	next int
}

// deadAfter is the age at which the staging of a dead start is removed (10.2).
const deadAfter = 10 * time.Minute

// Stage creates the staging of this start and holds its lock until [Staging.Remove] or the end of the process.
func (r *Root) Stage() (*Staging, error) {
	begin := strconv.Itoa(syscall.Getpid()) + "-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	for attempt := 0; ; attempt++ {
		name := begin + "-" + strconv.Itoa(attempt)
		err := r.Tmp.Make(name, 0o700)
		if err == syscall.EEXIST && attempt < 1000 {
			continue
		}
		if err != nil {
			return nil, err
		}
		staging := &Staging{Path: r.Path + "/v1/tmp/" + name, tmp: r.Tmp, name: name}
		if err := staging.open(); err != nil {
			staging.Remove()
			return nil, err
		}
		return staging, nil
	}
}

func (s *Staging) open() (err error) {
	if s.Dir, err = s.tmp.Open(s.name); err != nil {
		return err
	}
	if s.lock, err = s.Dir.Create("lock", 0o600); err != nil {
		return err
	}
	if err = s.lock.Lock(true); err != nil && !folder.CannotLock(err) {
		return err
	}
	return nil
}

// IgnoresCase tells whether the store finds names whatever the case of their letters is (5.11).
func (s *Staging) IgnoresCase() bool { return IgnoresCase(s.Dir, "lock") }

// IgnoresCase asks a folder for a file of the caller's, of a name in small letters, in capital ones: if that is the same
// file, case is ignored (5.11).
func IgnoresCase(dir *folder.Dir, own string) bool {
	small, err := dir.Stat(own)
	if err != nil {
		return false
	}
	capital, err := dir.Stat(strings.ToUpper(own))
	return err == nil && capital.Device == small.Device && capital.Inode == small.Inode
}

// Name gives a name that is free in this staging.
func (s *Staging) Name(kind string) string {
	s.next++
	return kind + "-" + strconv.Itoa(s.next)
}

// Remove removes the folder with all that is left in it. Failing to is nobody's error: a later start does it (10.2).
func (s *Staging) Remove() {
	_ = s.tmp.RemoveAll(s.name)
	s.Dir.Close()
	if s.lock != nil {
		_ = s.lock.Close()
	}
}

// Sweep removes what dead starts left: each staging but this one whose lock nobody holds, unless it was changed in the
// last ten minutes (10.2). Failures are ignored.
func (s *Staging) Sweep(now time.Time) { Sweep(s.tmp, s.name, now) }

// Sweep is [Staging.Sweep] for whoever has no staging: except is a name that is spared.
func Sweep(tmp *folder.Dir, except string, now time.Time) {
	names, err := tmp.Names()
	if err != nil {
		return
	}
	for _, name := range names {
		if name != except {
			sweep(tmp, name, now)
		}
	}
}

func sweep(tmp *folder.Dir, name string, now time.Time) {
	stat, err := tmp.Stat(name)
	if err != nil || now.Sub(time.Unix(stat.MtimeSeconds, int64(stat.MtimeNanoseconds))) <= deadAfter {
		return
	}
	if dir, err := tmp.Open(name); err == nil {
		defer dir.Close()
		lock, err := dir.Read("lock")
		if err == nil {
			defer func() { _ = lock.Close() }()
			if free, err := lock.TryLock(true); err != nil || !free {
				return
			}
		} else if err != syscall.ENOENT && err != syscall.ELOOP {
			return
		}
	}
	_ = tmp.RemoveAll(name)
}
