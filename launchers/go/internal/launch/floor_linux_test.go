package launch

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestALoaderStatesItsVersionByItsNameOrInItsText(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	link := filepath.Join(folder, "ld-linux.so.2")
	if err := os.Symlink(write("ld-2.17.so", "no text"), link); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		link: "2.17",
		write("new", "\x00ld.so (Debian GLIBC 2.36-9) stable release version 2.36.\n"): "2.36",
		write("other", "a stand-in"): "",
	} {
		if got, err := statedByLoader(path); err != nil || got != want {
			t.Errorf("%s: got %q, %v, expected %q", path, got, err, want)
		}
	}
	if _, err := statedByLoader(filepath.Join(folder, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v for a loader that is not there", err)
	}
}
