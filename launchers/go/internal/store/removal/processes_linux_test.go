package removal

import (
	"encoding/hex"
	"os"
	"slices"
	"testing"
	"time"

	"flavorpack-native/launchers/go/internal/store/record"
)

func TestProcessesAreSeenByWhatTheyUse(t *testing.T) {
	h := newHouse(t)
	one, two := [32]byte{1}, [32]byte{2}
	abouts := map[string]record.About{"a": {Slots: [][32]byte{one}}, "b": {Slots: [][32]byte{one, two}}, "c": {}}
	slot := h.root.SlotPath(hex.EncodeToString(one[:]))
	for name, test := range map[string]struct {
		paths, descriptors []string
		environments       []string
		slots              int
	}{
		"nothing of the store":               {[]string{"/bin/sh", "/home"}, nil, nil, 0},
		"an argument in an environment":      {[]string{"/bin/sh", h.root.EnvironmentPath("a") + "/x"}, nil, []string{"a"}, 0},
		"an environment itself":              {[]string{h.root.EnvironmentPath("c")}, nil, []string{"c"}, 0},
		"a slot and its environment":         {[]string{slot + "/bin/python", h.root.EnvironmentPath("a") + "/x"}, nil, []string{"a"}, 1},
		"a slot with a lock":                 {[]string{slot + "/bin/python"}, []string{"/dev/null", h.root.Path + "/v1/locks/use-b"}, []string{"b"}, 1},
		"a slot alone":                       {[]string{slot + "/bin/python"}, []string{"/dev/null"}, []string{"a", "b"}, 1},
		"a path that only begins like it is": {[]string{h.root.Path + "/v1/envs-other/a"}, nil, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			seen := newInUse(h.root, abouts)
			seen.process(test.paths, func() []string { return test.descriptors })
			var environments []string
			for name := range seen.environments {
				environments = append(environments, name)
			}
			slices.Sort(environments)
			if !slices.Equal(environments, test.environments) || len(seen.slots) != test.slots {
				t.Errorf("got %v and %v", environments, seen.slots)
			}
		})
	}
}

func TestARunningProgramKeepsItsEnvironmentEvenWithoutTheLock(t *testing.T) {
	h := newHouse(t)
	h.environment("mine")
	must(t, os.Symlink("/bin/sleep", h.root.EnvironmentPath("mine")+"/bin/run"))
	process, err := os.StartProcess("/bin/sleep", []string{h.root.EnvironmentPath("mine") + "/bin/run", "60"}, &os.ProcAttr{})
	must(t, err)
	defer func() {
		_ = process.Kill()
		_, _ = process.Wait()
	}()
	// The arguments are there once the program was executed.
	for begin := time.Now(); time.Since(begin) < 10*time.Second; time.Sleep(time.Millisecond) {
		if seen := processes(h.root, nil); seen.environments["mine"] {
			break
		}
	}
	result, err := Uninstall(h.root, &Target{Environments: []string{"mine"}}, false)
	must(t, err)
	if len(result.InUse) != 1 || len(h.left("envs")) != 3 {
		t.Errorf("got %+v", result)
	}
}
