package pspf

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"flavorpack-native/launchers/go/internal/code"
)

// vectorsFolder is __test__/vectors of the repository.
const vectorsFolder = "../../../../__test__/vectors"

type vector struct {
	Name    string
	File    string
	Outcome string
	Layer   string
	Step    string
	SHA256  string
	Edits   []struct {
		At, Remove int
		Insert     string
	}
}

// bytes is the package of a vector, its edits applied from the last to the first.
func (v *vector) bytes(tb testing.TB) []byte {
	tb.Helper()
	file, err := os.ReadFile(filepath.Join(vectorsFolder, filepath.FromSlash(v.File)))
	if err != nil {
		tb.Fatal(err)
	}
	for _, edit := range slices.Backward(v.Edits) {
		insert, err := hex.DecodeString(edit.Insert)
		if err != nil {
			tb.Fatal(err)
		}
		file = slices.Concat(file[:edit.At], insert, file[edit.At+edit.Remove:])
	}
	if digest := sha256.Sum256(file); v.SHA256 != "" && hex.EncodeToString(digest[:]) != v.SHA256 {
		tb.Fatalf("%s: the edits give other bytes than the table says", v.Name)
	}
	return file
}

func vectors(tb testing.TB) []vector {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join(vectorsFolder, "vectors.json"))
	if err != nil {
		tb.Fatal(err)
	}
	var all []vector
	if err := json.Unmarshal(text, &all); err != nil {
		tb.Fatal(err)
	}
	if len(all) < 800 {
		tb.Fatalf("the table has %d vectors only", len(all))
	}
	return all
}

func TestEveryVectorIsOpenedOrRefusedAsTheTableSays(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			file := v.bytes(t)
			_, err := Open(bytes.NewReader(file), int64(len(file)))
			expected := "ok"
			if v.Layer == "open" {
				expected = v.Outcome
			}
			if got := outcome(err); got != expected {
				t.Errorf("got %s (%v), expected %s", got, err, expected)
			}
		})
	}
}

func TestTheStepThatFailedIsNamed(t *testing.T) {
	named := 0
	for _, v := range vectors(t) {
		if v.Layer != "open" {
			continue
		}
		file := v.bytes(t)
		_, step, err := OpenSteps(bytes.NewReader(file), int64(len(file)))
		if err == nil || string(step) != v.Step {
			t.Errorf("%s: got %s (%v), expected %s", v.Name, step, err, v.Step)
		}
		named++
	}
	if named < 400 {
		t.Errorf("only %d vectors were judged", named)
	}
}

func outcome(err error) string {
	if err == nil {
		return "ok"
	}
	return string(code.Of(err))
}
