package launch

import (
	"context"
	"strconv"
	"time"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/environment"
	"flavorpack-native/launchers/go/internal/plan"
	"flavorpack-native/launchers/go/internal/process"
	"flavorpack-native/launchers/go/internal/pspf"
	"flavorpack-native/launchers/go/internal/store"
	"flavorpack-native/launchers/go/internal/store/place"
	"flavorpack-native/launchers/go/internal/store/receipt"
	"flavorpack-native/launchers/go/internal/store/record"
	"flavorpack-native/launchers/go/internal/tell"
	"flavorpack-native/launchers/go/internal/validation"
)

// Preparation is a cold start up to its program: what `warm` and `repair` do as well (LAUNCH.md 4, 8.7).
type Preparation struct {
	// Durable, Doubted and Whole are the store's words (store.Work).
	Durable, Doubted, Whole bool
	// Level is that of the start; tools have Strict.
	Level validation.Level
	// KeepNothing leaves the receipt out.
	ready *ready
}

// ready is a package that can be started: it was verified, unpacked and planned.
type ready struct {
	*verified
	root      *place.Root
	staging   *place.Staging
	installed *store.Installed
	// plan is that of a package that is started as its execution says.
	plan *plan.Plan
	// roles and planner are those of packages with commands.
	roles   *Roles
	planner *planner
	work    *store.Work
	// data are the places of slots that are copied to the user.
	data *dataPlaces
	// outside are the places of slots that lie neither in the store nor in the environment, as far as they are unpacked.
	outside map[int]string
	// umask is the user's.
	umask int
}

// cold starts a package that no receipt vouches for (LAUNCH.md 4).
func (s *Start) cold(doubted bool) error {
	process.UseAllProcessors()
	prepared := &Preparation{Doubted: doubted || s.Level == validation.Full, Level: s.Level}
	made, err := s.Prepare(prepared)
	if err != nil {
		return err
	}
	if s.Level == validation.Full {
		for _, thing := range made.Renewed {
			s.Teller.Notice(renewed(thing))
		}
	}
	return s.startReady(prepared.ready, s.Level)
}

// renewed tells what of the store was not as the package says (STORE.md 16.2).
func renewed(thing store.Thing) string {
	text := thing.String() + " was not as the package says, and was put in order"
	if thing.Path != "" && thing.Path != "." {
		text += ": `" + thing.Path + "`"
	}
	return text
}

// Prepare carries out a cold start without its program. It leaves the umask at 0 and the staging in place: startReady or
// Done ends that.
func (s *Start) Prepare(p *Preparation) (*store.Installed, error) {
	made := &ready{umask: process.Umask(0)}
	p.ready = made
	prepared := false
	// After a panic too, so that no staging is left behind.
	defer func() {
		if !prepared {
			made.done()
		}
	}()
	if err := s.prepare(p, made); err != nil {
		return nil, err
	}
	prepared = true
	return made.installed, nil
}

// Done ends a preparation that starts no program.
func (p *Preparation) Done() { p.ready.done() }

func (r *ready) done() {
	if r.staging != nil {
		r.staging.Remove()
		r.staging = nil
	}
	process.Umask(r.umask)
}

func (s *Start) prepare(p *Preparation, made *ready) error {
	var err error
	if made.verified, err = s.open(p.Level); err != nil {
		return err
	}
	s.Teller.Begin(s.Begun)
	s.Teller.Expect(s.Stat.Size)
	s.File.teller = s.Teller
	if err := s.trust(made.verified); err != nil {
		return err
	}
	if err := checkTarget(made.pkg); err != nil {
		return err
	}
	if store.IsPrivate(made.pkg) {
		return s.preparePrivate(p, made)
	}
	if made.roles, err = s.DecideRoles(made.pkg); err != nil {
		return err
	}
	made.planner = &planner{made.pkg, made.roles}
	if err := made.planner.check(); err != nil {
		return err
	}
	made.work = s.work(p, made)
	made.work.Parts = made.roles.Parts
	if made.roles.Developer {
		made.work.Suffix = "-dev"
	}
	if err := made.work.Check(); err != nil {
		return err
	}
	if made.data, err = s.dataPlaces(made.pkg, made.roles); err != nil {
		return err
	}
	return s.fill(p, made)
}

// work is what the store is asked for.
func (s *Start) work(p *Preparation, made *ready) *store.Work {
	boot := record.ThisBoot()
	return &store.Work{
		Context: context.Background(), Package: made.pkg, Boot: boot,
		Durable: p.Durable, Doubted: p.Doubted, Whole: p.Whole,
		WithoutDigests: p.Level.Digests() == validation.Ignore,
	}
}

// take carries out step 7: a place, staging, and what dead starts left.
func (s *Start) take(p *Preparation, made *ready) error {
	begun := time.Now()
	need := made.work.Need
	if p.Level.Lowered() {
		need = func(*place.Root) place.Need { return everything(made.pkg) }
	}
	var err error
	if made.root, made.staging, err = place.Take(place.Paths(s.Lookup()), need); err != nil {
		return err
	}
	if log := s.Log(); log.Tells(tell.Info) {
		log.Line(tell.Info, "cold start: store `"+made.root.Path+"`, validation is "+p.Level.String())
	}
	made.staging.Sweep(s.Opened)
	made.work.Root, made.work.Staging = made.root, made.staging
	s.Log().Phase("place", begun)
	return nil
}

// everything is what a start needs that takes nothing from a store.
func everything(p *pspf.Package) place.Need {
	var need place.Need
	for n := range p.Slots() {
		slot := &p.Slots()[n]
		bytes := slot.Size
		if slot.Flavor != nil {
			bytes = max(bytes, slot.Flavor.Bytes)
			need.Members += uint64(slot.Flavor.Members)
		}
		need.Bytes += uint64(bytes)
	}
	return need
}

// unchanged compares the file with what it was when it was opened (LAUNCH.md 4.9, S10).
func (s *Start) unchanged() error {
	stat, err := s.File.Stat()
	if err != nil {
		return code.Wrap(code.PspfIO, "cannot look at `"+s.Path+"` again", err)
	}
	if stat.Identity != s.Stat.Identity {
		return code.New(code.LaunchChanged, "the package file changed while it was read: `"+s.Path+"`")
	}
	return nil
}

// fill carries out steps 6 to 10 for a package with commands.
func (s *Start) fill(p *Preparation, made *ready) error {
	if err := s.checkLauncher(made.verified, p.Level); err != nil {
		return err
	}
	s.notices(made.verified, p.Level)
	if err := s.take(p, made); err != nil {
		return err
	}
	begun := time.Now()
	install := made.work.Install
	if p.Level.Lowered() {
		install = made.work.Lower
	}
	var err error
	if made.installed, err = install(); err != nil {
		return err
	}
	if made.outside, err = s.copyData(p, made); err != nil {
		return err
	}
	if !p.Level.Lowered() {
		s.tellStates(made.installed)
	}
	s.Log().Phase("unpack", begun)
	if err := s.unchanged(); err != nil {
		return err
	}
	s.missing(made)
	if p.Level.Lowered() {
		return nil
	}
	held, err := made.planner.plan(made.places())
	if err != nil {
		return err
	}
	held = made.planner.forReceipt(held)
	held.Conditions = append(s.developerConditions(made.roles), made.data.conditions...)
	s.writeReceipt(made, held, made.roots(), false)
	return nil
}

// tellStates tells at debug what became of each shared slot and of the environment (LAUNCH.md 10.3).
func (s *Start) tellStates(installed *store.Installed) {
	log := s.Log()
	if !log.Tells(tell.Debug) {
		return
	}
	for n, path := range installed.Slots {
		if path != "" {
			log.Line(tell.Debug, "slot "+strconv.Itoa(n)+" "+installed.State(n)+": "+baseName(path))
		}
	}
	log.Line(tell.Debug, "work environment "+installed.State(store.Environment)+": `"+installed.Workenv+"`")
}

// copyData copies data that is not there yet, and gives the places of all of it. A lowered start has its own copy of it
// (STORE.md 16.3).
func (s *Start) copyData(p *Preparation, made *ready) (map[int]string, error) {
	outside := map[int]string{}
	for n, path := range made.data.paths {
		if p.Level.Lowered() {
			fresh, err := made.work.Fresh(n)
			if err != nil {
				return nil, err
			}
			outside[n] = fresh
			continue
		}
		if _, err := made.work.CopyData(n, path); err != nil {
			return nil, err
		}
		outside[n] = path
	}
	return outside, nil
}

// places are where environment and slots lie.
func (r *ready) places() *Places {
	return &Places{Workenv: r.installed.Workenv, Slot: func(n int) string {
		if path, there := r.outside[n]; there {
			return path
		}
		return r.installed.Slots[n]
	}}
}

// roots are the paths of the shared slots, for the receipt's stat list.
func (r *ready) roots() []string {
	var roots []string
	for _, path := range r.installed.Slots {
		if path != "" {
			roots = append(roots, path)
		}
	}
	return roots
}

// writeReceipt writes the receipt where STORE.md 9.5 allows it. Failing to is not an error.
func (s *Start) writeReceipt(made *ready, held *plan.Plan, roots []string, private bool) {
	system, err := s.File.OnFileSystem()
	reason := ""
	if err != nil {
		reason = "its file system is not known"
	} else {
		boot := made.work.Boot
		if made.work.Durable {
			boot = record.Durable
		}
		reason = receipt.Write(made.root, made.staging, &receipt.Fresh{
			Package: s.asPackage(), ReliableTimes: system.ReliableTimes, Opened: s.Opened, Boot: boot,
			Expiry: made.decision.Expiry, Sources: made.sources.Sources(), Plan: held, Roots: roots, Private: private,
		})
	}
	if log := s.Log(); reason != "" && log.Tells(tell.Debug) {
		log.Line(tell.Debug, "no receipt is written: "+reason)
	}
}

// missing warns about variables that the package counts on (LAUNCH.md 6.4).
func (s *Start) missing(made *ready) {
	log := s.Log()
	if !log.Tells(tell.Warn) {
		return
	}
	for _, name := range environment.Missing(&made.pkg.Metadata().Runtime, s.Variables) {
		log.Line(tell.Warn, "the package counts on the variable `"+name+"`, which is not set")
	}
}
