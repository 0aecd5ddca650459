//go:build unix

package tree

import (
	"os"
	"syscall"
	"testing"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/pspf"
	"flavorpack-native/launchers/go/internal/store/folder"
)

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

func file(path string) pspf.Member {
	return pspf.Member{Path: path, Size: int64(len(path)), Mode: 0o640}
}
func dir(path string) pspf.Member {
	return pspf.Member{Path: path, Kind: pspf.FolderMember, Mode: 0o750}
}
func link(path, target string) pspf.Member {
	return pspf.Member{Path: path, Kind: pspf.LinkMember, Target: target}
}

// give gives members to a sink; a file's content is its path.
func give(sink pspf.TarSink, members []pspf.Member) error {
	for n := range members {
		if err := sink.Begin(&members[n]); err != nil {
			return err
		}
		if members[n].Kind == pspf.RegularFile {
			if err := sink.Data([]byte(members[n].Path)); err != nil {
				return err
			}
		}
		if err := sink.End(); err != nil {
			return err
		}
	}
	return nil
}

func totals(members []pspf.Member) Totals {
	sum := Totals{Members: int64(len(members))}
	for n := range members {
		sum.Bytes += members[n].Size
	}
	return sum
}

func write(t *testing.T, rules Rules, members []pspf.Member) (string, *folder.Dir, error) {
	t.Helper()
	path := t.TempDir()
	root, err := folder.OpenPath(path)
	must(t, err)
	t.Cleanup(root.Close)
	if rules.Totals == (Totals{}) {
		rules.Totals = totals(members)
	}
	writer := NewWriter(root, rules)
	defer writer.Close()
	if err := give(writer.Sink(), members); err != nil {
		return path, root, err
	}
	if _, err := writer.Finish(); err != nil {
		return path, root, err
	}
	return path, root, writer.Links()
}

func TestS14FinishedListsAreJudgedComponentByComponent(t *testing.T) {
	for name, test := range map[string]struct {
		members []pspf.Member
		implied bool
		want    code.Code
	}{
		"a tree":                           {[]pspf.Member{dir("a"), file("a/b"), link("a/l", "b"), link("l", "a/b")}, false, ""},
		"members in any order":             {[]pspf.Member{file("a/b"), link("l", "a/"), dir("a")}, true, ""},
		"a link upwards inside":            {[]pspf.Member{dir("a"), dir("a/b"), link("a/b/l", "../../a/./b/..")}, false, ""},
		"a link to nothing":                {[]pspf.Member{link("l", "missing")}, false, ""},
		"a link to a link":                 {[]pspf.Member{link("l", "m"), link("m", "l")}, false, ""},
		"folders that are implied":         {[]pspf.Member{file("a/b/c"), link("l", "a/b/c")}, true, ""},
		"a parent that is missing":         {[]pspf.Member{file("a/b")}, false, code.StoreLink},
		"a parent that is a file":          {[]pspf.Member{file("a"), file("a/b")}, false, code.StoreLink},
		"a parent that becomes a file":     {[]pspf.Member{file("a/b"), file("a")}, true, code.StoreLink},
		"a parent that is a link":          {[]pspf.Member{link("a", "b"), file("a/b")}, false, code.StoreLink},
		"a path twice":                     {[]pspf.Member{file("a"), file("a")}, false, code.StoreLink},
		"a folder twice":                   {[]pspf.Member{dir("a"), dir("a")}, false, code.StoreLink},
		"a file and a link":                {[]pspf.Member{file("a"), link("a", "b")}, false, code.StoreLink},
		"a link that leaves":               {[]pspf.Member{link("l", "..")}, false, code.StoreLink},
		"a link that leaves and returns":   {[]pspf.Member{dir("a"), link("a/l", "../../a")}, false, code.StoreLink},
		"a link with an absolute target":   {[]pspf.Member{link("l", "/etc")}, false, code.StoreLink},
		"a link through a link":            {[]pspf.Member{dir("a"), link("b", "a"), link("l", "b/x")}, false, code.StoreLink},
		"a link through a file":            {[]pspf.Member{file("a"), link("l", "a/..")}, false, code.StoreLink},
		"a link through nothing":           {[]pspf.Member{link("l", "a/../b")}, false, code.StoreLink},
		"a file where a folder is implied": {[]pspf.Member{file("a/b"), file("a/b/c")}, true, code.StoreLink},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := write(t, Rules{Implied: test.implied}, test.members)
			if code.Of(err) != test.want {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestNothingIsWrittenThroughALinkThatIsThereAlready(t *testing.T) {
	outside, path := t.TempDir(), t.TempDir()
	must(t, os.Symlink(outside, path+"/a"))
	must(t, os.Symlink(outside+"/new", path+"/b"))
	root, err := folder.OpenPath(path)
	must(t, err)
	defer root.Close()
	for _, members := range [][]pspf.Member{{file("a/x")}, {file("b")}, {file("a")}} {
		writer := NewWriter(root, Rules{Implied: true, Totals: totals(members)})
		if err := give(writer.Sink(), members); code.Of(err) != code.StoreLink {
			t.Errorf("got %v", err)
		}
		writer.Close()
	}
	if names, _ := os.ReadDir(outside); len(names) != 0 {
		t.Errorf("something was written outside: %v", names)
	}
}

func TestS12WritingStopsAsSoonAsMoreComesThanIsAnnounced(t *testing.T) {
	for name, test := range map[string]struct {
		rules Rules
		want  code.Code
	}{
		"too many members": {Rules{Totals: Totals{100, 1}}, code.StoreUnpacked},
		"too many bytes":   {Rules{Totals: Totals{1, 10}}, code.StoreUnpacked},
		"too few members":  {Rules{Totals: Totals{2, 3}}, code.StoreUnpacked},
		"too few bytes":    {Rules{Totals: Totals{3, 2}}, code.StoreUnpacked},
		"a limit":          {Rules{Totals: Totals{1, 10}, Open: true}, code.PspfLimit},
		"below a limit":    {Rules{Totals: Totals{10, 10}, Open: true}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := write(t, test.rules, []pspf.Member{file("a"), file("b")}); code.Of(err) != test.want {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestModesAreThoseOfTheProfileOrOfTheArchive(t *testing.T) {
	members := []pspf.Member{dir("d"), file("d/f"), {Path: "x", Size: 1, Executable: true, Mode: 0o511}, dir("closed")}
	members[3].Mode = 0o055
	for archived, want := range map[bool]map[string]os.FileMode{
		false: {"d": 0o755, "d/f": 0o644, "x": 0o755, "closed": 0o755},
		true:  {"d": 0o750, "d/f": 0o640, "x": 0o511, "closed": 0o755},
	} {
		path, _, err := write(t, Rules{Archived: archived}, members)
		must(t, err)
		for name, mode := range want {
			if info, err := os.Lstat(path + "/" + name); err != nil || info.Mode().Perm() != mode {
				t.Errorf("archived %v, %s: got %v, expected %v", archived, name, info.Mode(), mode)
			}
		}
	}
}

func overlay(t *testing.T, slots ...[]pspf.Member) (string, *folder.Dir, *Overlay, error) {
	t.Helper()
	path := t.TempDir()
	root, err := folder.OpenPath(path)
	must(t, err)
	t.Cleanup(root.Close)
	made := NewOverlay()
	for n, members := range slots {
		writer := NewWriter(root, Rules{Implied: true, Archived: true, Overlay: made, Slot: n, Totals: totals(members)})
		err := give(writer.Sink(), members)
		if err == nil {
			_, err = writer.Finish()
		}
		writer.Close()
		if err != nil {
			return path, root, made, err
		}
	}
	return path, root, made, nil
}

func TestSlotsOfOnePrivateEnvironmentMayReplaceFilesAndShareFolders(t *testing.T) {
	for name, test := range map[string]struct {
		slots [][]pspf.Member
		want  code.Code
	}{
		"a file replaces a file":              {[][]pspf.Member{{file("a")}, {file("a")}}, ""},
		"folders are shared":                  {[][]pspf.Member{{dir("a"), file("a/x")}, {dir("a"), file("a/y")}}, ""},
		"a folder that was implied":           {[][]pspf.Member{{file("a/x")}, {dir("a")}}, ""},
		"a file below an earlier folder":      {[][]pspf.Member{{dir("a")}, {file("a/x")}}, ""},
		"a folder at a file":                  {[][]pspf.Member{{file("a")}, {dir("a")}}, code.StoreComposition},
		"a file at a folder":                  {[][]pspf.Member{{dir("a")}, {file("a")}}, code.StoreComposition},
		"a file at a folder that was implied": {[][]pspf.Member{{file("a/x")}, {file("a")}}, code.StoreComposition},
		"a link at a file":                    {[][]pspf.Member{{file("a")}, {link("a", "b")}}, code.StoreComposition},
		"a file at a link":                    {[][]pspf.Member{{link("a", "b")}, {file("a")}}, code.StoreComposition},
		"a link at a link":                    {[][]pspf.Member{{link("a", "b")}, {link("a", "b")}}, code.StoreComposition},
		"a file below a link":                 {[][]pspf.Member{{link("a", "b")}, {file("a/x")}}, code.StoreComposition},
		"a file below a file":                 {[][]pspf.Member{{file("a")}, {file("a/x")}}, code.StoreComposition},
		"the marker":                          {[][]pspf.Member{{file(Marker)}}, code.StoreComposition},
		"twice in one slot":                   {[][]pspf.Member{{file("a"), file("a")}}, code.StoreLink},
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, _, err := overlay(t, test.slots...); code.Of(err) != test.want {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestOnlyWhatASlotOfSetupAloneBroughtIsRemoved(t *testing.T) {
	path, root, made, err := overlay(t,
		[]pspf.Member{dir("both"), file("both/kept"), file("replaced")},
		[]pspf.Member{dir("both"), file("both/setup"), file("own/deep/file"), file("replaced"), file("gone"), file("changed"), dir("claimed"), file("full/file")})
	must(t, err)
	made.Claim("claimed")
	must(t, os.Remove(path+"/gone"))
	must(t, os.Remove(path+"/changed"))
	must(t, os.Mkdir(path+"/changed", 0o755))
	must(t, os.WriteFile(path+"/full/program", nil, 0o644))
	must(t, made.RemoveSlots(root, map[int]bool{1: true}))
	for name, there := range map[string]bool{
		"both": true, "both/kept": true, "both/setup": false, "own": false, "replaced": true, "changed": true, "claimed": true,
		"full": true, "full/file": false, "full/program": true,
	} {
		if _, err := os.Lstat(path + "/" + name); (err == nil) != there {
			t.Errorf("%s: there %v, expected %v", name, err == nil, there)
		}
	}
}

func TestS21RemovingNeverGoesThroughALinkThatSetupMade(t *testing.T) {
	path, root, made, err := overlay(t, []pspf.Member{file("a/b/c")})
	must(t, err)
	outside := t.TempDir()
	must(t, os.MkdirAll(outside+"/b", 0o755))
	must(t, os.WriteFile(outside+"/b/c", nil, 0o644))
	must(t, os.RemoveAll(path+"/a"))
	must(t, os.Symlink(outside, path+"/a"))
	if err := made.RemoveSlots(root, map[int]bool{0: true}); code.Of(err) != code.StoreComposition {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(outside + "/b/c"); err != nil {
		t.Error("something outside was removed")
	}
}

func TestFilesAreComparedToTheLastByte(t *testing.T) {
	members := []pspf.Member{dir("d"), file("d/f"), link("l", "d/f")}
	path, root, err := write(t, Rules{}, members)
	must(t, err)
	compare := func() error {
		comparer := NewComparer(root, Rules{})
		defer comparer.Close()
		if err := give(comparer.Sink(), members); err != nil {
			return err
		}
		return comparer.Added()
	}
	must(t, compare())
	if !SameFile(root, "d/f", []byte("d/f"), 0o644) || SameFile(root, "d/f", []byte("d/F"), 0o644) || SameFile(root, "d/f", []byte("d/f"), 0o600) || SameFile(root, "l", []byte("d/f"), 0o644) {
		t.Error("files are compared wrongly")
	}
	if !SameLink(root, "l", "d/f") || SameLink(root, "l", "d") || SameLink(root, "d/f", "") {
		t.Error("links are compared wrongly")
	}
	must(t, os.WriteFile(path+"/d/added", nil, 0o644))
	if differs, ok := Difference(compare()); !ok || differs != "d/added" {
		t.Errorf("got %q", differs)
	}
	must(t, os.Remove(path+"/d/added"))
	must(t, os.WriteFile(path+"/d/f", []byte("d/F"), 0o644))
	if differs, ok := Difference(compare()); !ok || differs != "d/f" {
		t.Errorf("got %q", differs)
	}
}
