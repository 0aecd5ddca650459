//go:build unix

package tree

import (
	"os"
	"testing"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/pspf"
	"flavorpack-native/launchers/go/internal/store/folder"
)

func TestS13MembersThatDifferByCaseOrCompositionAloneAreRefusedWhereCaseIsIgnored(t *testing.T) {
	for name, test := range map[string]struct {
		members []pspf.Member
		implied bool
	}{
		"files":                     {[]pspf.Member{file("readme"), file("README")}, false},
		"a file and a link":         {[]pspf.Member{file("readme"), link("README", "x")}, false},
		"folders":                   {[]pspf.Member{dir("lib"), dir("LIB")}, false},
		"a folder of two spellings": {[]pspf.Member{dir("lib"), dir("Lib"), file("lib/a"), file("Lib/b")}, false},
		"folders that are implied":  {[]pspf.Member{file("lib/a"), file("Lib/b")}, true},
		"composed and decomposed":   {[]pspf.Member{file("caf\u00e9"), file("cafe\u0301")}, false},
		"other letters":             {[]pspf.Member{file("stra\u00dfe"), file("STRASSE")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			for system, want := range map[string]code.Code{"": "", "darwin": code.PspfMemberName, "windows": code.PspfMemberName} {
				_, _, err := write(t, Rules{Implied: test.implied, Names: system}, test.members)
				if code.Of(err) != want {
					t.Errorf("names of %q: got %v", system, err)
				}
			}
		})
	}
	if _, _, err := write(t, Rules{Names: "darwin"}, []pspf.Member{dir("a"), file("a/b"), file("b"), link("c", "A")}); err != nil {
		t.Errorf("names that differ: %v", err)
	}
	for system, want := range map[string]code.Code{"darwin": "", "windows": code.PspfMemberName} {
		if _, _, err := write(t, Rules{Names: system}, []pspf.Member{file("aux.txt")}); code.Of(err) != want {
			t.Errorf("a device, names of %q: got %v", system, err)
		}
	}
}

func TestS13AMemberThatTheFileSystemHasAlreadyIsRefusedAsAName(t *testing.T) {
	for _, members := range [][]pspf.Member{{file("a")}, {link("a", "b")}} {
		path := t.TempDir()
		// What the file system takes for the member.
		must(t, os.WriteFile(path+"/a", nil, 0o644))
		root, err := folder.OpenPath(path)
		must(t, err)
		defer root.Close()
		writer := NewWriter(root, Rules{Names: "darwin", Totals: totals(members)})
		if err = give(writer.Sink(), members); err == nil {
			if _, err = writer.Finish(); err == nil {
				err = writer.Links()
			}
		}
		if code.Of(err) != code.PspfMemberName {
			t.Errorf("got %v", err)
		}
	}
}

func TestS13ATreeOfWhichTheFileSystemMadeFewerEntriesIsRefused(t *testing.T) {
	members := []pspf.Member{file("a/b/c"), file("a/d"), link("l", "a")}
	path, root, err := write(t, Rules{Implied: true, Names: "darwin"}, members)
	must(t, err)
	const made = 5 // two folders are implied
	must(t, CheckEntries(root, made))
	must(t, os.WriteFile(path+"/a/more", nil, 0o644))
	if err := CheckEntries(root, made); code.Of(err) != code.PspfMemberName {
		t.Errorf("one more: got %v", err)
	}
	must(t, os.Remove(path+"/a/more"))
	must(t, os.Remove(path+"/a/b/c"))
	if err := CheckEntries(root, made); code.Of(err) != code.PspfMemberName {
		t.Errorf("one less: got %v", err)
	}
}
