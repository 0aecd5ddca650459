package builder

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/names"
	"flavorpack-native/launchers/go/internal/pspf"
)

// project is a folder with sources of every kind, a launcher of 100 bytes, and the folder that they are in.
func project(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	write := func(path, content string, mode os.FileMode) {
		t.Helper()
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
	}
	long := strings.Repeat("d", 90) + "/" + strings.Repeat("e", 90) + "/" + strings.Repeat("f", 120)
	write("tree/a.txt", "hi\n", 0o644)
	write("tree/run", "#!/bin/sh\n", 0o755)
	write("tree/a/b", "below", 0o644)
	write("tree/a-b", "", 0o600)
	write("tree/"+long, "long", 0o644)
	write("tree/ü", "not ASCII", 0o644)
	write("tree/large", strings.Repeat("0123456789abcdef", 5<<16), 0o644)
	write("launcher", strings.Repeat("x", 100), 0o755)
	if err := os.Symlink("a.txt", filepath.Join(root, "tree/link")); err != nil {
		t.Skip("no symbolic links here")
	}
	if err := os.Symlink(strings.Repeat("g", 150), filepath.Join(root, "tree/longlink")); err != nil {
		t.Fatal(err)
	}
	return root
}

const plainPlan = `{
	"package": {"name": "Plain_App", "version": "1.0", "description": "é"},
	"execution": {"command": "run", "environment": {"B": "2", "A": "1"}},
	"runtime": {"env": {"unset": ["X*"], "set": {"Z": "1"}}},
	"setup_commands": ["echo hi", {"type": "write_file", "path": "{workenv}/a", "content": "\u0001", "mode": 420}],
	"workenv": {"directories": [{"path": "{workenv}/tmp", "mode": null}], "env": {"A": "b"}},
	"slots": [
		{"id": "raw", "source": "tree/a.txt", "target": "f/a.txt", "permissions": "0o755"},
		{"id": "tree", "source": "tree", "target": "{workenv}", "operations": "tar", "purpose": "runtime"},
		{"id": "self", "source": "$SELF", "target": "self"}
	]}`

const commandsPlan = `{
	"package": {"name": "commands", "version": "2"},
	"execution": {"command": "{workenv}/app/run"},
	"slots": [
		{"id": "app", "source": "tree", "target": "{workenv}"},
		{"id": "shared", "source": "tree/a", "target": "{workenv}", "lifecycle": "eager"}
	],
	"extensions": {"x-flavor": {
		"schema": 1, "target": {"os": "linux", "arch": "amd64", "libc": "gnu", "floor": {"glibc": "2.17"}},
		"launcher": {"kind": "go", "version": "0.1.0"}, "alignment": 4096,
		"slots": [{"role": "application", "share": false}, {"role": "data", "share": true}],
		"workenv": {"unpack": [{"slot": 0, "into": "app"}],
			"links": [{"path": "b", "slot": 1, "to": "b", "kind": "copy"}],
			"files": [{"path": "bin/go", "content": "{slot:1}", "mode": "0755"}]},
		"commands": {"commands": {"argv": ["{workenv}/app/run"], "env": {}}}, "default": "commands"}}}`

func options(root, plan string) *Options {
	return &Options{
		Manifest: []byte(plan), Output: filepath.Join(root, "out.psp"), Launcher: filepath.Join(root, "launcher"),
		Key: KeyFromSeed("a seed of these tests"), Base: root, WorkenvBase: root, Time: time.Unix(DefaultTime, 0),
		Warn: func(string) {}, Info: func(string) {},
	}
}

// build gives the bytes of the package.
func build(t *testing.T, o *Options) []byte {
	t.Helper()
	if _, err := Build(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(o.Output)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestWhatIsBuiltVerifiesDownToItsMembers(t *testing.T) {
	for name, plan := range map[string]string{
		"plain":         plainPlan,
		"with commands": commandsPlan,
		"tar.gz":        strings.Replace(plainPlan, `"tar"`, `"tgz"`, 1),
		"tar.bz2":       strings.Replace(plainPlan, `"tar"`, `"tar.bz2"`, 1),
		"tar.xz":        strings.Replace(plainPlan, `"tar"`, `"txz"`, 1),
		"a long chain":  strings.Replace(plainPlan, `"tar"`, `"tar|zstd|gzip|zst"`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			file := build(t, options(project(t), plan))
			p, err := pspf.Open(bytes.NewReader(file), int64(len(file)))
			if err != nil {
				t.Fatal(err)
			}
			ctx := context.Background()
			if err := p.VerifyLauncher(ctx); err != nil {
				t.Error(err)
			}
			for n := range p.Slots() {
				if _, err := p.VerifySlot(ctx, n, 2, names.Fold); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestEqualInputsGiveEqualBytesWhateverTheFolderAndTheThreads(t *testing.T) {
	first := build(t, options(project(t), commandsPlan))
	before := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(before)
	if second := build(t, options(project(t), commandsPlan)); !bytes.Equal(first, second) {
		t.Error("two builds give different bytes")
	}
}

func TestAFailureLeavesTheOutputAsItWas(t *testing.T) {
	root := project(t)
	o := options(root, strings.Replace(plainPlan, "tree/a.txt", "tree/nothing", 1))
	if err := os.WriteFile(o.Output, []byte("before"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Build(context.Background(), o); code.Of(err) != code.FlavorNotFound {
		t.Errorf("got %v, expected ERR_FLAVOR_NOT_FOUND", err)
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Build(cancelled, options(root, plainPlan)); code.Of(err) != code.FlavorAborted {
		t.Errorf("got %v, expected ERR_FLAVOR_ABORTED", err)
	}
	if content, _ := os.ReadFile(o.Output); string(content) != "before" {
		t.Error("the output is another than before")
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".flavor-") {
			t.Errorf("%s was left behind", entry.Name())
		}
	}
}

func TestPlansThatCannotBeHonouredAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		old, text string
		code      code.Code
	}{
		"a fact":                       {`"id": "raw"`, `"id": "raw", "size": 3`, code.FlavorPlan},
		"an unknown key":               {`"id": "raw"`, `"id": "raw", "bogus": 3`, code.FlavorPlan},
		"a key twice":                  {`"id": "raw"`, `"id": "raw", "id": "raw"`, code.FlavorPlan},
		"an id that is taken":          {`"id": "raw"`, `"id": "tree"`, code.FlavorPlan},
		"a target that leaves":         {`f/a.txt`, `../a.txt`, code.FlavorPlan},
		"a target that names no file":  {`f/a.txt`, `{workenv}`, code.FlavorPlan},
		"another format":               {`"package"`, `"format": "PSPF/2024", "package"`, code.FlavorPlan},
		"a folder without tar":         {`"operations": "tar"`, `"operations": "gzip"`, code.FlavorPlan},
		"a file that is no archive":    {`"target": "f/a.txt"`, `"target": "f/a.txt", "operations": "tgz"`, code.FlavorPlan},
		"an operation nobody has":      {`"operations": "tar"`, `"operations": "lzma"`, code.FlavorPlan},
		"a level that does not exist":  {`"operations": "tar"`, `"operations": "tar", "level": 4`, code.FlavorPlan},
		"a control character":          {`"version": "1.0"`, `"version": "1\u0007"`, code.FlavorPlan},
		"two environments that differ": {`"execution": {`, `"execution": {"env": {"A": "3"},`, code.FlavorPlan},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(plainPlan, c.old) {
				t.Fatalf("the plan has no %s", c.old)
			}
			_, err := Build(context.Background(), options(project(t), strings.Replace(plainPlan, c.old, c.text, 1)))
			if code.Of(err) != c.code {
				t.Errorf("got %v (%s), expected %s", err, code.Of(err), c.code)
			}
		})
	}
}

func TestAPlaceholderWithoutItsEndIsRefusedInEveryTextOfXFlavor(t *testing.T) {
	for old, text := range map[string]string{
		`"content": "{slot:1}"`:           `"content": "{slot:1} {slot:1"`,
		`"{workenv}/app/run"], "env": {}`: `"{workenv}/app/run", "{slot:1"], "env": {}`,
		`"env": {}`:                       `"env": {"A": "{slot:"}`,
		`"env": {}}`:                      `"env": {}, "cwd": "{slot:1"}`,
	} {
		if !strings.Contains(commandsPlan, old) {
			t.Fatalf("the plan has no %s", old)
		}
		_, err := Build(context.Background(), options(project(t), strings.Replace(commandsPlan, old, text, 1)))
		if code.Of(err) != code.FlavorPlan {
			t.Errorf("%s: got %v", text, err)
		}
	}
}

func TestTheTargetOfASlotIsNotTheRootOfTheMachine(t *testing.T) {
	_, err := Build(context.Background(), options(project(t), strings.Replace(plainPlan, `"target": "{workenv}"`, `"target": "/"`, 1)))
	if code.Of(err) != code.FlavorPlan {
		t.Errorf("got %v", err)
	}
}

func TestNamesBehindAPaxHeaderAreCutAtTheEndOfACharacter(t *testing.T) {
	name := "x" + strings.Repeat("ä", 60)
	headers := (&archive{}).headers(&member{Member: pspf.Member{Path: name, Kind: pspf.LinkMember, Target: name}})
	block := headers[len(headers)-512:]
	want := append([]byte(name[:99]), 0)
	if !bytes.Equal(block[:100], want) || !bytes.Equal(block[157:257], want) {
		t.Errorf("the header has %q and %q", block[:100], block[157:257])
	}
}

func TestNamesThatAreOneWhereCaseIsIgnoredAreRefusedForThoseTargets(t *testing.T) {
	root := project(t)
	if err := os.WriteFile(filepath.Join(root, "tree/Ü"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Build(context.Background(), options(root, commandsPlan)); err != nil {
		t.Errorf("on linux both may be there: %v", err)
	}
	_, err := Build(context.Background(), options(root, strings.Replace(commandsPlan, `"os": "linux"`, `"os": "darwin"`, 1)))
	if code.Of(err) != code.FlavorMember {
		t.Errorf("got %v, expected ERR_FLAVOR_MEMBER", err)
	}
}

func TestTheVersionIsThatOfThePackage(t *testing.T) {
	text, err := os.ReadFile("../../../../package.json")
	if err != nil {
		t.Fatal(err)
	}
	var about struct{ Version string }
	if err := json.Unmarshal(text, &about); err != nil {
		t.Fatal(err)
	}
	if about.Version != Version {
		t.Errorf("package.json has version %s, the builder %s", about.Version, Version)
	}
}

func TestAPanicOfAWorkerArisesWhereAFrameWriterIsClosed(t *testing.T) {
	// Without an output whoever stores the first frame breaks.
	frames, err := newFrameWriter(nil, usualLevel, false)
	if err != nil {
		t.Fatal(err)
	}
	// More than all workers and the queue hold, so that whoever writes would wait for ever.
	for range 40 {
		if _, err := frames.Write(make([]byte, usualLevel.frameContent())); err != nil {
			t.Fatal(err)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("closing did not panic")
		}
	}()
	t.Errorf("closing ended with %v", frames.Close())
}
