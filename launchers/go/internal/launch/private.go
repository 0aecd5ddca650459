package launch

import (
	"strconv"
	"strings"
	"time"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/plan"
	"flavorpack-native/launchers/go/internal/store"
	"flavorpack-native/launchers/go/internal/store/folder"
	"flavorpack-native/launchers/go/internal/store/place"
	"flavorpack-native/launchers/go/internal/store/tree"
)

// preparePrivate is the cold start of a package that is started as its execution says (LAUNCH.md 16.1).
func (s *Start) preparePrivate(p *Preparation, made *ready) error {
	of, err := newForeigner(made.pkg)
	if err != nil {
		return err
	}
	if err := of.check(); err != nil {
		return err
	}
	private, err := s.private(of, made.umask)
	if err != nil {
		return err
	}
	made.work = s.work(p, made)
	if err := made.work.CheckPrivate(); err != nil {
		return err
	}
	if err := s.checkLauncher(made.verified, p.Level); err != nil {
		return err
	}
	s.notices(made.verified, p.Level)
	if err := s.take(p, made); err != nil {
		return err
	}
	begun := time.Now()
	install := made.work.InstallPrivate
	if p.Level.Lowered() {
		install = made.work.LowerPrivate
	}
	if made.installed, err = install(private); err != nil {
		return err
	}
	s.unpacked(made.installed)
	s.Log().Phase("unpack", begun)
	if err := s.unchanged(); err != nil {
		return err
	}
	s.missing(made)
	if made.plan, err = of.plan(made.installed.Workenv); err != nil {
		return err
	}
	if !p.Level.Lowered() {
		s.writeReceipt(made, made.plan, of.statList(made.plan), true)
	}
	return nil
}

// private is what the store is told of the environment (STORE.md 8.7).
func (s *Start) private(of *foreigner, umask int) (*store.Private, error) {
	steps, err := of.setup()
	if err != nil {
		return nil, err
	}
	private := &store.Private{
		Ready: of.ready,
		Setup: func(inside *store.Enclosure) error {
			if err := steps.run(s, inside, umask); err != nil {
				return err
			}
			// A way to the program that passes through a link is refused like any other (STORE.md 8.11).
			made, err := of.plan(inside.Path())
			if err != nil {
				return err
			}
			if _, err := isThere(inside, programInside(made)); err != nil {
				return err
			}
			return nil
		},
	}
	for _, directory := range of.pkg.Metadata().Workenv.Directories {
		// Relative to the environment, whose path is not known yet.
		path, err := of.replace(directory.Path, ".", true)
		if err != nil {
			return nil, err
		}
		mode := uint64(ownersRights)
		if directory.Mode != nil {
			if mode, err = strconv.ParseUint(strings.TrimPrefix(*directory.Mode, "0o"), 8, 32); err != nil {
				return nil, foreignError("a folder of the work environment has a mode that is not octal: `" + *directory.Mode + "`")
			}
		}
		private.Directories = append(private.Directories, store.PrivateDirectory{Path: path, Mode: uint32(mode)})
	}
	return private, nil
}

// programInside is the path of the program if the command names one inside the environment, else "" (STORE.md 8.14).
func programInside(made *plan.Plan) string {
	if word := made.Commands[0].Argv[0]; strings.HasPrefix(word, made.Workenv+"/") {
		return word
	}
	return ""
}

// isThere says whether there is anything at a path inside. No path is always there.
func isThere(inside *store.Enclosure, path string) (bool, error) {
	if path == "" {
		return true, nil
	}
	_, err := inside.Stat(path)
	return err == nil, onlyOurs(err)
}

// onlyOurs keeps an error with a code: anything else means that there is nothing.
func onlyOurs(err error) error {
	if code.Of(err) == "" {
		return nil
	}
	return err
}

// longestCheck bounds what is read of a check file.
const longestCheck = 1 << 20

// ready judges an environment that is there (STORE.md 8.14).
func (f *foreigner) ready(inside *store.Enclosure, doubted bool) (bool, error) {
	made, err := f.plan(inside.Path())
	if err != nil {
		return false, err
	}
	if there, err := isThere(inside, programInside(made)); !there || err != nil {
		return false, err
	}
	if doubted {
		for _, word := range made.Commands[0].Argv[1:] {
			if !strings.HasPrefix(word, made.Workenv+"/") {
				continue
			}
			if there, err := isThere(inside, word); !there || err != nil {
				return false, err
			}
		}
	}
	validation := f.pkg.Metadata().CacheValidation
	if validation == nil || validation.CheckFile == nil || validation.ExpectedContent == nil {
		return true, nil
	}
	path, err := f.replace(*validation.CheckFile, inside.Path(), false)
	if err != nil {
		return false, err
	}
	text, err := inside.Text(path, longestCheck)
	if err != nil {
		return false, onlyOurs(err)
	}
	return strings.TrimSpace(text) == strings.TrimSpace(*validation.ExpectedContent), nil
}

// statList is what the receipt of a private environment looks at (STORE.md 8.15).
func (f *foreigner) statList(made *plan.Plan) []string {
	list := []string{made.Workenv + "/" + tree.Marker}
	if path := programInside(made); path != "" {
		list = append(list, path)
	}
	for _, word := range made.Commands[0].Argv[1:] {
		if _, err := folder.StatPath(word); err == nil && strings.HasPrefix(word, made.Workenv+"/") {
			list = append(list, word)
			break
		}
	}
	if validation := f.pkg.Metadata().CacheValidation; validation != nil && validation.CheckFile != nil {
		path, err := f.replace(*validation.CheckFile, made.Workenv, false)
		if err == nil {
			if path = place.Below(made.Workenv, strings.TrimPrefix(path, made.Workenv+"/")); isFile(path) {
				list = append(list, path)
			}
		}
	}
	return list
}

func isFile(path string) bool {
	_, err := folder.StatPath(path)
	return err == nil
}
