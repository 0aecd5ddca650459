package launch

import (
	"runtime"
	"strconv"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/plan"
	"flavorpack-native/launchers/go/internal/pspf"
)

// Roles is how the slots of a package with commands take part in a start (LAUNCH.md 14.1).
type Roles struct {
	// Parts are parallel to the slots.
	Parts []plan.Part
	// Temporary, Shutdown and Lazy are positions of such slots.
	Temporary, Shutdown, Lazy []int
	// Data are slots that are copied to the user's folders.
	Data []DataSlot
	// HasDeveloper says that there are slots of lifecycle dev; Developer that they are there at this start.
	HasDeveloper, Developer bool
	// leftOut marks slots whose placeholder takes away what names it (LAUNCH.md 14.3).
	leftOut []bool
}

// DataSlot is a slot of the user's data or configuration (STORE.md 18.1).
type DataSlot struct {
	Slot   int
	Config bool
}

// EachStart says that each start needs content of the package (LAUNCH.md 3.4).
func (r *Roles) EachStart() bool { return len(r.Temporary)+len(r.Shutdown) > 0 }

// OS and Arch are the launcher's own in the words of packages (LAUNCH.md 6.1.5).
const (
	OS   = runtime.GOOS
	Arch = runtime.GOARCH
)

// DecideRoles decides the slots' parts.
func (s *Start) DecideRoles(p *pspf.Package) (*Roles, error) {
	slots := p.Slots()
	roles := &Roles{Parts: make([]plan.Part, len(slots)), leftOut: make([]bool, len(slots))}
	for n := range slots {
		if slots[n].Entry.Lifecycle == "dev" && !slots[n].Entry.SelfRef {
			roles.HasDeveloper = true
			// FLAVOR_DEV is looked at only for packages that have such slots (LAUNCH.md 14.2).
			roles.Developer = s.Variables.Value("FLAVOR_DEV") == "1"
		}
	}
	for n := range slots {
		if err := roles.decide(p, n); err != nil {
			return nil, err
		}
	}
	return roles, nil
}

func (r *Roles) decide(p *pspf.Package, n int) error {
	slot := &p.Slots()[n]
	resident := plan.Private
	if slot.Flavor.Share {
		resident = plan.Shared
	}
	present := func(there bool) {
		if there {
			r.Parts[n] = resident
		} else {
			r.Parts[n], r.leftOut[n] = plan.Absent, true
		}
	}
	if slot.Entry.SelfRef {
		// It holds nothing, whatever its lifecycle says (STORE.md 5.10).
		present(false)
		if slot.Entry.Lifecycle == "lazy" && !slot.Flavor.Share {
			return unsharedLazy(n, slot)
		}
		return nil
	}
	switch slot.Entry.Lifecycle {
	case "", "runtime", "startup", "eager", "cache", "cached":
		r.Parts[n] = resident
	case "lazy":
		if !slot.Flavor.Share {
			return unsharedLazy(n, slot)
		}
		r.Parts[n] = plan.Absent
		r.Lazy = append(r.Lazy, n)
	case "init":
		r.Parts[n] = plan.Setup
	case "temporary", "temp", "volatile":
		r.Parts[n] = plan.Outside
		r.Temporary = append(r.Temporary, n)
	case "persistent", "config":
		if !folderName(slot.Entry.ID) {
			return lifecycleError(n, slot, "its id cannot be the name of a folder for data, expected 1 to 64 of `A-Za-z0-9._-` not beginning with `.`")
		}
		r.Parts[n] = plan.Outside
		r.Data = append(r.Data, DataSlot{n, slot.Entry.Lifecycle == "config"})
	case "dev":
		present(r.Developer)
	case "shutdown":
		if p.Flavor().Command(slot.Entry.ID) == nil {
			return lifecycleError(n, slot, "there is no command of the slot's name that could run when the program has ended")
		}
		r.Parts[n], r.leftOut[n] = plan.Outside, true
		r.Shutdown = append(r.Shutdown, n)
	case "platform":
		platform := slot.Entry.Platform
		present(platform == "" || platform == OS || platform == OS+"_"+Arch)
	default:
		return lifecycleError(n, slot, "the lifecycle `"+slot.Entry.Lifecycle+"` is not known")
	}
	return nil
}

func unsharedLazy(n int, slot *pspf.Slot) error {
	return lifecycleError(n, slot, "a lazy slot lies in the shared store, but `share` is false")
}

// folderName says whether an id may be the name of a folder of data (STORE.md 18.1).
func folderName(id string) bool {
	if len(id) == 0 || len(id) > 64 || id[0] == '.' {
		return false
	}
	for at := range len(id) {
		switch char := id[at]; {
		case char >= 'a' && char <= 'z', char >= 'A' && char <= 'Z', char >= '0' && char <= '9', char == '.', char == '_', char == '-':
		default:
			return false
		}
	}
	return true
}

// SlotTitle names a slot for people.
func SlotTitle(n int, slot *pspf.Slot) string {
	return "slot " + strconv.Itoa(n) + " (" + slot.Entry.ID + ")"
}

func lifecycleError(n int, slot *pspf.Slot, what string) error {
	return code.New(code.LaunchLifecycle, SlotTitle(n, slot)+": "+what)
}
