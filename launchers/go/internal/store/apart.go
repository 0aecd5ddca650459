package store

import (
	"strconv"
	"syscall"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/plan"
	"flavorpack-native/launchers/go/internal/pspf"
	"flavorpack-native/launchers/go/internal/store/folder"
	"flavorpack-native/launchers/go/internal/store/place"
	"flavorpack-native/launchers/go/internal/store/tree"
)

// Fresh unpacks a slot for this start alone, into staging, its digests compared on the way (17.3, S19). It goes with
// the staging folder.
func (w *Work) Fresh(n int) (string, error) {
	name, _, err := w.unpackSlot(n, "slot")
	if err != nil {
		return "", err
	}
	return w.Staging.Path + "/" + name, nil
}

// Lower composes a work environment that is this start's alone (16.3, S3): every slot that it needs is unpacked into
// staging, and nothing of the store is read or written.
func (w *Work) Lower() (*Installed, error) {
	if err := w.Check(); err != nil {
		return nil, err
	}
	w.lowered = true
	installed := &Installed{Slots: make([]string, len(w.Package.Slots()))}
	var unused []int
	for n := range installed.Slots {
		switch part := w.part(n); {
		case part == plan.Shared:
			path, err := w.Fresh(n)
			if err != nil {
				return nil, err
			}
			installed.Slots[n] = path
		case part == plan.Private && w.isUnpacked(n), part == plan.Setup && w.isCopied(n):
		default:
			unused = append(unused, n)
		}
	}
	if !w.WithoutDigests {
		if err := w.verify(unused); err != nil {
			return nil, err
		}
	}
	installed.Name = w.Staging.Name("env")
	installed.Workenv = w.Staging.Path + "/" + installed.Name
	return installed, w.composer(installed).composeAs(installed.Name)
}

// LowerPrivate makes a private environment that is this start's alone, setup included (16.3).
func (w *Work) LowerPrivate(private *Private) (*Installed, error) {
	if err := w.CheckPrivate(); err != nil {
		return nil, err
	}
	w.lowered = true
	installed := &Installed{Name: w.Staging.Name("env"), Slots: make([]string, len(w.Package.Slots()))}
	installed.Workenv = w.Staging.Path + "/" + installed.Name
	made := &built{name: installed.Name, overlay: tree.NewOverlay()}
	err := inNewFolder(w.Staging.Dir, made.name, tree.FolderMode, func(dir *folder.Dir) error {
		return w.fillPrivate(made, dir, installed.Workenv, private)
	})
	if err != nil {
		return nil, err
	}
	return installed, w.settle(w.Staging.Dir, made.name, made, private)
}

// extractedMode is that of a folder that is made for a person: what the umask leaves of it.
const extractedMode = 0o777

// Extract unpacks a slot into a folder of a person (LAUNCH.md 8.4). The folder is made, or is empty and filled where it
// is; after a failure nothing of the slot is left. The umask of the process holds.
func (w *Work) Extract(n int, into, name string) error {
	in, err := folder.OpenPath(into)
	if err != nil {
		return place.Fault("cannot open the folder `"+into+"`", err)
	}
	defer in.Close()
	stat, err := in.Stat(name)
	if err == syscall.ENOENT {
		ignored, err := ignoresCase(in)
		if err != nil {
			return err
		}
		_, err = w.unpackInto(n, in, name, extractedMode, w.namesWhere(ignored))
		return err
	}
	if err != nil {
		return place.Fault("cannot look at `"+into+"/"+name+"`", err)
	}
	there, err := in.Open(name)
	if stat.Kind == folder.Directory && err != nil {
		return place.Fault("cannot open the folder `"+into+"/"+name+"`", err)
	}
	occupied := stat.Kind != folder.Directory
	if err == nil {
		defer there.Close()
		names, err := there.Names()
		occupied = err != nil || len(names) > 0
	}
	if occupied {
		return code.New(code.StoreOutput, "`"+into+"/"+name+"` is there already and is no empty folder")
	}
	ignored, err := ignoresCase(there)
	if err == nil {
		_, err = w.unpackHere(n, there, w.namesWhere(ignored))
	}
	if err != nil {
		there.Clear()
	}
	return err
}

// ignoresCase asks a folder of a person with a file that is gone again afterwards (5.11).
func ignoresCase(dir *folder.Dir) (bool, error) {
	own := ".flavor-" + strconv.Itoa(syscall.Getpid()) + ".case"
	file, err := dir.Create(own, 0o600)
	if err != nil {
		return false, place.Fault("cannot write the folder", err)
	}
	_ = file.Close()
	ignored := place.IgnoresCase(dir, own)
	if err := dir.Unlink(own); err != nil {
		return false, place.Fault("cannot remove `"+own+"`", err)
	}
	return ignored, nil
}

// CopyData copies a slot to the user's folder for it, unless there is one already, which is then the user's (18). path
// is that of the folder; digests are compared on the way. It tells whether something was copied.
func (w *Work) CopyData(n int, path string) (bool, error) {
	if there, err := dataIsThere(n, path); there || err != nil {
		return false, err
	}
	failed := func(what string, err error) error {
		message := "the folder for the data of slot " + strconv.Itoa(n) + " cannot be used, " + what + ": `" + path + "`"
		return code.Wrap(code.StoreData, message, err)
	}
	end, err := place.Way{Owner: place.OwnerOrRoot(), Create: true}.Walk(path)
	if err != nil {
		return false, failed("the way to it breaks a rule", err)
	}
	defer end.Close()
	lock, err := end.Dir.OpenOrCreate(".lock", 0o600)
	if err != nil {
		return false, failed("it cannot be locked", err)
	}
	defer func() { _ = lock.Close() }()
	if err := lock.Lock(true); err != nil && !folder.CannotLock(err) {
		return false, failed("it cannot be locked", err)
	}
	if there, err := dataIsThere(n, path); there || err != nil {
		return false, err
	}
	const fresh = ".new"
	if err := end.Dir.RemoveAll(fresh); err != nil {
		return false, failed("what an earlier start left cannot be removed", err)
	}
	if _, err := w.unpackInto(n, end.Dir, fresh, tree.FolderMode, w.namesWhere(place.IgnoresCase(end.Dir, ".lock"))); err != nil {
		return false, err
	}
	// Nothing compares these files later, so they are written to the disk before they are visible.
	err = syncBelow(end.Dir)
	if err == nil {
		err = end.Dir.Rename(fresh, end.Dir, end.Name)
	}
	if err != nil {
		_ = end.Dir.RemoveAll(fresh)
		return false, failed("it cannot be written", err)
	}
	return true, nil
}

// syncBelow syncs a folder's file system. A descriptor for passing through cannot be synced, so it is opened again.
func syncBelow(dir *folder.Dir) error {
	again, err := dir.Again()
	if err != nil {
		return err
	}
	defer again.Close()
	if err := again.Sync(); err != syscall.ENOSYS {
		return err
	}
	return nil
}

// dataIsThere tells whether a folder is at the path of a slot's data, links followed (18.2).
func dataIsThere(n int, path string) (bool, error) {
	stat, err := folder.StatPath(path)
	if err == nil && stat.Kind == folder.Directory {
		return true, nil
	}
	if err == nil {
		return false, code.New(code.StoreData, "what stands at the path for the data of slot "+strconv.Itoa(n)+" is no folder: `"+path+"`")
	}
	if _, err := folder.StatLink(path); err == nil {
		return false, code.New(code.StoreData, "what stands at the path for the data of slot "+strconv.Itoa(n)+" is a link that leads nowhere: `"+path+"`")
	}
	return false, nil
}

// DataPath is where the data of a slot lies below the user's folder for data or configuration (18.1, S23).
func DataPath(base string, pack *pspf.Package, id string) string {
	signer := pack.Signer()
	return place.Below(base, "flavor/"+pack.Metadata().Name+"/"+hexKey(signer)[:16]+"/"+id)
}
