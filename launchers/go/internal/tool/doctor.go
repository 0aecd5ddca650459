package tool

import (
	"context"
	"strconv"
	"strings"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/launch"
	"flavorpack-native/launchers/go/internal/store"
	"flavorpack-native/launchers/go/internal/store/place"
	"flavorpack-native/launchers/go/internal/tell"
)

// finding is one line of `doctor`.
type finding struct {
	name, state, detail string
}

// The states of findings.
const (
	fine   = "ok"
	note   = "note"
	failed = "FAILED"
)

// examination collects findings in the order of a start, and the first thing that would end one.
type examination struct {
	findings []finding
	first    error
}

func (e *examination) add(name, state, detail string) {
	e.findings = append(e.findings, finding{name, state, detail})
}

func (e *examination) fail(name string, err error) {
	e.add(name, failed, tell.Described(err)+" ["+string(tell.Coded(err))+"]")
	if e.first == nil {
		e.first = err
	}
}

// doctor tells what a start would meet, and changes nothing (LAUNCH.md 8.8).
func doctor(s *session) error {
	e := &examination{}
	if err := s.open(); err != nil {
		e.fail("package", err)
	} else {
		e.add("package", fine, s.pkg.Metadata().Name+" "+s.pkg.Metadata().Version+", the signature holds")
		s.examine(e)
	}
	if s.json() {
		listed := make([]*object, len(e.findings))
		for n, one := range e.findings {
			listed[n] = part().string("name", one.name).string("state", one.state).string("detail", one.detail)
		}
		if err := s.print(record("doctor").truth("ok", e.first == nil).objects("findings", listed)); err != nil {
			return err
		}
		return e.first
	}
	for _, one := range e.findings {
		line := one.state + strings.Repeat(" ", 7-len(one.state)) + one.name + strings.Repeat(" ", max(1, 10-len(one.name))) + one.detail
		if err := s.say(line); err != nil {
			return err
		}
	}
	return e.first
}

func (s *session) examine(e *examination) {
	if decision, err := s.decide(); err != nil {
		e.fail("trust", err)
	} else if decision.PubliclyKnown {
		e.add("trust", note, "the package is signed with a publicly known key, so anybody can have made it")
	} else {
		e.add("trust", fine, decision.Detail())
	}
	switch err := launch.CheckTarget(s.pkg); {
	case err != nil:
		e.fail("platform", err)
	case s.isForeign():
		e.add("platform", note, "the package states none")
	default:
		e.add("platform", fine, "built for "+launch.OS+"_"+launch.Arch)
	}
	if name, err := s.start.CheckCommands(s.pkg); err != nil {
		e.fail("commands", err)
	} else {
		e.add("commands", fine, strconv.Quote(name)+" would run")
	}
	switch origin, err := s.launcherOrigin(context.Background()); {
	case err != nil:
		e.fail("launcher", err)
	case s.isForeign():
		e.add("launcher", note, origin)
	default:
		e.add("launcher", fine, origin)
	}
	s.examineStore(e)
	s.examineSlots(e)
	s.examineData(e)
}

// examineStore looks at the places, and for a receipt.
func (s *session) examineStore(e *examination) {
	answer, _ := s.start.FindReceipt()
	if answer.Receipt != nil {
		defer answer.Receipt.Hold.End()
	}
	need := func(*place.Root) place.Need { return place.Need{} }
	if roles, err := s.rolesOrNone(); err == nil {
		need = s.start.Work(s.pkg, roles).Need
	}
	taken := false
	var reasons []string
	for _, path := range place.Paths(s.start.Lookup()) {
		title := "`" + path + "` (from " + s.variableOf(path) + "): "
		if err := place.Examine(path, need); err != nil {
			reason := tell.Described(err)
			reasons = append(reasons, "`"+path+"`: "+reason)
			e.add("place", note, title+reason)
			continue
		}
		if taken {
			e.add("place", fine, title+"a store can be here")
			continue
		}
		taken = true
		e.add("place", fine, title+"a store can be here; a start takes this one")
	}
	switch {
	case answer.Receipt != nil:
		e.add("receipt", fine, "a receipt vouches for the store, the next start is warm: `"+answer.Receipt.Workenv()+"`")
		return
	case !taken:
		e.fail("store", code.New(code.StoreLocation, "no place for the store can be used; "+strings.Join(reasons, "; ")))
	}
	e.add("receipt", note, "no receipt vouches for the store: the next start reads the package")
}

// rolesOrNone are the roles of slots; a package that is started as its execution says has none.
func (s *session) rolesOrNone() (*launch.Roles, error) {
	if store.IsPrivate(s.pkg) {
		return &launch.Roles{}, nil
	}
	return s.start.DecideRoles(s.pkg)
}

// variableOf names the variable that gives a place (STORE.md 1.1).
func (s *session) variableOf(path string) string {
	for _, source := range []struct{ name, below string }{
		{"FLAVOR_CACHE", ""}, {"FLAVOR_CACHE_DIR", ""}, {"XDG_CACHE_HOME", "flavor"}, {"HOME", ""}, {"TMPDIR", ""},
	} {
		value := s.start.Variables.Value(source.name)
		switch {
		case value == "" || !strings.HasPrefix(path, value):
		case source.name == "HOME", source.name == "TMPDIR", source.below == "" && path == value,
			source.below != "" && path == place.Below(value, source.below):
			return source.name
		}
	}
	return "the system"
}

// examineSlots compares the slots that a start reads: all that have a digest.
func (s *session) examineSlots(e *examination) {
	slots := s.pkg.Slots()
	compared := 0
	for n := range slots {
		if isUnchecked(&slots[n]) {
			continue
		}
		compared++
		if err := s.pkg.VerifyStored(context.Background(), n); err != nil {
			e.fail("slots", err)
			return
		}
	}
	e.add("slots", fine, strconv.Itoa(compared)+", every digest holds")
}

// examineData looks at the folders of the user's data.
func (s *session) examineData(e *examination) {
	if store.IsPrivate(s.pkg) {
		return
	}
	roles, err := s.start.DecideRoles(s.pkg)
	if err != nil {
		return
	}
	paths, err := s.start.DataPaths(s.pkg, roles)
	if err != nil {
		e.fail("data", err)
		return
	}
	for _, data := range roles.Data {
		path, wanted := paths[data.Slot]
		if !wanted {
			continue
		}
		switch there, err := launch.ExamineData(path); {
		case err != nil:
			e.fail("data", err)
		case there:
			e.add("data", fine, "`"+path+"` is there, and is left alone")
		default:
			e.add("data", fine, "`"+path+"`: slot "+strconv.Itoa(data.Slot)+" is copied there by the next start")
		}
	}
}
