//go:build unix

package store

import (
	"bytes"
	"encoding/hex"
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

// expected is the code with which unpacking or composing the package of a vector ends, and whether the table says.
func (v *vector) expected() (code.Code, bool) {
	switch {
	case v.Name == "foreign-least-keys":
		// A file without a target is well-formed, and there is no place for it (8.8).
		return code.StoreComposition, true
	case v.Compose != "":
		return code.Code(v.Compose), true
	case v.Unpack != "":
		return code.Code(v.Unpack), true
	case v.Outcome == "ok" || v.Step == "launcher":
		return "", true
	case v.Layer == "tree":
		// Names that are not fit for another target: a launcher of this platform refuses the target before.
		return "", false
	}
	return code.Code(v.Outcome), true
}

func TestEveryVectorIsBroughtIntoAStoreOrRefusedAsTheTableSays(t *testing.T) {
	judged := 0
	for _, v := range vectors(t) {
		want, says := v.expected()
		if v.Layer == "open" || !says {
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
