package store

import (
	"strconv"
	"syscall"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/pspf"
	"flavorpack-native/launchers/go/internal/store/folder"
	"flavorpack-native/launchers/go/internal/store/place"
	"flavorpack-native/launchers/go/internal/store/record"
	"flavorpack-native/launchers/go/internal/store/tree"
	"flavorpack-native/launchers/go/internal/store/use"
)

// slot gives a slot that holds something that can be undone; 5.10 and 5.1 for others.
func (w *Work) slot(n int) (*pspf.Slot, error) {
	slot := &w.Package.Slots()[n]
	if slot.Entry.SelfRef {
		return nil, code.New(code.StoreSlotKind, "slot "+strconv.Itoa(n)+" stands for the package file and holds nothing")
	}
	return slot, known(slot)
}

// known refuses a chain that the launcher cannot undo (5.1, LAUNCH.md 16.9).
func known(slot *pspf.Slot) error {
	if slot.Chain.CanUndo() {
		return nil
	}
	return code.New(code.StoreSlotKind, "slot "+strconv.Itoa(slot.Position)+" ("+slot.Entry.ID+") is `"+slot.Chain.String()+
		"`, which a launcher does not undo")
}

// rules are those for a slot of ours (5): its totals are signed.
func rules(slot *pspf.Slot) (tree.Rules, error) {
	made := tree.Rules{
		Totals:  tree.Totals{Bytes: slot.Flavor.Bytes, Members: slot.Flavor.Members},
		Implied: !slot.Chain.IsFramedTree(),
	}
	if !slot.Chain.HasTree() {
		file, err := singleFile(slot)
		if err != nil {
			return made, err
		}
		made.File, made.FileMode = file.path, file.mode
	}
	return made, nil
}

// names is what tree.Rules say of names in the store.
func (w *Work) names() string { return w.namesWhere(w.Staging.IgnoresCase()) }

// namesWhere is what tree.Rules say of names where case is ignored or not (5.11).
func (w *Work) namesWhere(ignored bool) string {
	if flavor := w.Package.Flavor(); flavor != nil && (flavor.Target.OS == "darwin" || flavor.Target.OS == "windows") {
		return flavor.Target.OS
	}
	if ignored {
		return "darwin"
	}
	return ""
}

// decode gives the members of a slot to sinks and keeps nothing of them open afterwards.
func (w *Work) decode(n int, sinks interface {
	Sink() pspf.TarSink
	Close()
}) error {
	defer sinks.Close()
	_, err := w.Package.DecodeSlot(w.Context, n, w.workers(), sinks.Sink)
	return err
}

// unpackSlot unpacks a slot of ours into a new folder of the staging.
func (w *Work) unpackSlot(n int, kind string) (name string, totals tree.Totals, err error) {
	name = w.Staging.Name(kind)
	totals, err = w.unpackInto(n, w.Staging.Dir, name, tree.FolderMode, w.names())
	return name, totals, err
}

// unpackInto unpacks a slot of ours into a new folder. The folder is gone again if anything fails (5.7).
func (w *Work) unpackInto(n int, in *folder.Dir, name string, mode uint32, names string) (totals tree.Totals, err error) {
	err = inNewFolder(in, name, mode, func(dir *folder.Dir) error {
		totals, err = w.unpackHere(n, dir, names)
		return err
	})
	return totals, err
}

// unpackHere unpacks a slot of ours whole, links included, into an empty folder (5).
func (w *Work) unpackHere(n int, dir *folder.Dir, names string) (totals tree.Totals, err error) {
	slot, err := w.slot(n)
	if err != nil {
		return totals, err
	}
	made, err := rules(slot)
	if err != nil {
		return totals, err
	}
	made.Names = names
	writer := tree.NewWriter(dir, made)
	if err := w.decode(n, writer); err != nil {
		return totals, err
	}
	if _, err := writer.Finish(); err != nil {
		return totals, err
	}
	if err := writer.Links(); err != nil {
		return totals, err
	}
	if names != "" {
		return writer.Totals(), tree.CheckEntries(dir, writer.Entries())
	}
	return writer.Totals(), nil
}

// inNewFolder makes a folder, lets it be filled, and removes it if that fails.
func inNewFolder(in *folder.Dir, name string, mode uint32, fill func(dir *folder.Dir) error) error {
	if err := in.Make(name, mode); err != nil {
		return place.Fault("cannot make the folder `"+name+"`", err)
	}
	dir, err := in.Open(name)
	if err == nil {
		err = fill(dir)
		dir.Close()
	}
	if err != nil {
		_ = in.RemoveAll(name)
		return place.Fault("cannot open the folder `"+name+"`", err)
	}
	return nil
}

// compareSlot compares a slot with what lies below a folder: "" if it is as the package says, else what differs. Any
// other failure is the package's.
func (w *Work) compareSlot(n int, in *folder.Dir, name string, added bool) (differs string, err error) {
	slot, err := w.slot(n)
	if err != nil {
		return "", err
	}
	made, err := rules(slot)
	if err != nil {
		return "", err
	}
	dir, err := in.Open(name)
	if err != nil {
		// What is no folder differs, and the package is read when the slot is made anew.
		return ".", nil
	}
	defer dir.Close()
	if stat, err := dir.Self(); err != nil || stat.Mode != tree.FolderMode {
		return ".", nil
	}
	return w.compareBelow(n, dir, made, added)
}

func (w *Work) compareBelow(n int, dir *folder.Dir, made tree.Rules, added bool) (string, error) {
	comparer := tree.NewComparer(dir, made)
	err := w.decode(n, comparer)
	if err == nil && added {
		err = comparer.Added()
	}
	if differs, ok := tree.Difference(err); ok {
		return differs, nil
	}
	return "", err
}

// Believed tells whether a shared slot lies in the store with a record that is believed without looking at the slot
// (LAUNCH.md 8.5), and where.
func (w *Work) Believed(n int) (string, bool) {
	slot, err := w.slot(n)
	if err != nil || slot.Flavor == nil {
		return "", false
	}
	key, err := Key(slot)
	if err != nil {
		return "", false
	}
	found, ok := record.Read(w.Root.Slots, hexKey(key), key)
	return w.Root.SlotPath(hexKey(key)), ok && w.believes(found)
}

// Remains tells whether a store has something of a slot: its folder, or a record of it (LAUNCH.md 8.7).
func (w *Work) Remains(n int) bool {
	slot, err := w.slot(n)
	if err != nil || slot.Flavor == nil {
		return false
	}
	key, err := Key(slot)
	return err == nil && remains(w.Root.Slots, hexKey(key))
}

func remains(in *folder.Dir, name string) bool {
	if _, err := in.Stat(name); err == nil {
		return true
	}
	_, err := in.Stat(name + ".record")
	return err == nil
}

// Publish brings one shared slot into the store, or finds it there (6.1), and gives its path. Every byte of the slot is
// read and compared (6.4). The gate of 13.3 is the caller's.
func (w *Work) Publish(n int, installed *Installed) (string, error) {
	slot, err := w.slot(n)
	if err != nil {
		return "", err
	}
	key, err := Key(slot)
	if err != nil {
		return "", err
	}
	name := hexKey(key)
	path := w.Root.SlotPath(name)
	if found, ok := record.Read(w.Root.Slots, name, key); ok && w.believes(found) && !w.Doubted {
		// Nothing with a valid record is ever changed in place, so no lock is needed.
		return path, w.Package.VerifyStored(w.Context, n)
	}
	lock, err := use.Slot(w.Root, name)
	if err != nil {
		return "", err
	}
	defer lock.End()
	found, ok := record.Read(w.Root.Slots, name, key)
	if ok && w.believes(found) && !w.Doubted {
		return path, w.Package.VerifyStored(w.Context, n)
	}
	differs := ""
	if ok {
		// After another boot nothing may have been added; programs may be running from a tree of this one.
		installed.Compared = append(installed.Compared, Thing{Slot: n})
		differs, err = w.compareSlot(n, w.Root.Slots, name, w.Whole || !w.believes(found))
		if err != nil {
			return "", err
		}
		if differs == "" {
			if w.believes(found) {
				return path, nil
			}
			return path, w.writeRecord(w.Root.Slots, name, key, tree.Totals{Bytes: int64(found.Bytes), Members: int64(found.Members)})
		}
	}
	if remains(w.Root.Slots, name) {
		installed.Renewed = append(installed.Renewed, Thing{Slot: n, Path: differs})
	}
	staged, totals, err := w.unpackSlot(n, "slot")
	if err != nil {
		return "", err
	}
	if err := w.replace(staged, w.Root.Slots, name); err != nil {
		return "", err
	}
	installed.Unpacked = append(installed.Unpacked, Thing{Slot: n})
	return path, w.writeRecord(w.Root.Slots, name, key, totals)
}

// replace moves what stands under a name into staging and what is staged to the name (6.1, 15.3).
func (w *Work) replace(staged string, in *folder.Dir, name string) error {
	_, err := w.exchange(staged, in, name)
	return err
}

// exchange is replace, and gives the name in staging under which what stood there lies now; "" where nothing did.
func (w *Work) exchange(staged string, in *folder.Dir, name string) (aside string, err error) {
	aside = w.Staging.Name("old")
	err = in.Rename(name, w.Staging.Dir, aside)
	if err == syscall.ENOENT {
		aside, err = "", nil
	}
	if err == nil {
		if err = w.Staging.Dir.Rename(staged, in, name); err != nil && aside != "" {
			_ = w.Staging.Dir.Rename(aside, in, name)
		}
	}
	if err != nil {
		return "", place.Fault("cannot put `"+name+"` into the store", err)
	}
	return aside, nil
}

func (w *Work) writeRecord(in *folder.Dir, name string, about [32]byte, totals tree.Totals) error {
	return record.Write(w.Staging, in, name, record.Record{
		Boot: w.Boot, Bytes: uint64(totals.Bytes), Members: uint64(totals.Members), About: about,
	})
}
