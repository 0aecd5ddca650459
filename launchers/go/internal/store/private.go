package store

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"syscall"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/layout"
	"flavorpack-native/launchers/go/internal/names"
	"flavorpack-native/launchers/go/internal/pspf"
	"flavorpack-native/launchers/go/internal/store/folder"
	"flavorpack-native/launchers/go/internal/store/place"
	"flavorpack-native/launchers/go/internal/store/record"
	"flavorpack-native/launchers/go/internal/store/tree"
	"flavorpack-native/launchers/go/internal/store/use"
)

// Private is what a start knows of its private environment beside the slots (8.7).
type Private struct {
	// Ready tells whether what the start needs is inside (8.14): the program that the command names, what
	// `cache_validation` asks, and, if the store is doubted, every path inside that the command names.
	Ready func(inside *Enclosure, doubted bool) (bool, error)
	// Setup runs the setup commands (LAUNCH.md 16.7). The environment lies at its final path by then.
	Setup func(inside *Enclosure) error
	// Directories gives those of the metadata for the path that the environment will have (8.10).
	Directories func(environment string) ([]PrivateDirectory, error)
}

// PrivateDirectory is a folder that is made before setup.
type PrivateDirectory struct {
	Path string
	Mode uint32
}

// attestation is the slot that is never unpacked: the original's builder states no full digest of it (8.8).
const attestation = "_attestation"

// privateDigest is D of 8.7: the signed JSON and the operation chains, which a foreign package does not sign.
func privateDigest(pack *pspf.Package) [sha256.Size]byte {
	hashed := sha256.New()
	hashed.Write(pack.JSON())
	hashed.Write([]byte{0})
	slots := pack.Slots()
	for n := range slots {
		hashed.Write(binary.LittleEndian.AppendUint64(nil, slots[n].Chain.Packed()))
	}
	return [sha256.Size]byte(hashed.Sum(nil))
}

// isUnpackedPrivately tells whether a slot is unpacked into a private environment at all (8.8).
func isUnpackedPrivately(slot *pspf.Slot) bool {
	return slot.Entry.ID != attestation && !slot.Entry.SelfRef
}

// CheckPrivate refuses what cannot be unpacked into a private environment, before anything is written (8.8).
func (w *Work) CheckPrivate() error {
	slots := w.Package.Slots()
	for n := range slots {
		slot := &slots[n]
		target, reason := insideTarget(slot.Entry.Target)
		if reason == "" {
			reason = breaksLimits(target)
		}
		// Whether a slot of a foreign package holds a file shows only when it is unpacked (FORMAT.md §12, 12).
		if reason == "" && target == "" && slot.Flavor != nil && !slot.Chain.HasTree() && isUnpackedPrivately(slot) {
			reason = "it is empty, and the slot holds one file"
		}
		if reason != "" {
			return composition("the target of slot " + strconv.Itoa(n) + ", " + strconv.Quote(slot.Entry.Target) + ", cannot be used: " + reason)
		}
		if slot.Entry.SelfRef && slot.Size > 0 {
			return composition("slot " + strconv.Itoa(n) + " (" + slot.Entry.ID + ") stands for the package file, and has stored bytes all the same")
		}
		if isUnpackedPrivately(slot) {
			if err := known(slot); err != nil {
				return err
			}
		}
		if isUnpackedPrivately(slot) && !slot.HasDigest && !w.WithoutDigests {
			return code.New(code.PspfForeign, "slot "+strconv.Itoa(n)+" ("+slot.Entry.ID+") cannot be checked: the metadata has no full SHA-256 of it")
		}
	}
	return nil
}

// InstallPrivate makes the private environment of a package, or finds it (8.12). Every slot's digest is compared.
func (w *Work) InstallPrivate(private *Private) (*Installed, error) {
	if err := w.CheckPrivate(); err != nil {
		return nil, err
	}
	gate, err := use.Gate(w.Root)
	if err != nil {
		return nil, err
	}
	defer gate.End()
	installed := &Installed{Name: PrivateEnvironmentName(w.Package), Slots: make([]string, len(w.Package.Slots()))}
	installed.Workenv = w.Root.EnvironmentPath(installed.Name)
	if installed.Hold, err = use.Take(w.Root, installed.Name); err != nil {
		return nil, err
	}
	lock, err := use.Environment(w.Root, installed.Name)
	if err == nil {
		defer lock.End()
		err = w.installPrivate(installed, private)
	}
	if err != nil {
		installed.Hold.End()
		return nil, err
	}
	return installed, nil
}

func (w *Work) installPrivate(installed *Installed, private *Private) error {
	metadata := w.Package.Metadata()
	about := &record.About{Name: metadata.Name, Version: metadata.Version, Private: true}
	digest := privateDigest(w.Package)
	identity := environmentIdentity([][]byte{digest[:]}, installed.Workenv)
	_, recorded := record.Read(w.Root.Envs, installed.Name, identity)
	if recorded {
		ready, err := w.isReady(installed, private)
		if err != nil {
			return err
		}
		if ready {
			if err := w.verify(w.checkable()); err != nil {
				return err
			}
			return w.describe(installed.Name, about)
		}
	}
	if recorded || remains(w.Root.Envs, installed.Name) {
		installed.Renewed = append(installed.Renewed, Thing{Slot: Environment})
	}
	built, err := w.buildPrivate(installed.Workenv, private)
	if err != nil {
		return err
	}
	aside, err := w.exchange(built.name, w.Root.Envs, installed.Name)
	if err != nil {
		return err
	}
	if err := w.finish(installed, built, private, about, identity); err != nil {
		_ = w.Root.Envs.Rename(installed.Name, w.Staging.Dir, w.Staging.Name("failed"))
		if aside != "" {
			// It may hold files of the user (8.12). Without a valid environment beside it, the next start tries again.
			_ = w.Staging.Dir.Rename(aside, w.Root.Envs, installed.Name)
		}
		return err
	}
	return nil
}

// finish makes an environment that lies at its path valid: setup, then the disk, then the record (8.12).
func (w *Work) finish(installed *Installed, built *built, private *Private, about *record.About, identity [32]byte) error {
	if err := w.settle(w.Root.Envs, installed.Name, built, private); err != nil {
		return err
	}
	if err := w.Root.Dir.Sync(); err != nil && err != syscall.ENOSYS {
		return place.Fault("cannot write the store to the disk: `"+w.Root.Path+"`", err)
	}
	installed.Unpacked = append(installed.Unpacked, Thing{Slot: Environment})
	if err := w.describe(installed.Name, about); err != nil {
		return err
	}
	return record.Write(w.Staging, w.Root.Envs, installed.Name, record.Record{
		Boot: record.Durable, About: identity,
	})
}

// checkable are the slots that have a digest to compare.
func (w *Work) checkable() []int {
	var slots []int
	for n := range w.Package.Slots() {
		if w.Package.Slots()[n].HasDigest {
			slots = append(slots, n)
		}
	}
	return slots
}

// isReady judges an environment that has a record (8.14).
func (w *Work) isReady(installed *Installed, private *Private) (bool, error) {
	dir, err := w.Root.Envs.Open(installed.Name)
	if err != nil {
		return false, nil
	}
	defer dir.Close()
	if stat, err := dir.Stat(tree.Marker); err != nil || stat.Kind != folder.Regular {
		return false, nil
	}
	return private.Ready(&Enclosure{dir: dir, path: installed.Workenv}, w.Doubted)
}

// built is a private environment in staging.
type built struct {
	name    string
	totals  tree.Totals
	overlay *tree.Overlay
}

// buildPrivate unpacks all slots into staging (8.8 to 8.10). path is the one that the environment will have.
func (w *Work) buildPrivate(path string, private *Private) (*built, error) {
	made := &built{name: w.Staging.Name("env"), overlay: tree.NewOverlay()}
	err := inNewFolder(w.Staging.Dir, made.name, tree.FolderMode, func(dir *folder.Dir) error {
		return w.fillPrivate(made, dir, path, private)
	})
	return made, err
}

func (w *Work) fillPrivate(made *built, dir *folder.Dir, path string, private *Private) error {
	slots := w.Package.Slots()
	var writers []*tree.Writer
	for n := range slots {
		if !isUnpackedPrivately(&slots[n]) {
			continue
		}
		rules, err := w.privateRules(made, n)
		if err != nil {
			return err
		}
		writer := tree.NewWriter(dir, rules)
		if err := w.decode(n, writer); err != nil {
			return err
		}
		if _, err := writer.Finish(); err != nil {
			return err
		}
		sum := writer.Totals()
		made.totals.Bytes, made.totals.Members = made.totals.Bytes+sum.Bytes, made.totals.Members+sum.Members
		writers = append(writers, writer)
	}
	if err := w.verify(w.aside()); err != nil {
		return err
	}
	system := w.names()
	if system != "" {
		if err := pspf.JudgeNames(made.overlay.Paths(), system, names.Fold); err != nil {
			return err
		}
	}
	for _, writer := range writers {
		if err := writer.Links(); err != nil {
			return err
		}
	}
	if system != "" {
		if err := tree.CheckEntries(dir, len(made.overlay.Paths())); err != nil {
			return err
		}
	}
	inside := &Enclosure{dir: dir, path: path}
	directories, err := private.Directories(path)
	if err != nil {
		return err
	}
	for _, directory := range directories {
		if err := inside.MakeFolder(directory.Path, directory.Mode&0o777); err != nil {
			return err
		}
		claimed, err := Inside(directory.Path, path)
		if err != nil {
			return err
		}
		made.overlay.Claim(claimed)
	}
	marker, err := dir.Create(tree.Marker, 0o644)
	if err == nil {
		err = marker.Close()
	}
	return stands(tree.Marker, err)
}

// aside are the slots that are not unpacked and have a digest all the same.
func (w *Work) aside() []int {
	var slots []int
	for _, n := range w.checkable() {
		if !isUnpackedPrivately(&w.Package.Slots()[n]) && !w.WithoutDigests {
			slots = append(slots, n)
		}
	}
	return slots
}

// privateRules are those for a slot in a private environment. In a package of ours it unpacks to what it announces; in
// foreign ones the limits of FORMAT.md §11 hold for all slots together (8.9).
func (w *Work) privateRules(made *built, n int) (tree.Rules, error) {
	slot := &w.Package.Slots()[n]
	rules := tree.Rules{Implied: true, Archived: true, Overlay: made.overlay, Slot: n, Names: w.names()}
	if slot.Flavor != nil {
		rules.Totals = tree.Totals{Bytes: slot.Flavor.Bytes, Members: slot.Flavor.Members}
		rules.Implied = !slot.Chain.IsFramedTree()
	} else {
		rules.Open = true
		rules.Totals = tree.Totals{Bytes: layout.MaxUnpackedBytes - made.totals.Bytes, Members: layout.MaxMembers - made.totals.Members}
	}
	target, reason := insideTarget(slot.Entry.Target)
	if reason != "" {
		return rules, composition("the target of slot " + strconv.Itoa(n) + " cannot be used: " + reason)
	}
	// Whether the slot holds a tree shows only in its content (FORMAT.md §12, 12); a tree never asks for this path.
	rules.File = target
	rules.FileMode = privateMode(slot.Entry.Permissions)
	return rules, nil
}

// privateMode is the mode of a slot that holds one file (8.8). Nobody but the file's owner gets a right from permissions
// that cannot be read.
func privateMode(permissions *string) uint32 {
	if permissions == nil || *permissions == "" {
		return 0o644
	}
	mode, known := pspf.Octal(*permissions)
	if mode &= 0o777; !known || mode == 0 {
		return 0o600
	}
	return mode
}

// settle runs setup where the environment lies, removes what was there for setup only, and gives the root its mode
// (8.12, 8.13).
func (w *Work) settle(in *folder.Dir, name string, made *built, private *Private) error {
	dir, err := in.Open(name)
	if err != nil {
		return place.Fault("cannot open the work environment", err)
	}
	defer dir.Close()
	inside := &Enclosure{dir: dir, path: w.Root.EnvironmentPath(name)}
	if w.lowered {
		inside.path = w.Staging.Path + "/" + name
	}
	if err := private.Setup(inside); err != nil {
		return err
	}
	gone := map[int]bool{}
	slots := w.Package.Slots()
	for n := range slots {
		if slots[n].Entry.Lifecycle == "init" {
			gone[n] = true
		}
	}
	if len(gone) > 0 {
		if err := made.overlay.RemoveSlots(dir, gone); err != nil {
			return err
		}
	}
	if err := dir.Chmod(tree.FolderMode); err != nil {
		return place.Fault("cannot set the mode of the work environment", err)
	}
	return nil
}
