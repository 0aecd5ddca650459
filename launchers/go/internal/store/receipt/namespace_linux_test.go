package receipt

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"flavorpack-native/launchers/go/internal/store/folder"
)

const (
	// ownMounts says that a test runs in a mount namespace of its own.
	ownMounts = "FLAVOR_TEST_OWN_MOUNTS"
	nobody    = 65534
)

// inNamespace runs a test once more, in a mount namespace of its own with an empty file system at /mnt. It tells whether
// this is that run.
func inNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv(ownMounts) != "" {
		must(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
		must(t, unix.Mount("tmpfs", "/mnt", "tmpfs", 0, "mode=0755"))
		return true
	}
	if os.Geteuid() != 0 {
		t.Skip("only root makes a mount namespace")
	}
	again := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	again.Env = append(os.Environ(), ownMounts+"=1", "TMPDIR=/mnt/home")
	again.SysProcAttr = &unix.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
	output, err := again.CombinedOutput()
	if err != nil && strings.Contains(err.Error(), "operation not permitted") {
		t.Skip("no mount namespace can be made here")
	}
	if err != nil || !bytes.Contains(output, []byte("--- PASS: "+t.Name())) {
		t.Errorf("%v\n%s", err, output)
	}
	return false
}

// as does something with the rights of a user, by whom the process is not owned for good.
func as(t *testing.T, user int, do func()) {
	t.Helper()
	must(t, unix.Setresuid(user, user, 0))
	defer func() { must(t, unix.Setresuid(0, 0, 0)) }()
	do()
}

func TestS20APackageOutOfTheUsersReachIsKnownByPathSizeAndTrailer(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	const path = "/mnt/apps/demo"
	content := bytes.Repeat([]byte("p"), 10000)
	must(t, os.Mkdir("/mnt/home", 0o700))
	must(t, os.Chown("/mnt/home", nobody, nobody))
	must(t, os.Mkdir("/mnt/apps", 0o755))
	must(t, os.Symlink("apps", "/mnt/link"))
	must(t, os.WriteFile(path, content, 0o755))
	var s *start
	as(t, nobody, func() {
		s = newStart(t)
		s.pack.Path = path
	})
	restat := func() {
		stat, err := folder.StatPath(path)
		must(t, err)
		s.pack.Stat = stat
	}
	// Brand new, and on a file system without honest times: neither matters.
	restat()
	s.fresh.ReliableTimes = false
	as(t, nobody, func() { s.write(t) })
	if names, err := os.ReadDir(s.root.Path + "/v1/receipts"); err != nil || len(names) != 1 || names[0].Name() != s.pack.Name(true) {
		t.Fatalf("receipts: %v (%v)", names, err)
	}
	valid := func() (valid bool) {
		as(t, nobody, func() {
			answer := Find(s.root, s.question)
			if valid = answer.Receipt != nil; valid {
				answer.Receipt.Hold.End()
			}
		})
		return valid
	}
	if !valid() {
		t.Fatal("it is not found")
	}
	if s.pack.OutOfReach() {
		t.Error("it is out of root's reach")
	}
	restore := func() {
		must(t, os.Remove(path))
		must(t, os.WriteFile(path, content, 0o755))
		restat()
	}
	for _, test := range []struct {
		what   string
		change func()
		undo   func()
		valid  bool
	}{
		{"the file was restored", restore, func() {}, true},
		{"it has another size", func() { s.pack.Stat.Size++ }, restat, false},
		{"it has another trailer", func() { s.pack.Trailer[5000] ^= 1 }, func() { s.pack.Trailer[5000] ^= 1 }, false},
		{"it is another file than the one that is open", func() { s.pack.Stat.Inode++ }, restat, false},
		{"the path leads through a link", func() { s.pack.Path = "/mnt/link/demo" }, func() { s.pack.Path = path }, false},
		{"the path is relative", func() { s.pack.Path = "mnt/apps/demo" }, func() { s.pack.Path = path }, false},
		{"others may write the folder", func() { must(t, os.Chmod("/mnt/apps", 0o777)) }, func() { must(t, os.Chmod("/mnt/apps", 0o755)) }, false},
		{"the folder is sticky", func() { must(t, os.Chmod("/mnt/apps", 0o777|os.ModeSticky)) }, func() { must(t, os.Chmod("/mnt/apps", 0o755)) }, false},
		{"the folder is the user's", func() { must(t, os.Chown("/mnt/apps", nobody, 0)) }, func() { must(t, os.Chown("/mnt/apps", 0, 0)) }, false},
		{"others may write the file", func() { must(t, os.Chmod(path, 0o757)); restat() }, func() { must(t, os.Chmod(path, 0o755)); restat() }, false},
		{"the file is the user's", func() { must(t, os.Chown(path, nobody, 0)); restat() }, func() { must(t, os.Chown(path, 0, 0)); restat() }, false},
		{"everything is as it was", func() {}, func() {}, true},
	} {
		test.change()
		if got := valid(); got != test.valid {
			t.Errorf("%s: valid is %v", test.what, got)
		}
		test.undo()
	}
}

func TestS20AStoreThatIsMountedReadOnlyIsKnownBySizesAndOneThatCanBeWrittenNever(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	must(t, os.Mkdir("/mnt/home", 0o700))
	must(t, unix.Mount("tmpfs", "/mnt/home", "tmpfs", 0, "mode=0700"))
	s := newStart(t)
	// A package of root's would be out of reach as soon as it cannot be written.
	must(t, os.Chown(s.path, nobody, nobody))
	stat, err := folder.StatPath(s.path)
	must(t, err)
	s.pack.Stat = stat
	s.write(t)
	// Its lock is open for writing, which keeps a file system from being mounted read-only.
	s.staging.Remove()
	program := s.fresh.Plan.Workenv + "/bin/run"
	// What a store in an image looks like on another machine: the same bytes with other identities.
	must(t, os.Remove(program))
	must(t, os.WriteFile(program, []byte("#!"), 0o755))
	remount := func(flags uintptr) { must(t, unix.Mount("", "/mnt/home", "", unix.MS_REMOUNT|flags, "")) }
	judged := func() (valid, doubted bool) {
		answer := Find(s.root, s.question)
		if answer.Receipt != nil {
			answer.Receipt.Hold.End()
		}
		return answer.Receipt != nil, answer.Doubted
	}
	if valid, doubted := judged(); valid || !doubted {
		t.Errorf("a store that can be written: valid %v, doubted %v", valid, doubted)
	}
	remount(unix.MS_RDONLY)
	if valid, _ := judged(); !valid {
		t.Error("a store that is mounted read-only is not known by sizes")
	}
	remount(0)
	must(t, os.WriteFile(program, []byte("#!longer"), 0o755))
	remount(unix.MS_RDONLY)
	if valid, _ := judged(); valid {
		t.Error("another size counts for nothing")
	}
	remount(0)
	must(t, os.Remove(program))
	must(t, os.Symlink("/etc/passwd", program))
	remount(unix.MS_RDONLY)
	if valid, _ := judged(); valid {
		t.Error("a file of another file system counts for nothing")
	}
	remount(0)
	s.staging, err = s.root.Stage()
	must(t, err)
}
