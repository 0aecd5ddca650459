package tool

import (
	"context"
	"fmt"
	"os"
	"strings"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/launch"
	"flavorpack-native/launchers/go/internal/plan"
	"flavorpack-native/launchers/go/internal/process"
	"flavorpack-native/launchers/go/internal/store"
	"flavorpack-native/launchers/go/internal/store/place"
	"flavorpack-native/launchers/go/internal/store/use"
)

// extract unpacks slots into folders of the user's (LAUNCH.md 8.4).
func extract(s *session) error {
	if err := s.openOurs(); err != nil {
		return err
	}
	slots := s.pkg.Slots()
	var wanted []int
	for _, text := range s.rest {
		n, err := s.slotNamed(text)
		if err != nil {
			return err
		}
		wanted = append(wanted, n)
	}
	if len(s.rest) == 0 {
		for n := range slots {
			if !slots[n].Entry.SelfRef {
				wanted = append(wanted, n)
			}
		}
	}
	into := s.values["--output"]
	if into == "" {
		into = "."
	} else if err := os.Mkdir(into, 0o777); err != nil && !os.IsExist(err) {
		return code.Wrap(code.StoreIO, "cannot make the folder `"+into+"`", err)
	}
	prefix := strings.TrimRight(into, "/") + "/"
	work := &store.Work{Context: context.Background(), Package: s.pkg}
	for _, n := range wanted {
		name := folderOf(n, slots[n].Entry.ID)
		if err := work.Extract(n, into, name); err != nil {
			return err
		}
		var err error
		if s.json() {
			err = s.print(record("extract").number("slot", int64(n)).string("id", slots[n].Entry.ID).string("path", prefix+name))
		} else {
			err = s.say(launch.SlotTitle(n, &slots[n]) + ": " + prefix + name)
		}
		if err != nil {
			return err
		}
	}
	return s.start.Unchanged()
}

// longestID is how many characters of an id the name of a folder has.
const longestID = 100

// folderOf is the name of the folder that a slot is extracted into (LAUNCH.md 8.4).
func folderOf(n int, id string) string {
	name := []byte(fmt.Sprintf("%02d_", n))
	count := 0
	for _, char := range id {
		if count++; count > longestID {
			break
		}
		switch {
		case char >= 'a' && char <= 'z', char >= 'A' && char <= 'Z', char >= '0' && char <= '9', char == '-', char == '_', char == '.':
			name = append(name, byte(char))
		default:
			name = append(name, '_')
		}
	}
	return string(name)
}

// slot tells where a slot lies for programs (LAUNCH.md 8.5).
func slot(s *session) error {
	if err := s.openOurs(); err != nil {
		return err
	}
	n, err := s.slotNamed(s.rest[0])
	if err != nil {
		return err
	}
	if _, err := s.decide(); err != nil {
		return err
	}
	if err := launch.CheckTarget(s.pkg); err != nil {
		return err
	}
	path, err := s.placeOf(n)
	if err != nil {
		return err
	}
	if err := s.start.Unchanged(); err != nil {
		return err
	}
	if s.json() {
		document := s.pkg.Metadata()
		return s.print(record("slot").string("name", document.Name).string("version", document.Version).
			number("slot", int64(n)).string("id", s.pkg.Slots()[n].Entry.ID).string("path", path))
	}
	return s.write([]byte(path + "\n"))
}

// placeOf finds the place of a slot, and makes it where it is missing.
func (s *session) placeOf(n int) (string, error) {
	entry := &s.pkg.Slots()[n]
	none := code.New(code.LaunchLifecycle, launch.SlotTitle(n, entry)+" has no place that outlasts a start")
	if !s.hasCommands() {
		return "", none
	}
	roles, err := s.start.DecideRoles(s.pkg)
	if err != nil {
		return "", err
	}
	lazy := false
	for _, one := range roles.Lazy {
		lazy = lazy || one == n
	}
	switch {
	case lazy || roles.Parts[n] == plan.Shared:
		return s.shared(n, roles)
	case roles.Parts[n] == plan.Private:
		for _, entry := range s.pkg.Flavor().Compose.Unpack {
			if entry.Slot == n {
				return s.private(entry.Into)
			}
		}
	case roles.Parts[n] == plan.Outside:
		paths, err := s.start.DataPaths(s.pkg, roles)
		if err != nil {
			return "", err
		}
		if path, there := paths[n]; there {
			umask := process.Umask(0)
			defer process.Umask(umask)
			_, err := s.start.Work(s.pkg, roles).CopyData(n, path)
			return path, err
		}
	}
	return "", none
}

// shared finds a slot in the places of the store in their order, and publishes it where none has it.
func (s *session) shared(n int, roles *launch.Roles) (string, error) {
	work := s.start.Work(s.pkg, roles)
	paths := place.Paths(s.start.Lookup())
	for _, path := range paths {
		root, err := place.Open(path)
		if err != nil {
			continue
		}
		work.Root = root
		found, believed := work.Believed(n)
		root.Close()
		if believed {
			return found, nil
		}
	}
	umask := process.Umask(0)
	defer process.Umask(umask)
	flavor := s.pkg.Slots()[n].Flavor
	root, staging, err := place.Take(paths, func(*place.Root) place.Need {
		return place.Need{Bytes: uint64(flavor.Bytes), Members: uint64(flavor.Members)}
	})
	if err != nil {
		return "", err
	}
	defer staging.Remove()
	work.Root, work.Staging = root, staging
	gate, err := use.Gate(root)
	if err != nil {
		return "", err
	}
	defer gate.End()
	return work.Publish(n, &store.Installed{})
}

// private gives a folder of the work environment, which is composed if no receipt vouches for it.
func (s *session) private(into string) (string, error) {
	workenv := ""
	if answer, _ := s.start.FindReceipt(); answer.Receipt != nil {
		workenv = answer.Receipt.Workenv()
		answer.Receipt.Hold.End()
	} else {
		prepared := &launch.Preparation{Doubted: answer.Doubted}
		installed, err := s.start.Prepare(prepared)
		if err != nil {
			return "", err
		}
		prepared.Done()
		workenv = installed.Workenv
	}
	if into == "" {
		return workenv, nil
	}
	return workenv + "/" + into, nil
}

// warm unpacks everything, so that it outlasts boots, and runs nothing (STORE.md 11).
func warm(s *session) error {
	prepared := &launch.Preparation{Durable: true}
	installed, err := s.start.Prepare(prepared)
	if err != nil {
		return err
	}
	prepared.Done()
	if s.json() {
		return s.print(record("warm").string("workenv", installed.Workenv))
	}
	return s.say("ready: " + installed.Workenv)
}

// repair compares what is unpacked with the package and puts it in order (LAUNCH.md 8.7).
func repair(s *session) error {
	prepared := &launch.Preparation{Doubted: true, Whole: true}
	installed, err := s.start.Prepare(prepared)
	if err != nil {
		return err
	}
	private := false
	err = prepared.Examine(func(work *store.Work, roles *launch.Roles) error {
		private = store.IsPrivate(work.Package)
		if private {
			return nil
		}
		if err := repairLazy(work, roles.Lazy, installed); err != nil {
			return err
		}
		return elsewhere(place.Paths(s.start.Lookup()), work, func(other *store.Work) error {
			return repairLazy(other, roles.Lazy, installed)
		})
	})
	prepared.Done()
	if err != nil {
		return err
	}
	return s.sayRepaired(installed, private)
}

// repairLazy puts the lazy slots in order that a store has.
func repairLazy(work *store.Work, lazy []int, installed *store.Installed) error {
	gate, err := use.Gate(work.Root)
	if err != nil {
		return err
	}
	defer gate.End()
	for _, n := range lazy {
		if work.Remains(n) {
			if _, err := work.Publish(n, installed); err != nil {
				return err
			}
		}
	}
	return nil
}

// elsewhere does the same work in every other place that is a store already.
func elsewhere(paths []string, work *store.Work, do func(other *store.Work) error) error {
	for _, path := range paths {
		root, err := place.Open(path)
		if err != nil {
			continue
		}
		if root.Path != work.Root.Path {
			err = inside(root, work, do)
		}
		root.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func inside(root *place.Root, work *store.Work, do func(other *store.Work) error) error {
	staging, err := root.Stage()
	if err != nil {
		return err
	}
	defer staging.Remove()
	other := *work
	other.Root, other.Staging = root, staging
	return do(&other)
}

func (s *session) sayRepaired(installed *store.Installed, private bool) error {
	things := make([]string, len(installed.Renewed))
	for n, thing := range installed.Renewed {
		things[n] = thing.String()
	}
	if s.json() {
		return s.print(record("repair").truth("compared", !private).strings("repaired", things))
	}
	for n, thing := range things {
		line := "unpacked anew: " + thing
		if path := installed.Renewed[n].Path; path != "" && path != "." {
			line += ", which differed at `" + path + "`"
		}
		if err := s.say(line); err != nil {
			return err
		}
	}
	switch {
	case private:
		return s.say("the private work environment `" + installed.Workenv + "` cannot be compared with the package")
	case len(things) == 0:
		return s.say("everything is as the package says: " + installed.Workenv)
	}
	return nil
}
