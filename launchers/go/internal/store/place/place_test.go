//go:build unix

package place

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"flavorpack-native/launchers/go/internal/code"
)

// A cold start has set the umask to 0.
func TestMain(m *testing.M) {
	syscall.Umask(0)
	os.Exit(m.Run())
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func folderOf(tb testing.TB) string {
	tb.Helper()
	path := tb.TempDir()
	must(tb, os.Chmod(path, 0o700))
	return path
}

func variables(all map[string]string) Lookup {
	return func(name string) (string, bool) {
		value, set := all[name]
		return value, set
	}
}

func none(*Root) Need { return Need{} }

func TestPlacesFollowTheVariablesInTheirOrder(t *testing.T) {
	home := folderOf(t)
	user := strconv.Itoa(os.Geteuid())
	cache := home + "/.cache/flavor"
	if _, err := os.Stat("/System/Library"); err == nil {
		cache = home + "/Library/Caches/flavor"
	}
	for name, test := range map[string]struct {
		set  map[string]string
		want []string
	}{
		"none of them":         {nil, []string{"/tmp/flavor-" + user}},
		"all of them":          {map[string]string{"FLAVOR_CACHE": "/a", "FLAVOR_CACHE_DIR": "/b", "XDG_CACHE_HOME": home, "HOME": home, "TMPDIR": "/t"}, []string{"/a", "/b", home + "/flavor", cache, "/t/flavor-" + user}},
		"empty and relative":   {map[string]string{"FLAVOR_CACHE": "", "FLAVOR_CACHE_DIR": "b", "XDG_CACHE_HOME": "./x", "HOME": "~", "TMPDIR": "t"}, []string{"/tmp/flavor-" + user}},
		"one place named once": {map[string]string{"FLAVOR_CACHE": "/a", "FLAVOR_CACHE_DIR": "/a", "TMPDIR": "/t/"}, []string{"/a", "/t/flavor-" + user}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Paths(variables(test.set)); !slices.Equal(got, test.want) {
				t.Fatalf("got %v, expected %v", got, test.want)
			}
		})
	}
}

func TestS4RootTakesNoFolderOfSomebodyElse(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	theirs := folderOf(t)
	must(t, os.Chown(theirs, 65534, 65534))
	if path, ok := UserFolder(variables(map[string]string{"XDG_CACHE_HOME": theirs + "/new"}), "XDG_CACHE_HOME"); ok {
		t.Errorf("got %s", path)
	}
	if path, ok := Home(variables(map[string]string{"HOME": theirs})); !ok || path == theirs {
		t.Errorf("got %s", path)
	}
	for text, want := range map[string]string{
		"x:x:1:1::/x:/sh\nroot:x:0:0:root:/var/root:/bin/sh\n": "/var/root", "root:x:0:0:root:/r:/bin/sh": "/r", "": "", "root:x:0\n": "", "r:x:0:0::rel:/sh": "",
	} {
		if got, _ := homeIn(text); got != want {
			t.Errorf("%q: got %q, expected %q", text, got, want)
		}
	}
}

func TestMissingFoldersAreMadeForTheUserAloneAndAWarmStartMakesNone(t *testing.T) {
	base := folderOf(t)
	if _, err := Open(base + "/a/b"); err == nil {
		t.Fatal("a store that is not there was opened")
	}
	if _, err := os.Stat(base + "/a"); err == nil {
		t.Fatal("something was made")
	}
	root, err := Create(base + "/a/b")
	must(t, err)
	defer root.Close()
	for _, path := range []string{"/a", "/a/b", "/a/b/v1", "/a/b/v1/slots", "/a/b/v1/envs", "/a/b/v1/receipts", "/a/b/v1/locks", "/a/b/v1/tmp"} {
		if info, err := os.Stat(base + path); err != nil || info.Mode() != os.ModeDir|0o700 {
			t.Errorf("%s: %v %v", path, info, err)
		}
	}
	tag, err := os.ReadFile(base + "/a/b/CACHEDIR.TAG")
	if err != nil || !strings.HasPrefix(string(tag), "Signature: 8a477f597d28d172789f06886806bc55\n") {
		t.Errorf("got %q (%v)", tag, err)
	}
	again, err := Open(base + "/a/b")
	must(t, err)
	again.Close()
}

func TestS17WaysThatOthersCouldBendLeadToNoStore(t *testing.T) {
	for name, test := range map[string]struct {
		prepare  func(base string) error
		path     string
		needRoot bool
		want     string // root path, "" where it is refused
	}{
		"a folder of one's own":                    {func(string) error { return nil }, "/s", false, "/s"},
		"a folder that others may write":           {func(b string) error { return mkdir(b+"/o", 0o777) }, "/o/s", false, ""},
		"a folder that the group may write":        {func(b string) error { return mkdir(b+"/o", 0o770) }, "/o/s", false, ""},
		"a sticky folder":                          {func(b string) error { return mkdir(b+"/o", 0o777|os.ModeSticky) }, "/o/s", false, "/o/s"},
		"a root that others may write":             {func(b string) error { return mkdir(b+"/s", 0o770) }, "/s", false, ""},
		"a root that is sticky all the same":       {func(b string) error { return mkdir(b+"/s", 0o777|os.ModeSticky) }, "/s", false, ""},
		"a child that others may write":            {func(b string) error { return mkdir(b+"/s/v1/locks", 0o702) }, "/s", false, ""},
		"a child that is a link":                   {func(b string) error { return both(mkdir(b+"/s/v1", 0o700), os.Symlink(b, b+"/s/v1/tmp")) }, "/s", false, ""},
		"a file":                                   {func(b string) error { return os.WriteFile(b+"/s", nil, 0o600) }, "/s", false, ""},
		"a link of one's own":                      {func(b string) error { return both(mkdir(b+"/r", 0o700), os.Symlink("r", b+"/l")) }, "/l/s", false, "/r/s"},
		"a root that is a link":                    {func(b string) error { return both(mkdir(b+"/r", 0o700), os.Symlink(b+"/r", b+"/l")) }, "/l", false, "/r"},
		"a link upwards":                           {func(b string) error { return both(mkdir(b+"/r", 0o700), os.Symlink("../r/.././r", b+"/r/l")) }, "/r/l/s", false, "/r/s"},
		"a link to what is not there yet":          {func(b string) error { return os.Symlink("new/way", b+"/l") }, "/l/s", false, "/new/way/s"},
		"links in a circle":                        {func(b string) error { return both(os.Symlink("b", b+"/a"), os.Symlink("a", b+"/b")) }, "/a/s", false, ""},
		"a link of somebody else":                  {func(b string) error { return both(os.Symlink("r", b+"/l"), os.Lchown(b+"/l", 65534, 65534)) }, "/l/s", true, ""},
		"a folder of somebody else":                {func(b string) error { return both(mkdir(b+"/o", 0o755), os.Chown(b+"/o", 65534, 65534)) }, "/o/s", true, ""},
		"a store that somebody else prepared":      {func(b string) error { return both(mkdir(b+"/s", 0o755), os.Chown(b+"/s", 65534, 65534)) }, "/s", true, ""},
		"empty components and dots lead nowhere":   {func(string) error { return nil }, "//.//s/", false, "/s"},
		"a path through a folder and back is that": {func(b string) error { return mkdir(b+"/r", 0o700) }, "/r/../s", false, "/s"},
	} {
		t.Run(name, func(t *testing.T) {
			if test.needRoot && os.Geteuid() != 0 {
				t.Skip("needs root")
			}
			base := folderOf(t)
			must(t, test.prepare(base))
			root, err := Create(base + test.path)
			if err == nil {
				defer root.Close()
			}
			switch {
			case test.want == "" && err == nil:
				t.Fatalf("it was taken: %s", root.Path)
			case test.want != "" && err != nil:
				t.Fatal(err)
			case test.want != "" && root.Path != base+test.want:
				t.Fatalf("got %s, expected %s", root.Path, base+test.want)
			}
		})
	}
}

func mkdir(path string, mode os.FileMode) error {
	return both(os.MkdirAll(path, 0o700), os.Chmod(path, mode))
}

func both(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestTheFirstPlaceThatPassesEveryProbeIsTaken(t *testing.T) {
	base := folderOf(t)
	must(t, os.WriteFile(base+"/file", nil, 0o600))
	must(t, mkdir(base+"/open", 0o777))
	root, staging, err := Take([]string{base + "/file/x", base + "/open/x", base + "/good"}, none)
	must(t, err)
	defer root.Close()
	staging.Remove()
	if root.Path != base+"/good" {
		t.Fatalf("got %s", root.Path)
	}
	_, _, err = Take([]string{base + "/file/x", base + "/open/x"}, none)
	if code.Of(err) != code.StoreLocation {
		t.Fatalf("got %v", err)
	}
	for _, part := range []string{base + "/file/x", base + "/open/x", "FLAVOR_CACHE", "may be written by others"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the message lacks %q: %v", part, err)
		}
	}
}

func TestAPlaceWithoutRoomMakesWayForTheNext(t *testing.T) {
	base := folderOf(t)
	for _, need := range []Need{{Bytes: 1 << 60}, {Members: 1 << 48}} {
		_, _, err := Take([]string{base + "/s"}, func(*Root) Need { return need })
		if code.Of(err) != code.StoreLocation || !strings.Contains(err.Error(), "needed") {
			t.Fatalf("got %v", err)
		}
		if names, err := os.ReadDir(base + "/s/v1/tmp"); err != nil || len(names) != 0 {
			t.Fatalf("staging was left: %v (%v)", names, err)
		}
	}
}

func TestExamineSaysWhatAColdStartWouldMeetAndMakesNothing(t *testing.T) {
	base := folderOf(t)
	must(t, os.WriteFile(base+"/file", nil, 0o600))
	must(t, mkdir(base+"/open", 0o777))
	for path, usable := range map[string]bool{"/new/store": true, "/file/x": false, "/open/x": false} {
		if err := Examine(base+path, none); (err == nil) != usable {
			t.Errorf("%s: got %v", path, err)
		}
	}
	root, err := Create(base + "/s")
	must(t, err)
	root.Close()
	must(t, Examine(base+"/s", none))
	if err := Examine(base+"/s", func(*Root) Need { return Need{Bytes: 1 << 60} }); err == nil {
		t.Error("there is room for everything")
	}
	if names, _ := os.ReadDir(base); len(names) != 3 {
		t.Errorf("something was made: %v", names)
	}
}

func TestStagingIsRemovedWithItsStartAndThatOfDeadStartsLater(t *testing.T) {
	root, err := Create(folderOf(t) + "/s")
	must(t, err)
	defer root.Close()
	living, err := root.Stage()
	must(t, err)
	defer living.Remove()
	tmp := root.Path + "/v1/tmp/"
	victim := filepath.Join(folderOf(t), "victim")
	must(t, os.WriteFile(victim, []byte("mine"), 0o600))
	old := time.Now().Add(-time.Hour)
	for _, name := range []string{"dead", "lockless", "linklock"} {
		must(t, mkdir(tmp+name+"/deep", 0o700))
		must(t, os.Symlink(victim, tmp+name+"/deep/way"))
		must(t, os.Symlink(filepath.Dir(victim), tmp+name+"/folder"))
	}
	must(t, os.WriteFile(tmp+"dead/lock", nil, 0o600))
	must(t, os.Symlink(victim, tmp+"linklock/lock"))
	must(t, os.WriteFile(tmp+"file", nil, 0o600))
	must(t, mkdir(tmp+"young", 0o700))
	must(t, os.Chmod(tmp+"dead/deep", 0o000))
	for _, name := range []string{"dead", "lockless", "linklock", "file", filepath.Base(living.Path)} {
		must(t, os.Chtimes(tmp+name, old, old))
	}
	own, err := root.Stage()
	must(t, err)
	own.Sweep(time.Now())
	names, err := os.ReadDir(tmp)
	must(t, err)
	var left []string
	for _, name := range names {
		left = append(left, name.Name())
	}
	want := []string{filepath.Base(living.Path), filepath.Base(own.Path), "young"}
	slices.Sort(want)
	if !slices.Equal(left, want) {
		t.Errorf("got %v, expected %v", left, want)
	}
	own.Remove()
	if _, err := os.Stat(own.Path); err == nil {
		t.Error("a staging outlived its start")
	}
	if text, err := os.ReadFile(victim); err != nil || string(text) != "mine" {
		t.Errorf("a link was followed: %v", err)
	}
}

func TestNamesOfEnvironmentsAreCutAndCleaned(t *testing.T) {
	digest := [32]byte{0xab, 0xcd, 1, 2, 3, 4, 5, 6, 7}
	if got := EnvironmentName("demo", "1.0+a/b", digest); got != "demo-1.0_a_b-abcd010203040506" {
		t.Error(got)
	}
	if got := EnvironmentName(strings.Repeat("n", 70), "ä", digest); got != strings.Repeat("n", 64)+"-__-abcd010203040506" {
		t.Error(got)
	}
	// SHA-256 of "x" begins with 2d711642b726b044.
	if got := PrivateName("x", "1", digest); got != "2d711642b726b044-1-abcd010203040506" {
		t.Error(got)
	}
}

func TestFoldersForDataFollowTheVariables(t *testing.T) {
	home := folderOf(t)
	if path, asked, ok := DataFolder(variables(map[string]string{"XDG_DATA_HOME": home, "HOME": "/h"}), false); !ok || path != home || !slices.Equal(asked, []string{"XDG_DATA_HOME"}) {
		t.Error(path, asked, ok)
	}
	if path, asked, ok := DataFolder(variables(map[string]string{"HOME": home}), true); !ok || !strings.HasPrefix(path, home+"/") || len(asked) != 2 {
		t.Error(path, asked, ok)
	}
	if _, asked, ok := DataFolder(variables(nil), true); ok || len(asked) != 2 {
		t.Error(asked, ok)
	}
}
