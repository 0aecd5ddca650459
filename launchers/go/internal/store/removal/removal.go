// Package removal takes out of a store what the starts of one package left in it: the store's side of `uninstall`
// (STORE.md 14.5 to 14.8, LAUNCH.md 8.9).
//
// It guarantees that nothing is removed that a program runs from (13.7), that a slot goes only if no remaining
// environment and no remaining receipt refers to it, and none while one refers to nobody knows what (14.4), and that
// what is removed is removed whole: a removal that is killed leaves either all of it, or something without a record
// (14.5). Names are compared and never used as paths; nothing is removed through a link (S15). It deliberately prunes
// nothing by age or size: that is the business of `flavor cache`.
package removal

import (
	"crypto/sha256"
	"encoding/hex"
	"sort"
	"strings"
	"syscall"
	"time"

	"flavorpack-native/launchers/go/internal/store/folder"
	"flavorpack-native/launchers/go/internal/store/place"
	"flavorpack-native/launchers/go/internal/store/receipt"
	"flavorpack-native/launchers/go/internal/store/record"
	"flavorpack-native/launchers/go/internal/store/use"
)

// Target is what belongs to a package (14.8): it follows from its signed metadata, so no receipt is needed.
type Target struct {
	// Environments are the folder names of its composed environments (2.2, 17.2).
	Environments []string
	// Private is the folder name of its private environment (8.7), WithPrivate says that it is to go too: programs keep
	// files of the user there.
	Private     string
	WithPrivate bool
	// Keys are those of all its shared slots. A lazy one may be there without any environment.
	Keys [][32]byte
}

// Gone is something that was removed, or would be.
type Gone struct {
	// Kind is `environment`, `slot`, or `receipt` for one whose environment is gone already.
	Kind, Name string
	Bytes      uint64
}

// Result is what a removal did, or would do.
type Result struct {
	Gone []Gone
	// InUse are the paths of environments that stay because a program runs from them.
	InUse []string
	// Kept are the paths of private environments that were not to go.
	Kept []string
}

// Uninstall removes what belongs to a package from one store. A dry run takes no lock and changes nothing. If starts or
// another clean-up are at work for ten seconds, it is ERR_STORE_BUSY.
func Uninstall(root *place.Root, target *Target, dryRun bool) (*Result, error) {
	r := &removal{root: root, target: target, dryRun: dryRun, result: &Result{}}
	if err := r.look(); err != nil {
		return nil, err
	}
	if dryRun || !r.anything() {
		r.plan()
		return r.result, nil
	}
	gate, err := use.Collect(root)
	if err != nil {
		return nil, err
	}
	staging, err := root.Stage()
	if err != nil {
		gate.End()
		return nil, place.Fault("cannot make a staging folder in `"+root.Path+"`", err)
	}
	// The lock is held while it is decided and renamed, not while it is deleted (14.1).
	defer staging.Remove()
	defer gate.End()
	staging.Sweep(time.Now())
	r.staging = staging
	if err := r.look(); err != nil {
		return nil, err
	}
	r.plan()
	if err := r.carryOut(); err != nil {
		return nil, err
	}
	r.removeLocks()
	return r.result, nil
}

type removal struct {
	root    *place.Root
	staging *place.Staging
	target  *Target
	dryRun  bool
	result  *Result

	// envs and slots are the names in the store, of folders, records or descriptions.
	envs, slots map[string]bool
	notes       []receipt.Note
	abouts      map[string]record.About
	going       []string // environments
	slotsGoing  []string
	receipts    []receipt.Note // of environments that are gone already
}

// look takes the inventory.
func (r *removal) look() (err error) {
	if r.envs, err = names(r.root.Envs, ".record", ".about"); err != nil {
		return place.Fault("cannot read `"+r.root.Path+"/v1/envs`", err)
	}
	if r.slots, err = names(r.root.Slots, ".record"); err != nil {
		return place.Fault("cannot read `"+r.root.Path+"/v1/slots`", err)
	}
	if r.notes, err = receipt.Notes(r.root); err != nil {
		return err
	}
	r.abouts = map[string]record.About{}
	for name := range r.envs {
		if about, ok := record.ReadAbout(r.root.Envs, name); ok {
			r.abouts[name] = about
		}
	}
	return nil
}

// names are those of what lies in a folder of the store, whether as a folder or only as a file beside where one was.
func names(in *folder.Dir, suffixes ...string) (map[string]bool, error) {
	list, err := in.Names()
	if err != nil {
		return nil, err
	}
	found := map[string]bool{}
	for _, name := range list {
		for _, suffix := range suffixes {
			name = strings.TrimSuffix(name, suffix)
		}
		found[name] = true
	}
	return found, nil
}

// anything tells whether there is something of the package in the store.
func (r *removal) anything() bool {
	for _, name := range r.wanted() {
		if r.envs[name] || len(r.notesOf(name)) > 0 {
			return true
		}
	}
	for _, key := range r.target.Keys {
		if r.slots[hex.EncodeToString(key[:])] {
			return true
		}
	}
	return false
}

// wanted are the environments that are to go.
func (r *removal) wanted() []string {
	if r.target.WithPrivate && r.target.Private != "" {
		return append(r.target.Environments[:len(r.target.Environments):len(r.target.Environments)], r.target.Private)
	}
	return r.target.Environments
}

func (r *removal) notesOf(environment string) []receipt.Note {
	var found []receipt.Note
	for _, note := range r.notes {
		if note.Environment == environment {
			found = append(found, note)
		}
	}
	return found
}

// plan decides what goes.
func (r *removal) plan() {
	if r.target.Private != "" && !r.target.WithPrivate && r.envs[r.target.Private] {
		r.result.Kept = append(r.result.Kept, r.root.EnvironmentPath(r.target.Private))
	}
	seen := processes(r.root, r.abouts)
	for _, name := range r.wanted() {
		switch {
		case !r.envs[name]:
			r.receipts = append(r.receipts, r.notesOf(name)...)
		case seen.environments[name] || use.Held(r.root, name):
			r.result.InUse = append(r.result.InUse, r.root.EnvironmentPath(name))
		default:
			r.going = append(r.going, name)
		}
	}
	r.slotsGoing = r.unreferenced(seen)
	for _, name := range r.going {
		r.result.Gone = append(r.result.Gone, Gone{Kind: "environment", Name: name, Bytes: occupied(r.root.Envs, name)})
	}
	for _, name := range r.slotsGoing {
		r.result.Gone = append(r.result.Gone, Gone{Kind: "slot", Name: name, Bytes: recorded(r.root.Slots, name)})
	}
	for _, note := range r.receipts {
		r.result.Gone = append(r.result.Gone, Gone{Kind: "receipt", Name: note.File})
	}
}

// recorded is what the record of a slot says that it has, and what is there where it has no valid one.
func recorded(in *folder.Dir, name string) uint64 {
	var key [sha256.Size]byte
	if n, err := hex.Decode(key[:], []byte(name)); err == nil && n == len(key) {
		if found, ok := record.Read(in, name, key); ok {
			return found.Bytes
		}
	}
	return occupied(in, name)
}

// occupied is the sum of the lengths of all files below a name: programs write into environments, so no record knows.
func occupied(in *folder.Dir, name string) uint64 {
	dir, err := in.Open(name)
	if err != nil {
		return 0
	}
	defer dir.Close()
	names, err := dir.Names()
	if err != nil {
		return 0
	}
	sum := uint64(0)
	for _, name := range names {
		stat, err := dir.Stat(name)
		switch {
		case err == nil && stat.Kind == folder.Regular:
			sum += stat.Size
		case err == nil && stat.Kind == folder.Directory:
			sum += occupied(dir, name)
		}
	}
	return sum
}

// unreferenced are the slots of the package and of the environments that go, to which nothing else refers (14.7, 14.8).
func (r *removal) unreferenced(seen *inUse) []string {
	candidates := map[string]bool{}
	for _, key := range r.target.Keys {
		candidates[hex.EncodeToString(key[:])] = true
	}
	leaves := map[string]bool{}
	for _, name := range r.going {
		leaves[name] = true
		for _, key := range r.abouts[name].Slots {
			candidates[hex.EncodeToString(key[:])] = true
		}
	}
	lost := map[string]bool{}
	for _, note := range r.receipts {
		lost[note.File] = true
	}
	referred := map[string]bool{}
	for name := range r.envs {
		if leaves[name] {
			continue
		}
		about, described := r.abouts[name]
		if !described && len(r.notesOf(name)) == 0 {
			// Nobody knows what it refers to, so no slot is removed (14.4).
			return nil
		}
		for _, key := range about.Slots {
			referred[hex.EncodeToString(key[:])] = true
		}
	}
	for _, note := range r.notes {
		if leaves[note.Environment] || lost[note.File] {
			continue
		}
		for _, key := range note.Slots {
			referred[key] = true
		}
	}
	var gone []string
	for name := range candidates {
		if r.slots[name] && !referred[name] && !seen.slots[name] {
			gone = append(gone, name)
		}
	}
	sort.Strings(gone)
	return gone
}

// carryOut removes what was planned (14.5).
func (r *removal) carryOut() error {
	kept := map[string]bool{}
	for _, name := range r.going {
		lock, free, err := use.Claim(r.root, name)
		if err != nil {
			return err
		}
		if !free {
			kept[name] = true
			continue
		}
		err = r.removeEnvironment(name)
		lock.End()
		if err != nil {
			return err
		}
	}
	if len(kept) > 0 {
		// A start was quicker: the environment stays, and all slots, as it may refer to any of them.
		r.keep(kept)
		return nil
	}
	for _, note := range r.receipts {
		if err := unlink(r.root.Receipts, note.File); err != nil {
			return place.Fault("cannot remove the receipt `"+note.File+"`", err)
		}
	}
	for _, name := range r.slotsGoing {
		if err := r.take(r.root.Slots, name+".record", name); err != nil {
			return place.Fault("cannot remove the slot `"+name+"`", err)
		}
	}
	return nil
}

// keep corrects the result where a start was quicker.
func (r *removal) keep(kept map[string]bool) {
	var gone []Gone
	for _, thing := range r.result.Gone {
		if thing.Kind == "environment" && !kept[thing.Name] {
			gone = append(gone, thing)
		}
	}
	r.result.Gone = gone
	for name := range kept {
		r.result.InUse = append(r.result.InUse, r.root.EnvironmentPath(name))
	}
	sort.Strings(r.result.InUse)
}

func (r *removal) removeEnvironment(name string) error {
	for _, note := range r.notesOf(name) {
		if err := unlink(r.root.Receipts, note.File); err != nil {
			return place.Fault("cannot remove the receipt `"+note.File+"`", err)
		}
	}
	if err := r.take(r.root.Envs, name+".record", name+".about", name); err != nil {
		return place.Fault("cannot remove the work environment `"+name+"`", err)
	}
	return nil
}

func unlink(in *folder.Dir, name string) error {
	if err := in.Unlink(name); err != syscall.ENOENT {
		return err
	}
	return nil
}

// take renames things into staging, in this order; they are deleted there (14.6).
func (r *removal) take(from *folder.Dir, names ...string) error {
	for _, name := range names {
		err := from.Rename(name, r.staging.Dir, r.staging.Name("gone"))
		if err != nil && err != syscall.ENOENT {
			return err
		}
	}
	return nil
}
