//go:build unix

package store

import (
	"bytes"
	"encoding/hex"
	"os"
	"slices"
	"strings"
	"testing"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/pspf"
)

func TestS16SlotKeysAreThoseOfTheVectors(t *testing.T) {
	seen := map[string]string{}
	for _, v := range vectors(t) {
		if v.SlotKeys == nil {
			continue
		}
		file := v.bytes(t)
		pack, err := pspf.Open(bytes.NewReader(file), int64(len(file)))
		must(t, err)
		for n, want := range v.SlotKeys {
			if want == nil {
				continue
			}
			key, err := Key(&pack.Slots()[n])
			if err != nil || hex.EncodeToString(key[:]) != *want {
				t.Errorf("%s, slot %d: got %x (%v), expected %s", v.Name, n, key, err, *want)
			}
			seen[v.Name] = *want
		}
	}
	for name, key := range seen {
		if same := key == seen["key-tree"]; strings.HasPrefix(name, "key-same-") && !same || strings.HasPrefix(name, "key-other-") && same {
			t.Errorf("%s: the key has changed or not against its name", name)
		}
	}
	if len(seen) < 50 {
		t.Fatalf("only %d vectors have keys", len(seen))
	}
}

// expected is the code with which unpacking or composing the package of a vector ends.
func (v *vector) expected() code.Code {
	switch {
	case v.Name == "foreign-least-keys":
		// A file without a target is well-formed, and there is no place for it (8.8).
		return code.StoreComposition
	case v.Compose != "":
		return code.Code(v.Compose)
	case v.Unpack != "":
		return code.Code(v.Unpack)
	case v.Outcome == "ok" || v.Step == "launcher":
		return ""
	}
	return code.Code(v.Outcome)
}

func TestEveryVectorIsBroughtIntoAStoreOrRefusedAsTheTableSays(t *testing.T) {
	judged := 0
	for _, v := range vectors(t) {
		want := v.expected()
		if v.Layer == "open" {
			continue
		}
		t.Run(v.Name, func(t *testing.T) {
			file := v.bytes(t)
			pack, err := pspf.Open(bytes.NewReader(file), int64(len(file)))
			must(t, err)
			w := newWork(t, pack)
			if IsPrivate(pack) {
				_, err = w.InstallPrivate(nothing)
			} else if err = w.unpackEach(); err == nil {
				_, err = w.Install()
			}
			if code.Of(err) != want {
				t.Fatalf("got %q (%v), expected %q", code.Of(err), err, want)
			}
			judged++
			if err == nil {
				return
			}
			if left := leftovers(t, w); len(left) != 0 {
				t.Errorf("staging holds %v", left)
			}
			if names, err := w.Root.Envs.Names(); err != nil || len(names) != 0 {
				t.Errorf("environments: %v (%v)", names, err)
			}
		})
	}
	if judged < 200 {
		t.Errorf("only %d vectors were judged", judged)
	}
}

func TestS13NamesThatDifferByCaseAloneAreRefusedInAStoreThatIgnoresCase(t *testing.T) {
	// A slot that holds such names, or slots of which only the composition does.
	for name, inside := range map[string]bool{
		"names-folder-linux": true, "names-nfkc-linux": true,
		"composition-case-files-linux": false, "composition-case-folders-linux": false, "composition-case-member-linux": false,
	} {
		t.Run(name, func(t *testing.T) {
			pack := open(t, name)
			w := newWork(t, pack)
			must(t, w.unpackEach())
			installed(t, w)
			w = newWork(t, pack)
			if w.Staging.IgnoresCase() {
				t.Skip("this file system ignores case")
			}
			// What such a file system answers: the file `lock` under the name `LOCK`.
			must(t, os.Link(w.Staging.Path+"/lock", w.Staging.Path+"/LOCK"))
			err := w.unpackEach()
			if err == nil && !inside {
				_, err = w.Install()
			}
			if code.Of(err) != code.PspfMemberName {
				t.Errorf("got %v", err)
			}
			if left := leftovers(t, w); !slices.Equal(left, []string{"LOCK"}) {
				t.Errorf("staging holds %v", left)
			}
			if names, err := w.Root.Envs.Names(); err != nil || len(names) != 0 {
				t.Errorf("environments: %v (%v)", names, err)
			}
		})
	}
}

func TestS13WhatTheFileSystemSaysGoesBeforeTheRulesOfCompositionInAStoreThatIgnoresCase(t *testing.T) {
	for name, want := range map[string]code.Code{
		// While members are written.
		"composition-slots-one-file": code.PspfMemberName, "composition-slots-folder-and-file": code.StoreLink,
		"composition-slots-below-file": code.StoreLink, "composition-into-at-member": code.StoreLink, "composition-into-below-member": code.StoreLink,
		// Afterwards one path twice is no name that differs by case.
		"composition-file-at-member": code.StoreComposition, "composition-slots-link-and-file": code.StoreComposition,
		"composition-into-at-private-link": code.StoreComposition,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWork(t, open(t, name))
			if !w.Staging.IgnoresCase() {
				must(t, os.Link(w.Staging.Path+"/lock", w.Staging.Path+"/LOCK"))
			}
			err := w.unpackEach()
			if err == nil {
				_, err = w.Install()
			}
			if code.Of(err) != want {
				t.Errorf("got %v, expected %s", err, want)
			}
			if names, err := w.Root.Envs.Names(); err != nil || len(names) != 0 {
				t.Errorf("environments: %v (%v)", names, err)
			}
		})
	}
}

func TestS13PackagesWithoutSuchNamesAreUnpackedInAStoreThatIgnoresCase(t *testing.T) {
	private, composed := 0, 0
	for _, v := range vectors(t) {
		if v.expected() != "" || strings.HasSuffix(v.Name, "-linux") || v.Layer == "open" {
			continue
		}
		t.Run(v.Name, func(t *testing.T) {
			file := v.bytes(t)
			pack, err := pspf.Open(bytes.NewReader(file), int64(len(file)))
			must(t, err)
			w := newWork(t, pack)
			if !w.Staging.IgnoresCase() {
				must(t, os.Link(w.Staging.Path+"/lock", w.Staging.Path+"/LOCK"))
			}
			if IsPrivate(pack) {
				private++
				_, err = w.InstallPrivate(nothing)
			} else {
				composed++
				_, err = w.Install()
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	if private < 10 || composed < 10 {
		t.Errorf("only %d and %d packages were unpacked", private, composed)
	}
}

func TestS13AFileOfTheSameContentUnderTheOtherNameSaysNothing(t *testing.T) {
	w := newWork(t, open(t, "names-folder-linux"))
	must(t, os.WriteFile(w.Staging.Path+"/LOCK", nil, 0o600))
	installed(t, w)
}

func TestS13DataAndExtractedSlotsAskTheirOwnFolder(t *testing.T) {
	w := newWork(t, open(t, "names-folder-linux"))
	into := folderOf(t)
	must(t, w.Extract(0, into, "00_x"))
	if names, err := os.ReadDir(into); err != nil || len(names) != 1 {
		t.Errorf("beside the slot: %v (%v)", names, err)
	}
	parent := folderOf(t)
	must(t, os.WriteFile(parent+"/.lock", nil, 0o600))
	must(t, os.Link(parent+"/.lock", parent+"/.LOCK"))
	if _, err := w.CopyData(0, parent+"/data"); code.Of(err) != code.PspfMemberName {
		t.Errorf("got %v", err)
	}
	if _, err := os.Lstat(parent + "/.new"); err == nil {
		t.Error("something is left")
	}
	must(t, os.Remove(parent+"/.LOCK"))
	if copied, err := w.CopyData(0, parent+"/data"); err != nil || !copied {
		t.Errorf("got %v, %v", copied, err)
	}
	if _, err := newWork(t, open(t, "names-ascii-darwin")).CopyData(0, parent+"/more"); code.Of(err) != code.PspfMemberName {
		t.Errorf("a package for darwin: got %v", err)
	}
}

// nothing is a private environment without setup that never asks for more than its record.
var nothing = &Private{
	Ready: func(*Enclosure, bool) (bool, error) { return true, nil },
	Setup: func(*Enclosure) error { return nil },

	Directories: func(string) ([]PrivateDirectory, error) { return nil, nil },
}

// unpackEach unpacks every slot by itself, as whoever asks for one does, and removes it again.
func (w *Work) unpackEach() error {
	for n := range w.Package.Slots() {
		if w.Package.Slots()[n].Entry.SelfRef {
			continue
		}
		name, _, err := w.unpackSlot(n, "slot")
		if err != nil {
			return err
		}
		if err := w.Staging.Dir.RemoveAll(name); err != nil {
			return err
		}
	}
	return nil
}
