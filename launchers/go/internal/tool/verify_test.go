//go:build unix

package tool

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/environment"
	"flavorpack-native/launchers/go/internal/launch"
	"flavorpack-native/launchers/go/internal/tell"
)

const vectorsFolder = "../../../../__test__/vectors"

// vector is the package of a line of the table.
func vector(t *testing.T, name string) []byte {
	t.Helper()
	var all []struct {
		Name, File string
		Edits      []struct {
			At, Remove int
			Insert     string
		}
	}
	text, err := os.ReadFile(filepath.Join(vectorsFolder, "vectors.json"))
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range all {
		if v.Name != name {
			continue
		}
		file, err := os.ReadFile(filepath.Join(vectorsFolder, filepath.FromSlash(v.File)))
		if err != nil {
			t.Fatal(err)
		}
		for _, edit := range slices.Backward(v.Edits) {
			insert, err := hex.DecodeString(edit.Insert)
			if err != nil {
				t.Fatal(err)
			}
			file = slices.Concat(file[:edit.At], insert, file[edit.At+edit.Remove:])
		}
		return file
	}
	t.Fatalf("there is no vector %s", name)
	return nil
}

// sessionOn is a tool's on a file.
func sessionOn(t *testing.T, file []byte) (s *session, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "package")
	if err := os.WriteFile(path, file, 0o644); err != nil {
		t.Fatal(err)
	}
	start := &launch.Start{Opened: time.Now(), Variables: environment.Of(nil), Teller: tell.New("test", nil)}
	var err error
	if start.File, start.Path, err = launch.OpenPackage(path); err == nil {
		err = start.Read()
	}
	if err != nil && code.Of(err) != code.PspfNotAPackage {
		t.Fatal(err)
	}
	return &session{start: start}, path
}

// checksOf gives the names of the checks, the failed one with its code.
func checksOf(s *session, each func(name string)) string {
	var made []string
	s.checks(func(name, _ string, err error) bool {
		each(name)
		if err != nil {
			name += "=" + string(code.Of(err))
		}
		made = append(made, name)
		return err == nil
	})
	return strings.Join(made, " ")
}

func TestVerifyNamesTheStepThatFailedAndThoseBeforeIt(t *testing.T) {
	const ours = "trailer index metadata signature json "
	for name, want := range map[string]string{
		"good-one-slot":               ours + "signer-key rendering launcher slot 0 (app) trust=ERR_TRUST_PUBLIC_KEY",
		"model-permissions-not-octal": ours + "signer-key rendering=ERR_PSPF_METADATA_MODEL",
		"rendering-gap-not-zero":      ours + "signer-key rendering=ERR_PSPF_RENDERING",
		"index-table-size-odd":        "trailer index=ERR_PSPF_INDEX",
		"foreign-slots-without-table": ours + "slot-table=ERR_PSPF_INDEX",
		"foreign-slot-in-table":       ours + "slot-table=ERR_PSPF_REGION",
		"operations-packed-gap":       ours + "slot-table=ERR_PSPF_OPERATIONS",
		"composition-mode-writable":   ours[:len(ours)-5] + "json=ERR_PSPF_METADATA_MODEL",
	} {
		s, _ := sessionOn(t, vector(t, name))
		if got := checksOf(s, func(string) {}); got != want {
			t.Errorf("%s: got %s\nexpected %s", name, got, want)
		}
	}
}

func TestVerifyOfAForeignPackageAsksForDigestsOfAllSlotsButTheAttestation(t *testing.T) {
	s, _ := sessionOn(t, vector(t, "foreign-back-to-back"))
	if got := checksOf(s, func(string) {}); !strings.HasPrefix(got, "trailer index metadata signature json slot-table launcher slots slot 0 (") {
		t.Errorf("got %s", got)
	}
	for id, want := range map[string]string{"_attestation": "slots slot 0 (_attestation)", "other": "slots=ERR_PSPF_FOREIGN"} {
		s, _ := sessionOn(t, vector(t, "foreign-back-to-back"))
		if err := s.open(); err != nil {
			t.Fatal(err)
		}
		slot := &s.pkg.Slots()[0]
		slot.Entry.ID, slot.HasDigest = id, false
		var made []string
		s.slotChecks(func(name, _ string, err error) bool {
			if err != nil {
				name += "=" + string(code.Of(err))
			}
			made = append(made, name)
			return err == nil
		})
		if got := strings.Join(made, " "); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %s", id, got)
		}
	}
}

func TestS10AFileThatChangesWhileItIsVerifiedIsNotTrusted(t *testing.T) {
	s, path := sessionOn(t, vector(t, "good-one-slot"))
	got := checksOf(s, func(name string) {
		if name == "launcher" {
			if err := os.Chtimes(path, time.Unix(1, 0), time.Unix(1, 0)); err != nil {
				t.Fatal(err)
			}
		}
	})
	if !strings.HasSuffix(got, "slot 0 (app) file=ERR_LAUNCH_CHANGED") {
		t.Errorf("got %s", got)
	}
}
