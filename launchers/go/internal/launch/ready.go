package launch

import (
	"encoding/hex"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/plan"
	"flavorpack-native/launchers/go/internal/process"
	"flavorpack-native/launchers/go/internal/store"
	"flavorpack-native/launchers/go/internal/store/place"
	"flavorpack-native/launchers/go/internal/store/receipt"
	"flavorpack-native/launchers/go/internal/store/record"
	"flavorpack-native/launchers/go/internal/validation"
)

// startReady starts what was prepared: in the launcher's place, or as its child (LAUNCH.md 4.11, 15).
func (s *Start) startReady(r *ready, level validation.Level) error {
	program, err := s.startable(r)
	if err != nil {
		r.done()
		return err
	}
	waits := level.Lowered() || r.roles != nil && r.roles.EachStart()
	if !waits {
		r.done()
		s.Teller.Quiet()
		s.Log().Phase("start", s.Begun)
		return program.replace(r.installed.Hold)
	}
	process.Umask(r.umask)
	under := &underParent{start: s, program: program, hold: r.installed.Hold, after: r.done}
	if r.roles != nil {
		for _, n := range r.roles.Shutdown {
			under.shutdown = append(under.shutdown, s.shutdown(r, n))
		}
	}
	return under.run()
}

// startable unpacks what is for this start alone, and makes the program.
func (s *Start) startable(r *ready) (*program, error) {
	held := r.plan
	if r.roles != nil {
		for _, n := range r.roles.Temporary {
			if r.pkg.Slots()[n].Entry.SelfRef {
				continue
			}
			path, err := r.work.Fresh(n)
			if err != nil {
				return nil, err
			}
			r.outside[n] = path
		}
		var err error
		if held, err = r.planner.plan(r.places()); err != nil {
			return nil, err
		}
	}
	chosen, err := s.chooser().choose(len(held.Commands), func(n int) string { return held.Commands[n].Name }, held.Default)
	if err != nil {
		return nil, err
	}
	return s.make(&held.Commands[chosen], held.Workenv, s.Arguments)
}

// shutdown is the command of a shutdown slot (LAUNCH.md 15.5).
func (s *Start) shutdown(r *ready, n int) shutdownCommand {
	slot := &r.pkg.Slots()[n]
	return shutdownCommand{name: slot.Entry.ID, make: func() (*program, error) {
		process.Umask(0)
		path, err := r.work.Fresh(n)
		process.Umask(r.umask)
		if err != nil {
			return nil, err
		}
		r.outside[n] = path
		command, there, err := r.planner.command(r.pkg.Flavor().Command(slot.Entry.ID), r.places(), n)
		if err != nil {
			return nil, err
		}
		if !there {
			return nil, code.New(code.LaunchLifecycle, "the command names a slot that is not there")
		}
		return s.make(&command, r.installed.Workenv, nil)
	}}
}

// warmEachStart goes on where a receipt only vouches for the store (LAUNCH.md 3.4).
func (s *Start) warmEachStart(found *receipt.Receipt, root *place.Root) error {
	process.UseAllProcessors()
	r := &ready{umask: process.Umask(0), root: root, outside: map[int]string{}}
	if err := s.prepareAgain(r, found); err != nil {
		r.done()
		return err
	}
	return s.startReady(r, validation.Strict)
}

func (s *Start) prepareAgain(r *ready, found *receipt.Receipt) error {
	var err error
	if r.verified, err = s.open(validation.Strict); err != nil {
		return err
	}
	if r.roles, err = s.DecideRoles(r.pkg); err != nil {
		return err
	}
	r.planner = &planner{r.pkg, r.roles}
	data, err := s.dataPlaces(r.pkg, r.roles)
	if err != nil {
		return err
	}
	for n, path := range data.paths {
		r.outside[n] = path
	}
	r.installed = &store.Installed{Workenv: found.Workenv(), Hold: found.Hold, Slots: make([]string, len(r.pkg.Slots()))}
	for n := range r.installed.Slots {
		if r.roles.Parts[n] == plan.Shared {
			key, err := store.Key(&r.pkg.Slots()[n])
			if err != nil {
				return err
			}
			r.installed.Slots[n] = slotPath(r.root, key)
		}
	}
	r.work = s.work(&Preparation{}, r)
	r.work.Parts = r.roles.Parts
	if r.staging, err = r.root.Stage(); err != nil {
		// The store can be read and not be written: what is for one start alone needs another place.
		if r.root, r.staging, err = place.Take(place.Paths(s.Lookup()), r.needOfStart); err != nil {
			return err
		}
	}
	r.work.Root, r.work.Staging, r.work.Boot = r.root, r.staging, record.ThisBoot()
	return nil
}

// needOfStart is what the slots of one start need.
func (r *ready) needOfStart(*place.Root) place.Need {
	var need place.Need
	for _, list := range [][]int{r.roles.Temporary, r.roles.Shutdown} {
		for _, n := range list {
			need.Bytes += uint64(r.pkg.Slots()[n].Flavor.Bytes)
			need.Members += uint64(r.pkg.Slots()[n].Flavor.Members)
		}
	}
	return need
}

func slotPath(root *place.Root, key [32]byte) string {
	return root.SlotPath(hex.EncodeToString(key[:]))
}
