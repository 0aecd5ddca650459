package launch

import (
	"path"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/pspf"
	"flavorpack-native/launchers/go/internal/store"
	"flavorpack-native/launchers/go/internal/store/folder"
	"flavorpack-native/launchers/go/internal/store/place"
	"flavorpack-native/launchers/go/internal/validation"
)

// What the tools ask about a package without starting it (LAUNCH.md 8).

// CheckTarget refuses packages for another platform (LAUNCH.md 4.4).
func CheckTarget(p *pspf.Package) error { return checkTarget(p) }

// Unchanged compares the file with what it was when it was opened (LAUNCH.md 8.1, S10).
func (s *Start) Unchanged() error { return s.unchanged() }

// Work is what the store is asked for, for a package whose roles are known. Place and staging are the caller's.
func (s *Start) Work(p *pspf.Package, roles *Roles) *store.Work {
	work := s.work(&Preparation{Level: validation.Strict}, &ready{verified: &verified{pkg: p}})
	work.Parts = roles.Parts
	if roles.Developer {
		work.Suffix = "-dev"
	}
	return work
}

// CheckCommands carries out step 5 of LAUNCH.md 4 and gives the name of the command that would run (5.1 a, c).
func (s *Start) CheckCommands(p *pspf.Package) (string, error) {
	if store.IsPrivate(p) {
		of, err := newForeigner(p)
		if err != nil {
			return "", err
		}
		if err := of.check(); err != nil {
			return "", err
		}
		name := p.Metadata().Name
		return s.wouldRun([]string{name}, 0)
	}
	roles, err := s.DecideRoles(p)
	if err != nil {
		return "", err
	}
	planner := &planner{p, roles}
	if err := planner.check(); err != nil {
		return "", err
	}
	if err := s.Work(p, roles).Check(); err != nil {
		return "", err
	}
	made, err := planner.plan(formPlaces())
	if err != nil {
		return "", err
	}
	names := make([]string, len(made.Commands))
	for n := range names {
		names[n] = made.Commands[n].Name
	}
	return s.wouldRun(names, made.Default)
}

func (s *Start) wouldRun(names []string, byDefault int) (string, error) {
	chosen := s.chooser()
	chosen.typed = ""
	n, err := chosen.choose(len(names), func(n int) string { return names[n] }, byDefault)
	if err != nil {
		return "", err
	}
	return names[n], nil
}

// DataPaths are the folders of slots of the user's data, by the variables of now (STORE.md 18.1).
func (s *Start) DataPaths(p *pspf.Package, roles *Roles) (map[int]string, error) {
	found, err := s.dataPlaces(p, roles)
	if err != nil {
		return nil, err
	}
	return found.paths, nil
}

// ExamineData tells whether data is there already, and why a start could not use its folder, as far as that can be seen
// without creating anything (LAUNCH.md 8.8).
func ExamineData(at string) (there bool, err error) {
	refused := func(why string) error {
		return code.New(code.StoreData, "the folder `"+at+"` cannot be used: "+why)
	}
	if stat, err := folder.StatPath(at); err == nil {
		if stat.Kind != folder.Directory {
			return false, refused("it is no folder")
		}
		return true, nil
	}
	if _, err := folder.StatLink(at); err == nil {
		return false, refused("it is a link that leads nowhere")
	}
	for above := path.Dir(at); ; above = path.Dir(above) {
		end, err := place.Way{Owner: place.OwnerOrRoot()}.Walk(above)
		switch {
		case err == nil:
			_, err = end.Dir.Stat(end.Name)
			found := end.Path
			end.Close()
			if err != nil && above != "/" {
				continue
			}
			if folder.DeniesWrite(found) {
				return false, refused("`" + found + "` cannot be written")
			}
			return false, nil
		case !place.Missing(err):
			return false, refused(err.Error())
		case above == "/":
			return false, refused("there is no folder above it")
		}
	}
}

// Installed is what a preparation brought into the store.
func (p *Preparation) Installed() *store.Installed { return p.ready.installed }

// Examine does more with what a preparation took, under the umask of the store: lazy slots, for `repair`.
func (p *Preparation) Examine(do func(work *store.Work, roles *Roles) error) error {
	return do(p.ready.work, p.ready.roles)
}
