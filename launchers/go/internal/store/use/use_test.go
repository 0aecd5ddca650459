//go:build unix

package use

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/store/place"
)

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func newRoot(tb testing.TB) *place.Root {
	tb.Helper()
	base := tb.TempDir()
	must(tb, os.Chmod(base, 0o700))
	root, err := place.Create(base + "/s")
	must(tb, err)
	tb.Cleanup(root.Close)
	return root
}

func TestAnEnvironmentThatIsHeldCannotBeClaimed(t *testing.T) {
	root := newRoot(t)
	if _, ok := Join(root, "e"); ok {
		t.Fatal("a lock that is not there was joined")
	}
	if Held(root, "e") {
		t.Fatal("nobody holds it")
	}
	first, err := Take(root, "e")
	must(t, err)
	second, ok := Join(root, "e")
	if !ok || !Held(root, "e") {
		t.Fatal("a held environment is joined by others")
	}
	first.End()
	if _, free, err := Claim(root, "e"); free || err != nil {
		t.Fatalf("it was claimed (%v)", err)
	}
	second.End()
	claim, free, err := Claim(root, "e")
	if !free || err != nil {
		t.Fatalf("it was not claimed (%v)", err)
	}
	joined := make(chan bool)
	go func() {
		hold, ok := Join(root, "e")
		hold.End()
		joined <- ok
	}()
	select {
	case <-joined:
		t.Error("a start did not wait for the collector")
	case <-time.After(50 * time.Millisecond):
	}
	claim.End()
	if !<-joined {
		t.Error("the start did not go on")
	}
	if info, err := os.Stat(root.Path + "/v1/locks/use-e"); err != nil || info.Size() != 0 {
		t.Error("lock files are empty and stay")
	}
}

func TestHoldingStampsTheEnvironmentsLastUse(t *testing.T) {
	root := newRoot(t)
	path := root.Path + "/v1/locks/use-e"
	must(t, os.WriteFile(path, nil, 0o600))
	old := time.Now().Add(-time.Hour)
	must(t, os.Chtimes(path, old, old))
	hold, err := Take(root, "e")
	must(t, err)
	defer hold.End()
	if info, _ := os.Stat(path); time.Since(info.ModTime()) > time.Minute {
		t.Errorf("the stamp is %v", info.ModTime())
	}
}

func TestTheCollectorWaitsForStartsAndThenGivesUp(t *testing.T) {
	root := newRoot(t)
	gate, err := Gate(root)
	must(t, err)
	other, err := Gate(root)
	must(t, err)
	other.End()
	if _, err := collect(root, 30*time.Millisecond); code.Of(err) != code.StoreBusy {
		t.Fatalf("got %v", err)
	}
	gate.End()
	lock, err := collect(root, 0)
	must(t, err)
	lock.End()
}

func TestTheLockIsPassedOnAtTheHighestFreeNumber(t *testing.T) {
	root := newRoot(t)
	hold, err := Take(root, "e")
	must(t, err)
	defer hold.End()
	if !hold.PassOn(200) {
		t.Fatal("no number was free")
	}
	defer func() { _ = syscall.Close(199) }()
	flags, err := unix.FcntlInt(199, unix.F_GETFD, 0)
	if err != nil || flags&unix.FD_CLOEXEC != 0 {
		t.Fatalf("flags %d (%v)", flags, err)
	}
	if !hold.PassOn(200) {
		t.Fatal("no number was free")
	}
	defer func() { _ = syscall.Close(198) }()
	if link, err := os.Readlink("/proc/self/fd/198"); err == nil && !strings.HasSuffix(link, "/v1/locks/use-e") {
		t.Errorf("198 is %s", link)
	}
	if hold.PassOn(3) {
		t.Error("a standard descriptor was taken")
	}
	var nobody *Hold
	if nobody.PassOn(200) {
		t.Error("nothing was passed on")
	}
}

func TestAStoreThatCannotBeWrittenCanBeHeld(t *testing.T) {
	root := newRoot(t)
	first, err := Take(root, "e")
	must(t, err)
	first.End()
	must(t, os.Chmod(root.Path+"/v1/locks", 0o500))
	defer func() { _ = os.Chmod(root.Path+"/v1/locks", 0o700) }()
	hold, err := Take(root, "e")
	must(t, err)
	hold.End()
}
