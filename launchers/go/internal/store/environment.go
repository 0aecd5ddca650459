package store

import (
	"crypto/sha256"
	"strconv"
	"syscall"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/group"
	"flavorpack-native/launchers/go/internal/plan"
	"flavorpack-native/launchers/go/internal/store/place"
	"flavorpack-native/launchers/go/internal/store/record"
	"flavorpack-native/launchers/go/internal/store/tree"
	"flavorpack-native/launchers/go/internal/store/use"
)

// Need tells what a start will put into a store: the slots that are not in it yet, and the environment if it is not
// (1.4).
func (w *Work) Need(root *place.Root) place.Need {
	var need place.Need
	slots := w.Package.Slots()
	if IsPrivate(w.Package) {
		for n := range slots {
			need.Bytes += uint64(slots[n].Size)
			if slots[n].Flavor != nil {
				need.Bytes += uint64(max(slots[n].Flavor.Bytes-slots[n].Size, 0))
				need.Members += uint64(slots[n].Flavor.Members)
			}
		}
		return need
	}
	for n := range slots {
		switch w.Parts[n] {
		case plan.Absent, plan.Outside:
			continue
		case plan.Shared:
			if key, err := Key(&slots[n]); err == nil {
				if _, there := record.Read(root.Slots, hexKey(key), key); there {
					continue
				}
			}
		}
		need.Bytes += uint64(slots[n].Flavor.Bytes)
		need.Members += uint64(slots[n].Flavor.Members)
	}
	return need
}

// Check refuses what cannot be brought into a store, before anything is unpacked: single files without a usable path
// (5.9), chains that the launcher cannot undo (5.1), and parts that a composition may not name (17.1).
func (w *Work) Check() error {
	slots := w.Package.Slots()
	for n := range slots {
		// Absent ones, too: the description names the keys of all shared slots (13.5).
		if !slots[n].Chain.HasTree() && !slots[n].Entry.SelfRef {
			if _, err := singleFile(&slots[n]); err != nil {
				return err
			}
		}
		if w.part(n) != plan.Absent {
			if err := known(&slots[n]); err != nil {
				return err
			}
		}
	}
	compose := &w.Package.Flavor().Compose
	for at := range compose.Unpack {
		if part := w.part(compose.Unpack[at].Slot); part == plan.Setup || part == plan.Outside {
			return composition("slot " + strconv.Itoa(compose.Unpack[at].Slot) + " is unpacked into it, and does not stay")
		}
	}
	for at := range compose.Links {
		link := &compose.Links[at]
		if part := w.part(link.Slot); part == plan.Outside || (part == plan.Setup && !link.Copy) {
			return composition("the link " + strconv.Quote(link.Path) + " leads into slot " + strconv.Itoa(link.Slot) + ", which does not stay")
		}
	}
	return nil
}

// part is that of a slot; a slot with `self_ref` is absent at every start (5.10).
func (w *Work) part(n int) plan.Part {
	if w.Package.Slots()[n].Entry.SelfRef {
		return plan.Absent
	}
	return w.Parts[n]
}

func composition(reason string) error {
	return code.New(code.StoreComposition, "the work environment cannot be composed: "+reason)
}

// Install brings the slots of a package with commands into the store and composes its work environment (6, 8). Every
// byte of every slot is read and compared, whatever its part (6.4, 17.1).
func (w *Work) Install() (*Installed, error) {
	if err := w.Check(); err != nil {
		return nil, err
	}
	gate, err := use.Gate(w.Root)
	if err != nil {
		return nil, err
	}
	defer gate.End()
	installed := &Installed{Name: EnvironmentName(w.Package, w.Suffix)}
	installed.Workenv = w.Root.EnvironmentPath(installed.Name)
	if installed.Hold, err = use.Take(w.Root, installed.Name); err != nil {
		return nil, err
	}
	if err := w.install(installed); err != nil {
		installed.Hold.End()
		return nil, err
	}
	return installed, nil
}

func (w *Work) install(installed *Installed) error {
	count := len(w.Package.Slots())
	installed.Slots = make([]string, count)
	var unused []int
	for n := range count {
		switch w.part(n) {
		case plan.Shared:
			path, err := w.Publish(n, installed)
			if err != nil {
				return err
			}
			installed.Slots[n] = path
		case plan.Private:
			if !w.isUnpacked(n) {
				unused = append(unused, n)
			}
		case plan.Setup:
			if !w.isCopied(n) {
				unused = append(unused, n)
			}
		default:
			unused = append(unused, n)
		}
	}
	if err := w.verify(unused); err != nil {
		return err
	}
	about := record.About{Name: w.Package.Metadata().Name, Version: w.Package.Metadata().Version}
	slots := w.Package.Slots()
	for n := range slots {
		if slots[n].Flavor.Share && !slots[n].Entry.SelfRef {
			key, err := Key(&slots[n])
			if err != nil {
				return err
			}
			about.Slots = append(about.Slots, key)
		}
	}
	if err := w.installEnvironment(installed, &about); err != nil {
		return err
	}
	if w.Durable {
		return w.makeDurable(installed)
	}
	return nil
}

// verify reads slots that are not unpacked and compares their digests, several at once (6.4).
func (w *Work) verify(slots []int) error {
	errs := make([]error, len(slots))
	running := make(chan struct{}, w.workers())
	var group group.Group
	for at, n := range slots {
		running <- struct{}{}
		group.Go(func() {
			defer func() { <-running }()
			errs[at] = w.Package.VerifyStored(w.Context, n)
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *Work) isUnpacked(n int) bool {
	for at := range w.Package.Flavor().Compose.Unpack {
		if w.Package.Flavor().Compose.Unpack[at].Slot == n {
			return true
		}
	}
	return false
}

func (w *Work) isCopied(n int) bool {
	for at := range w.Package.Flavor().Compose.Links {
		if w.Package.Flavor().Compose.Links[at].Slot == n {
			return true
		}
	}
	return false
}

// environmentIdentity is what the record of an environment is about (7.1).
func environmentIdentity(pack [][]byte, path string) [32]byte {
	hashed := sha256.New()
	for _, part := range pack {
		hashed.Write(part)
	}
	hashed.Write([]byte(path))
	return [32]byte(hashed.Sum(nil))
}

// installEnvironment composes the environment, or finds it (8.1). The description is published before the record (13.5).
func (w *Work) installEnvironment(installed *Installed, about *record.About) error {
	identity := environmentIdentity([][]byte{w.Package.JSON(), {0}}, installed.Workenv)
	if found, ok := record.Read(w.Root.Envs, installed.Name, identity); ok && w.believes(found) && !w.Doubted {
		if err := w.verify(w.composed()); err != nil {
			return err
		}
		return w.describe(installed.Name, about)
	}
	lock, err := use.Environment(w.Root, installed.Name)
	if err != nil {
		return err
	}
	defer lock.End()
	found, ok := record.Read(w.Root.Envs, installed.Name, identity)
	if ok && w.believes(found) && !w.Doubted {
		if err := w.verify(w.composed()); err != nil {
			return err
		}
		return w.describe(installed.Name, about)
	}
	c := w.composer(installed)
	differs := ""
	if ok {
		installed.Compared = append(installed.Compared, Thing{Slot: Environment})
		if differs, err = c.compare(); err != nil {
			return err
		}
		if differs == "" {
			if err := w.describe(installed.Name, about); err != nil || w.believes(found) {
				return err
			}
			found.Boot = w.Boot
			return record.Write(w.Staging, w.Root.Envs, installed.Name, found)
		}
	}
	if remains(w.Root.Envs, installed.Name) {
		installed.Renewed = append(installed.Renewed, Thing{Slot: Environment, Path: differs})
	}
	staged, err := c.compose()
	if err != nil {
		return err
	}
	if err := w.replace(staged, w.Root.Envs, installed.Name); err != nil {
		return err
	}
	installed.Unpacked = append(installed.Unpacked, Thing{Slot: Environment})
	if err := w.describe(installed.Name, about); err != nil {
		return err
	}
	// Programs write into their environment, so a record that counted its bytes would soon be wrong.
	return w.writeRecord(w.Root.Envs, installed.Name, identity, tree.Totals{})
}

// composed are the slots whose bytes an environment that is believed already does not read (6.4).
func (w *Work) composed() []int {
	var slots []int
	for n := range w.Package.Slots() {
		switch w.part(n) {
		case plan.Private:
			if w.isUnpacked(n) {
				slots = append(slots, n)
			}
		case plan.Setup:
			if w.isCopied(n) {
				slots = append(slots, n)
			}
		}
	}
	return slots
}

// describe publishes the description of an environment where it is missing or different (13.5).
func (w *Work) describe(name string, about *record.About) error {
	raw, ok := about.Encode()
	if !ok || record.SameAbout(w.Root.Envs, name, raw) {
		return nil
	}
	return record.Publish(w.Staging, w.Root.Envs, name+".about", raw)
}

// makeDurable syncs the store and replaces the records that this start used by durable ones (11).
func (w *Work) makeDurable(installed *Installed) error {
	if err := w.Root.Dir.Sync(); err != nil && err != syscall.ENOSYS {
		return place.Fault("cannot write the store to the disk: `"+w.Root.Path+"`", err)
	}
	slots := w.Package.Slots()
	for n, path := range installed.Slots {
		if path == "" {
			continue
		}
		key, err := Key(&slots[n])
		if err != nil {
			return err
		}
		if found, ok := record.Read(w.Root.Slots, hexKey(key), key); ok && found.Boot != record.Durable {
			found.Boot = record.Durable
			if err := record.Write(w.Staging, w.Root.Slots, hexKey(key), found); err != nil {
				return err
			}
		}
	}
	identity := environmentIdentity([][]byte{w.Package.JSON(), {0}}, installed.Workenv)
	if found, ok := record.Read(w.Root.Envs, installed.Name, identity); ok && found.Boot != record.Durable {
		found.Boot = record.Durable
		return record.Write(w.Staging, w.Root.Envs, installed.Name, found)
	}
	return nil
}
