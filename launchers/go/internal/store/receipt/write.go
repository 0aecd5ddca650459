package receipt

import (
	"strings"
	"time"

	"flavorpack-native/launchers/go/internal/plan"
	"flavorpack-native/launchers/go/internal/store/folder"
	"flavorpack-native/launchers/go/internal/store/place"
	"flavorpack-native/launchers/go/internal/store/record"
)

// settled is the age from which a file's times tell a later change from this one (9.5).
const settled = 2 * time.Second

// IsUnsettled tells whether a file was changed so lately, or in the future, that a further change might leave its
// identity as it is (9.5). now is the time at which it was opened.
func IsUnsettled(stat *folder.Stat, now time.Time) bool {
	mtime := time.Unix(stat.MtimeSeconds, int64(stat.MtimeNanoseconds))
	ctime := time.Unix(stat.CtimeSeconds, int64(stat.CtimeNanoseconds))
	newest := mtime
	if ctime.After(newest) {
		newest = ctime
	}
	return now.Sub(newest) < settled
}

// Fresh is what a full path knows when it writes a receipt.
type Fresh struct {
	Package *Package
	// ReliableTimes says that the package lies on a file system whose change times can be relied on.
	ReliableTimes bool
	// Opened is the clock when the package was opened; it is the receipt's creation.
	Opened time.Time
	Boot   record.Boot
	// Expiry is the earliest expiry that entered the decision of trust, in seconds since 1970; 0: none.
	Expiry  int64
	Sources []Source
	Plan    *plan.Plan
	// Roots are the paths of the shared slots of the package.
	Roots []string
	// Private says that the environment is private: Roots is its whole stat list (8.15).
	Private bool
}

// Write writes the receipt of a start that read and verified every byte of the package (9.5). It returns why there is
// none, or "". Not being able to write one is nobody's error.
func Write(root *place.Root, staging *place.Staging, fresh *Fresh) string {
	byPath := fresh.Package.OutOfReach()
	if !byPath {
		if !fresh.ReliableTimes {
			return "the package's file system has no reliable change times"
		}
		if IsUnsettled(&fresh.Package.Stat, fresh.Opened) {
			return "the package was changed less than two seconds ago, or in the future"
		}
	}
	for _, source := range fresh.Sources {
		if source.Present && source.Unsettled {
			return "`" + source.Path + "` was changed less than two seconds ago, or in the future, or has no reliable change time"
		}
	}
	stats, missing := fresh.stats(root)
	if missing != "" {
		return "`" + missing + "` is not there"
	}
	sheet := &sheet{
		boot: fresh.Boot, seconds: fresh.Opened.Unix(), nanosecond: uint32(fresh.Opened.Nanosecond()),
		expiry: fresh.Expiry, byPath: byPath, pack: fresh.Package, root: root.Path, plan: fresh.Plan,
		sources: fresh.Sources, stats: stats,
	}
	raw, ok := sheet.encode()
	if !ok {
		return "it would be longer than 64 KiB"
	}
	if err := record.Publish(staging, root.Receipts, fresh.Package.Name(byPath), raw); err != nil {
		return err.Error()
	}
	return ""
}

// stats makes the stat list (9.4): the root of every shared slot, and what the commands name inside the store. A word
// of a command that names nothing yet is not in it: a program may be going to create what it is told.
func (f *Fresh) stats(root *place.Root) ([]entry, string) {
	var list []entry
	known := map[string]bool{}
	for _, path := range f.Roots {
		stat, err := folder.StatPath(path)
		if err != nil {
			return nil, path
		}
		if !known[path] {
			known[path] = true
			list = append(list, entry{path, stated(&stat)})
		}
	}
	if f.Private {
		return list, ""
	}
	for n := range f.Plan.Commands {
		for _, word := range f.Plan.Commands[n].Argv {
			if known[word] || !strings.HasPrefix(word, root.Path+"/") || strings.HasPrefix(word, root.Path+"/v1/tmp/") {
				continue
			}
			known[word] = true
			if stat, err := folder.StatPath(word); err == nil {
				list = append(list, entry{word, stated(&stat)})
			}
		}
	}
	return list, ""
}
