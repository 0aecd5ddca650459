//go:build unix

package record

import (
	"bytes"
	"encoding/hex"
	"os"
	"testing"

	"flavorpack-native/launchers/go/internal/store/place"
)

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func newRoot(tb testing.TB) (*place.Root, *place.Staging) {
	tb.Helper()
	base := tb.TempDir()
	must(tb, os.Chmod(base, 0o700))
	root, err := place.Create(base + "/s")
	must(tb, err)
	staging, err := root.Stage()
	must(tb, err)
	tb.Cleanup(func() { staging.Remove(); root.Close() })
	return root, staging
}

func TestTheChecksumNoticesEveryByteAndPadsWithZeros(t *testing.T) {
	data := []byte("twenty-one bytes long")
	sum := Checksum(data)
	for at := range data {
		changed := bytes.Clone(data)
		changed[at] ^= 1
		if Checksum(changed) == sum {
			t.Errorf("byte %d may change", at)
		}
	}
	if Checksum(append(bytes.Clone(data), 0, 0, 0)) != sum {
		t.Error("padding is not with zeros")
	}
	if Checksum(nil) != 0xcbf29ce484222325 {
		t.Error("nothing has another checksum than the start")
	}
}

func TestARecordIsValidOnlyWholeAndForItsFolder(t *testing.T) {
	root, staging := newRoot(t)
	must(t, root.Slots.Make("k", 0o755))
	about := [32]byte{1, 2, 3}
	wrote := Record{Boot: ThisBoot(), Bytes: 7, Members: 3, About: about}
	must(t, Write(staging, root.Slots, "k", wrote))
	found, ok := Read(root.Slots, "k", about)
	if !ok || found.Bytes != 7 || found.Members != 3 || found.Boot != ThisBoot() {
		t.Fatalf("got %+v, %v", found, ok)
	}
	if _, ok := Read(root.Slots, "k", [32]byte{9}); ok {
		t.Error("a record about something else is taken")
	}
	path := root.Path + "/v1/slots/k.record"
	raw, err := os.ReadFile(path)
	must(t, err)
	for at := range raw {
		changed := bytes.Clone(raw)
		changed[at] ^= 0x40
		if _, ok := Decode(changed); ok {
			t.Errorf("byte %d may change", at)
		}
	}
	for _, length := range []int{0, 1, 127, 129} {
		if _, ok := Decode(append(bytes.Clone(raw), 0)[:length]); ok {
			t.Errorf("%d bytes are taken", length)
		}
	}
	sealedEnd := found
	encoded := sealedEnd.Encode()
	encoded[127] = 1
	copy(encoded[8:16], seal(encoded[16:]))
	if _, ok := Decode(encoded[:]); ok {
		t.Error("bytes at the end are taken")
	}
	must(t, os.Rename(root.Path+"/v1/slots/k", root.Path+"/v1/slots/old"))
	if _, ok := Read(root.Slots, "k", about); ok {
		t.Error("a record without its folder is taken")
	}
	must(t, root.Slots.Make("k", 0o755))
	if _, ok := Read(root.Slots, "k", about); ok {
		t.Error("a record is taken for another folder")
	}
}

func seal(data []byte) []byte {
	sum := Checksum(data)
	raw := make([]byte, 8)
	for at := range raw {
		raw[at] = byte(sum >> (8 * at))
	}
	return raw
}

func TestS17OnlyFilesOfOnesOwnCount(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"a second name":        func(path string) error { return os.Link(path, path+".second") },
		"others may write":     func(path string) error { return os.Chmod(path, 0o602) },
		"the group may write":  func(path string) error { return os.Chmod(path, 0o620) },
		"a link":               func(path string) error { return both(os.Rename(path, path+".real"), os.Symlink(path+".real", path)) },
		"a folder":             func(path string) error { return both(os.Remove(path), os.Mkdir(path, 0o700)) },
		"somebody else's file": func(path string) error { return os.Chown(path, 65534, 65534) },
	} {
		t.Run(name, func(t *testing.T) {
			if name == "somebody else's file" && os.Geteuid() != 0 {
				t.Skip("needs root")
			}
			root, staging := newRoot(t)
			must(t, root.Slots.Make("k", 0o755))
			must(t, Write(staging, root.Slots, "k", Record{}))
			must(t, change(root.Path+"/v1/slots/k.record"))
			if _, ok := Read(root.Slots, "k", [32]byte{}); ok {
				t.Error("it counts")
			}
		})
	}
}

func both(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestTheBootIDIsTheKernelsUUID(t *testing.T) {
	boot, ok := parseBoot([]byte("01234567-89ab-cdef-0123-456789abcdef\n"))
	if !ok || hex.EncodeToString(boot[:]) != "0123456789abcdef0123456789abcdef" {
		t.Errorf("got %x, %v", boot, ok)
	}
	for _, text := range []string{"", "0123", "01234567-89ab-cdef-0123-456789abcdeg", "01234567-89ab-cdef-0123-456789abcdef0", "00000000-0000-0000-0000-000000000000", "0123\n4567-89ab-cdef-0123-456789abcdef"} {
		if _, ok := parseBoot([]byte(text)); ok {
			t.Errorf("%q is taken", text)
		}
	}
	if ThisBoot() == Durable {
		t.Error("this boot is durable")
	}
}

func TestDescriptionsAreReadAsTheyWereWritten(t *testing.T) {
	about := About{Name: "demo", Version: "1.0", Slots: [][32]byte{{1}, {2}}, Private: true}
	raw, ok := about.Encode()
	if !ok || len(raw) != 32+64+4+3 || string(raw[:8]) != "FLVENV01" {
		t.Fatalf("got %x", raw)
	}
	found, ok := DecodeAbout(raw)
	if !ok || found.Name != "demo" || found.Version != "1.0" || len(found.Slots) != 2 || found.Slots[1] != about.Slots[1] || !found.Private {
		t.Fatalf("got %+v", found)
	}
	for at := range raw {
		changed := bytes.Clone(raw)
		changed[at] ^= 0x10
		if _, ok := DecodeAbout(changed); ok {
			t.Errorf("byte %d may change", at)
		}
		if _, ok := DecodeAbout(raw[:at]); ok {
			t.Errorf("%d bytes are taken", at)
		}
	}
	lying := bytes.Clone(raw)
	lying[24], lying[25], lying[26], lying[27] = 255, 255, 255, 255
	copy(lying[8:16], seal(lying[16:]))
	if _, ok := DecodeAbout(lying); ok {
		t.Error("more slots than bytes are taken")
	}
	many := About{Slots: make([][32]byte, 8192)}
	if _, ok := many.Encode(); ok {
		t.Error("a description of more than 256 KiB is made")
	}
	root, staging := newRoot(t)
	must(t, Publish(staging, root.Envs, "e.about", raw))
	if !SameAbout(root.Envs, "e", raw) || SameAbout(root.Envs, "e", raw[1:]) || SameAbout(root.Envs, "f", raw) {
		t.Error("descriptions are compared wrongly")
	}
}

func TestNothingOfAFileThatCannotBePublishedIsLeft(t *testing.T) {
	root, staging := newRoot(t)
	must(t, root.Slots.Make("taken", 0o700))
	if err := Publish(staging, root.Slots, "taken", []byte("x")); err == nil {
		t.Fatal("a folder was replaced")
	}
	names, err := staging.Dir.Names()
	if err != nil || len(names) != 1 {
		t.Fatalf("got %v (%v)", names, err)
	}
}
