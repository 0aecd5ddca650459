//go:build unix

package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"flavorpack-native/launchers/go/internal/plan"
	"flavorpack-native/launchers/go/internal/pspf"
	"flavorpack-native/launchers/go/internal/store/place"
	"flavorpack-native/launchers/go/internal/store/record"
)

// A store works while the launcher has set the umask to 0 (LAUNCH.md 4.1).
func TestMain(m *testing.M) {
	syscall.Umask(0)
	os.Exit(m.Run())
}

const vectorsFolder = "../../../../__test__/vectors"

type vector struct {
	Name, File, Outcome, Layer, Step string
	Unpack, Compose                  string
	Edits                            []struct {
		At, Remove int
		Insert     string
	}
	SlotKeys []*string `json:"slot_keys"`
}

func vectors(tb testing.TB) []vector {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join(vectorsFolder, "vectors.json"))
	must(tb, err)
	var all []vector
	must(tb, json.Unmarshal(text, &all))
	if len(all) < 800 {
		tb.Fatalf("the table has %d vectors only", len(all))
	}
	return all
}

func (v *vector) bytes(tb testing.TB) []byte {
	tb.Helper()
	file, err := os.ReadFile(filepath.Join(vectorsFolder, filepath.FromSlash(v.File)))
	must(tb, err)
	for _, edit := range slices.Backward(v.Edits) {
		insert, err := hex.DecodeString(edit.Insert)
		must(tb, err)
		file = slices.Concat(file[:edit.At], insert, file[edit.At+edit.Remove:])
	}
	return file
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// open opens the package of a vector, with some of its bytes changed afterwards.
func open(tb testing.TB, name string, edits ...func(file []byte)) *pspf.Package {
	tb.Helper()
	all := vectors(tb)
	at := slices.IndexFunc(all, func(v vector) bool { return v.Name == name })
	if at < 0 {
		tb.Fatalf("there is no vector %s", name)
	}
	file := all[at].bytes(tb)
	for _, edit := range edits {
		edit(file)
	}
	pack, err := pspf.Open(bytes.NewReader(file), int64(len(file)))
	must(tb, err)
	return pack
}

// folderOf makes a folder that a store may lie in, whatever the umask is.
func folderOf(tb testing.TB) string {
	tb.Helper()
	path := tb.TempDir()
	must(tb, os.Chmod(path, 0o700))
	return path
}

// newWork takes a new store for a package; its slots take part as `share` says.
func newWork(tb testing.TB, pack *pspf.Package) *Work { return workIn(tb, pack, folderOf(tb)) }

func workIn(tb testing.TB, pack *pspf.Package, path string) *Work {
	tb.Helper()
	w := &Work{Context: tb.Context(), Package: pack, Boot: record.ThisBoot(), Workers: 2}
	for n := range pack.Slots() {
		part := plan.Private
		if flavor := pack.Slots()[n].Flavor; flavor != nil && flavor.Share {
			part = plan.Shared
		}
		w.Parts = append(w.Parts, part)
	}
	var err error
	w.Root, w.Staging, err = place.Take([]string{path}, w.Need)
	must(tb, err)
	tb.Cleanup(func() {
		w.Staging.Remove()
		w.Root.Close()
	})
	return w
}

// state is what a tree holds: paths with kinds, modes, contents and link targets, without times.
func state(tb testing.TB, path string) map[string]string {
	tb.Helper()
	found := map[string]string{}
	must(tb, filepath.Walk(path, func(at string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		inside, _ := filepath.Rel(path, at)
		text := info.Mode().String()
		switch {
		case info.Mode()&os.ModeSymlink != 0:
			target, err := os.Readlink(at)
			if err != nil {
				return err
			}
			text += " " + target
		case info.Mode().IsRegular():
			data, err := os.ReadFile(at)
			if err != nil {
				return err
			}
			sum := sha256.Sum256(data)
			text += " " + hex.EncodeToString(sum[:8])
		}
		found[inside] = text
		return nil
	}))
	return found
}

func same(tb testing.TB, got, want map[string]string) {
	tb.Helper()
	for path, text := range want {
		if got[path] != text {
			tb.Errorf("%s: got %q, expected %q", path, got[path], text)
		}
	}
	for path := range got {
		if _, there := want[path]; !there {
			tb.Errorf("%s is too much", path)
		}
	}
}

// leftovers are the names in `tmp` but the staging of w.
func leftovers(tb testing.TB, w *Work) []string {
	tb.Helper()
	names, err := w.Staging.Dir.Names()
	must(tb, err)
	return slices.DeleteFunc(names, func(name string) bool { return name == "lock" })
}

// usual is a package with a shared slot, two private ones in one folder, links of both kinds and generated files.
const usual = "composition-usual"

func installed(tb testing.TB, w *Work) *Installed {
	tb.Helper()
	made, err := w.Install()
	must(tb, err)
	tb.Cleanup(made.Hold.End)
	return made
}

const errFull = syscall.ENOSPC
