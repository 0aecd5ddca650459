// Package store keeps the unpacked slots and work environments of packages, as crates/flavor-store/STORE.md says.
//
// It guarantees that nothing becomes visible before every digest it was made of was compared, that what a killed start
// left is never believed (6.2), and that two starts, of whatever launcher, make one thing once (6.1). A slot of
// another boot is compared with the package before it is used (6.3, S18). What may go away under a running program is
// held first (13.3).
//
// A start brings a [Work]: an opened package, the place it took, and how each slot takes part. It deliberately does not
// decide parts, commands, trust or what is told to the user, sets no umask (the caller's is 0 while it works, LAUNCH.md
// 4.1), and never prunes: that is the business of `flavor cache` (14). What a package's own `uninstall` removes is in
// store/removal. Where the parts are: places and staging in store/place, records and descriptions in store/record,
// receipts in store/receipt, locks in store/use, files of slots in store/tree.
package store

import (
	"context"
	"crypto/sha256"
	"runtime"
	"slices"
	"strconv"

	"flavorpack-native/launchers/go/internal/plan"
	"flavorpack-native/launchers/go/internal/pspf"
	"flavorpack-native/launchers/go/internal/store/place"
	"flavorpack-native/launchers/go/internal/store/record"
	"flavorpack-native/launchers/go/internal/store/use"
)

// Work is what one start does in one store.
type Work struct {
	Context context.Context
	Package *pspf.Package
	Root    *place.Root
	Staging *place.Staging
	// Parts says how each slot takes part (17.1); a private environment needs none.
	Parts []plan.Part
	// Suffix is put behind the name of the work environment: "-dev" with developers' slots (17.2).
	Suffix string
	// Boot is that of the machine: record.ThisBoot().
	Boot record.Boot
	// Durable makes what is published outlast boots (11): records without boot, after everything was synced.
	Durable bool
	// Doubted: slots and environment are compared although their records are of this boot (6.5, 16.2).
	Doubted bool
	// Whole: in slots, what was added is a difference too, as after another boot (16.5).
	Whole bool
	// WithoutDigests: the level of this start does not compare slots (16.1). Only a lowered start may say so.
	WithoutDigests bool
	// Workers is how many goroutines decode at once; 0: one for each core.
	Workers int

	lowered bool
}

// Installed is what a start has after its package was brought into a store.
type Installed struct {
	// Name is the folder of the work environment, Workenv its path.
	Name, Workenv string
	// Slots are the paths of the shared slots by position; "" for slots that lie elsewhere.
	Slots []string
	// Hold keeps environment and slots from being removed; nil in a lowered start, which has them for itself.
	Hold *use.Hold
	// Compared and Renewed say what was compared with the package, and what was made anew because it was not as the
	// package says: what was there, or had a record (LAUNCH.md 8.7).
	Compared, Renewed []Thing
	// Unpacked is what this start put into the store.
	Unpacked []Thing
}

// Thing is a slot, or the work environment.
type Thing struct {
	// Slot is the position of a slot; Environment stands for the work environment.
	Slot int
	// Path is what differed, as far as it is known: a path inside the thing, or "".
	Path string
}

// Environment is the work environment among things.
const Environment = -1

// String is `slot N` or `work environment`.
func (t Thing) String() string {
	if t.Slot == Environment {
		return "work environment"
	}
	return "slot " + strconv.Itoa(t.Slot)
}

// State says what became of a shared slot, or of the environment, in the words of LAUNCH.md 10.3.
func (i *Installed) State(slot int) string {
	is := func(things []Thing) bool {
		return slices.ContainsFunc(things, func(thing Thing) bool { return thing.Slot == slot })
	}
	switch {
	case is(i.Unpacked) && is(i.Renewed):
		return "repaired"
	case is(i.Unpacked):
		return "unpacked"
	case is(i.Compared):
		return "compared"
	}
	return "found"
}

func (w *Work) workers() int {
	if w.Workers > 0 {
		return w.Workers
	}
	return runtime.GOMAXPROCS(0)
}

// believes tells whether a record needs no comparison (6.3).
func (w *Work) believes(found record.Record) bool {
	return found.Boot == record.Durable || found.Boot == w.Boot
}

// EnvironmentName is the folder of the composed environment of a package (2.2, 17.2).
func EnvironmentName(pack *pspf.Package, suffix string) string {
	metadata := pack.Metadata()
	return place.EnvironmentName(metadata.Name, metadata.Version, sha256.Sum256(pack.JSON())) + suffix
}

// PrivateEnvironmentName is the folder of the private environment of a package (8.7).
func PrivateEnvironmentName(pack *pspf.Package) string {
	metadata := pack.Metadata()
	return place.PrivateName(metadata.Name, metadata.Version, privateDigest(pack))
}

// IsPrivate tells whether a package is started in a private environment: every foreign one, and a plain one of ours (8.7).
func IsPrivate(pack *pspf.Package) bool { return pack.Flavor() == nil || pack.Flavor().IsPlain() }
