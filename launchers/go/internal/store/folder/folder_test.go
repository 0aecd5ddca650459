//go:build unix

package folder

import (
	"os"
	"slices"
	"strings"
	"testing"
)

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func opened(t *testing.T) (*Dir, string) {
	t.Helper()
	path := t.TempDir()
	dir, err := OpenPath(path)
	must(t, err)
	t.Cleanup(dir.Close)
	return dir, path
}

func TestNoNameIsReachedThroughALink(t *testing.T) {
	dir, path := opened(t)
	must(t, os.Mkdir(path+"/real", 0o755))
	must(t, os.WriteFile(path+"/file", nil, 0o644))
	must(t, os.Symlink("real", path+"/folder"))
	must(t, os.Symlink("file", path+"/link"))
	must(t, os.Symlink("missing", path+"/nowhere"))
	if _, err := dir.Open("folder"); err == nil {
		t.Error("a folder was opened through a link")
	}
	if _, err := dir.Pass("folder"); err == nil {
		t.Error("a folder was passed through a link")
	}
	if _, err := dir.Read("link"); err == nil {
		t.Error("a file was read through a link")
	}
	if _, err := dir.OpenOrCreate("nowhere", 0o600); err == nil {
		t.Error("a file was made through a link")
	}
	if _, err := dir.Create("file", 0o600); err == nil {
		t.Error("a file that is there was created")
	}
	if stat, err := dir.Stat("link"); err != nil || stat.Kind != Link {
		t.Errorf("got %+v, %v", stat, err)
	}
}

func TestRemovingTakesWholeTreesAndFollowsNothing(t *testing.T) {
	dir, path := opened(t)
	outside := t.TempDir()
	must(t, os.WriteFile(outside+"/precious", nil, 0o600))
	must(t, os.MkdirAll(path+"/tree/a/b/c", 0o755))
	must(t, os.WriteFile(path+"/tree/a/file", nil, 0o444))
	must(t, os.Symlink(outside, path+"/tree/a/way"))
	must(t, os.Chmod(path+"/tree/a/b", 0o000))
	must(t, os.Chmod(path+"/tree/a", 0o500))
	must(t, os.Symlink(outside, path+"/link"))
	for _, name := range []string{"tree", "link", "missing"} {
		must(t, dir.RemoveAll(name))
	}
	if names, err := dir.Names(); err != nil || len(names) != 0 {
		t.Errorf("left: %v (%v)", names, err)
	}
	if _, err := os.Stat(outside + "/precious"); err != nil {
		t.Error(err)
	}
}

func TestAllNamesAreListedHoweverManyThereAre(t *testing.T) {
	dir, path := opened(t)
	var want []string
	for n := range 2000 {
		name := strings.Repeat("n", n%200+1) + "-" + string(rune('a'+n%26)) + strings.Repeat("x", n/200)
		if !slices.Contains(want, name) {
			want = append(want, name)
			must(t, os.WriteFile(path+"/"+name, nil, 0o600))
		}
	}
	for range 2 {
		got, err := dir.Names()
		must(t, err)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("got %d names, expected %d", len(got), len(want))
		}
	}
}

func TestTargetsOfLinksAreReadWhole(t *testing.T) {
	dir, path := opened(t)
	target := strings.Repeat("t/", 1000)
	must(t, os.Symlink(target, path+"/long"))
	if got, err := dir.ReadLink("long"); err != nil || got != target {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
}

func TestAnIdentityChangesWithTheFile(t *testing.T) {
	dir, path := opened(t)
	must(t, os.WriteFile(path+"/f", []byte("one"), 0o600))
	before, err := dir.Stat("f")
	must(t, err)
	same, err := StatPath(path + "/f")
	must(t, err)
	if same.Identity != before.Identity || before.Size != 3 || before.Mode != 0o600 || before.Links != 1 || before.Owner != EffectiveUser() {
		t.Errorf("got %+v and %+v", before, same)
	}
	must(t, os.WriteFile(path+"/f", []byte("three"), 0o600))
	if after, err := dir.Stat("f"); err != nil || after.Identity == before.Identity {
		t.Errorf("got %+v, %v", after, err)
	}
}

func TestTheFileSystemIsKnown(t *testing.T) {
	dir, path := opened(t)
	disk, err := dir.OnFileSystem()
	if err != nil || disk.FreeBytes == 0 || disk.ReadOnly {
		t.Errorf("got %+v, %v", disk, err)
	}
	must(t, os.WriteFile(path+"/f", nil, 0o600))
	if DeniesWrite(path+"/f") || DeniesWrite(path+"/missing") {
		t.Error("the user may write there")
	}
}
