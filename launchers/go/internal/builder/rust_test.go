package builder

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"flavorpack-native/launchers/go/internal/pspf"
)

// rustBuilder is the other implementation: FLAVOR_RS_BUILDER, or what `cargo xtask build` put into dist.
func rustBuilder(t *testing.T) string {
	t.Helper()
	path := os.Getenv("FLAVOR_RS_BUILDER")
	if path == "" {
		path = filepath.Join("..", "..", "..", "..", "dist", "launchers", runtime.GOOS+"_"+runtime.GOARCH, "flavor-rs-builder")
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("flavor-rs-builder is not there: %s", path)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// both builds the plan with both builders.
func both(t *testing.T, plan string) (rust, native []byte) {
	t.Helper()
	program := rustBuilder(t)
	root := project(t)
	manifest, output := filepath.Join(root, "plan.json"), filepath.Join(root, "rust.psp")
	if err := os.WriteFile(manifest, []byte(plan), 0o644); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(program, "-m", manifest, "-o", output, "--launcher-bin", filepath.Join(root, "launcher"), "--key-seed", "a seed of these tests")
	command.Dir = root
	command.Env = []string{}
	if message, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, message)
	}
	rust, err := os.ReadFile(output)
	if err != nil {
		t.Fatal(err)
	}
	return rust, build(t, options(root, plan))
}

func TestRawSlotsAndArchivesAreTheBytesOfTheRustBuilder(t *testing.T) {
	for name, plan := range map[string]string{
		"raw, tar and $SELF": plainPlan,
		"no slots":           `{"package": {"name": "x", "version": "1"}, "execution": {"command": "c"}, "slots": []}`,
	} {
		t.Run(name, func(t *testing.T) {
			rust, native := both(t, plan)
			if expected, got := sha256.Sum256(rust), sha256.Sum256(native); got != expected {
				t.Errorf("got SHA-256 %s, the Rust builder's is %s\n%s\n%s", hex.EncodeToString(got[:]), hex.EncodeToString(expected[:]),
					documentOf(t, native), documentOf(t, rust))
			}
		})
	}
}

func TestPreEncodedSlotsAreTheBytesOfTheRustBuilder(t *testing.T) {
	packed := build(t, options(project(t), strings.Replace(plainPlan, `"operations": "tar"`, `"operations": "tgz"`, 1)))
	p, err := pspf.Open(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		t.Fatal(err)
	}
	slot := p.Slots()[1]
	archive := filepath.Join(t.TempDir(), "tree.tgz")
	if err := os.WriteFile(archive, packed[slot.Offset:slot.Offset+slot.Size], 0o644); err != nil {
		t.Fatal(err)
	}
	plan := strings.Replace(plainPlan, `"source": "tree", "target": "{workenv}", "operations": "tar"`,
		`"source": `+string(must(json.Marshal(archive)))+`, "target": "{workenv}", "operations": "tgz"`, 1)
	if rust, native := both(t, plan); !bytes.Equal(rust, native) {
		t.Errorf("the files differ:\n%s\n%s", documentOf(t, native), documentOf(t, rust))
	}
}

func must(text []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return text
}

func TestCompressedSlotsDifferFromTheRustBuilderInSizesAndDigestsAlone(t *testing.T) {
	// Enough for frames of every limit between the largest and the least (FORMAT.md §9).
	many := t.TempDir()
	for n := range 40 {
		content := bytes.Repeat([]byte{byte(n)}, 500_000+n*1000)
		if err := os.WriteFile(filepath.Join(many, strconv.Itoa(n)), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, plan := range map[string]string{
		"tar.zst": commandsPlan,
		"many frames": strings.Replace(plainPlan, `"source": "tree", "target": "{workenv}", "operations": "tar"`,
			`"source": `+string(must(json.Marshal(many)))+`, "target": "{workenv}", "operations": "tar.zst"`, 1),
		"tar.gz":           strings.Replace(plainPlan, `"operations": "tar"`, `"operations": "tgz"`, 1),
		"tar.xz and bzip2": strings.Replace(plainPlan, `"operations": "tar"`, `"operations": "tar|xz|bzip2"`, 1),
		"a file in zstd":   strings.Replace(plainPlan, `"target": "f/a.txt"`, `"target": "f/a.txt", "operations": "zstd"`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			rust, native := both(t, plan)
			if expected, got := withoutSizes(t, rust), withoutSizes(t, native); !reflect.DeepEqual(expected, got) {
				t.Errorf("the documents differ:\n%s\n%s", documentOf(t, native), documentOf(t, rust))
			}
		})
	}
}

func documentOf(t *testing.T, file []byte) string {
	t.Helper()
	p, err := pspf.Open(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	return string(p.JSON())
}

// withoutSizes is the document without what compression changes; the contents of frames stay.
func withoutSizes(t *testing.T, file []byte) map[string]any {
	t.Helper()
	var document map[string]any
	if err := json.Unmarshal([]byte(documentOf(t, file)), &document); err != nil {
		t.Fatal(err)
	}
	for _, slot := range document["slots"].([]any) {
		delete(slot.(map[string]any), "size")
		delete(slot.(map[string]any), "checksum")
	}
	block := document["extensions"].(map[string]any)["x-flavor"].(map[string]any)
	for _, slot := range block["slots"].([]any) {
		frames, _ := slot.(map[string]any)["frames"].([]any)
		for _, frame := range frames {
			delete(frame.(map[string]any), "stored")
			delete(frame.(map[string]any), "sha256")
		}
	}
	return document
}
