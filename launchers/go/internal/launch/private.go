package launch

import (
	"strings"
	"time"

	"flavorpack-native/launchers/go/internal/plan"
	"flavorpack-native/launchers/go/internal/store"
	"flavorpack-native/launchers/go/internal/store/folder"
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
	if !p.Level.Lowered() {
		s.tellStates(made.installed)
	}
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
	return &store.Private{
		Ready:       of.ready,
		Setup:       func(inside *store.Enclosure) error { return steps.run(s, inside, umask) },
		Directories: of.directories,
	}, nil
}

// directories are those of the metadata, in an environment of that path (STORE.md 8.10).
func (f *foreigner) directories(workenv string) ([]store.PrivateDirectory, error) {
	made := make([]store.PrivateDirectory, len(f.says.Workenv.Directories))
	for n, directory := range f.says.Workenv.Directories {
		path, err := f.replace(directory.Path, workenv, true)
		if err != nil {
			return nil, err
		}
		made[n] = store.PrivateDirectory{Path: path, Mode: ownersRights}
		if directory.Mode != nil {
			made[n].Mode = *directory.Mode
		}
	}
	return made, nil
}

// validation is `cache_validation` of an environment of that path: no path where it does not have both fields (STORE.md
// 8.14).
func (f *foreigner) validation(workenv string) (path, content string, err error) {
	asked := f.says.CacheValidation
	if asked == nil || asked.CheckFile == nil || asked.ExpectedContent == nil {
		return "", "", nil
	}
	if path, err = f.replace(*asked.CheckFile, workenv, false); err == nil {
		content, err = f.replace(*asked.ExpectedContent, workenv, false)
	}
	return path, content, err
}

// programInside is the path of the program if the command names one inside the environment, else "" (STORE.md 8.14).
func programInside(made *plan.Plan) string {
	if word := made.Commands[0].Argv[0]; strings.HasPrefix(word, made.Workenv+"/") {
		return word
	}
	return ""
}

// isThere says whether there is anything at a path, links followed: what is started will be reached that way, and looking
// changes nothing (STORE.md 8.11).
func isThere(path string) bool {
	_, err := folder.StatPath(path)
	return err == nil
}

// named are the further words of the command that are paths inside the environment.
func named(made *plan.Plan) []string {
	var inside []string
	for _, word := range made.Commands[0].Argv[1:] {
		if strings.HasPrefix(word, made.Workenv+"/") {
			if _, err := store.Inside(word, made.Workenv); err == nil {
				inside = append(inside, word)
			}
		}
	}
	return inside
}

// longestCheck bounds what is read of a check file.
const longestCheck = 1 << 20

// ready judges an environment that is there (STORE.md 8.14).
func (f *foreigner) ready(inside *store.Enclosure, doubted bool) (bool, error) {
	made, err := f.plan(inside.Path())
	if err != nil {
		return false, err
	}
	if program := programInside(made); program != "" && !isThere(program) {
		return false, nil
	}
	if doubted {
		for _, path := range named(made) {
			if !isThere(path) {
				return false, nil
			}
		}
	}
	path, content, err := f.validation(inside.Path())
	if path == "" || err != nil {
		return err == nil, err
	}
	text, err := inside.Text(path, longestCheck)
	// Whatever keeps the file from being read as it should be, the environment is made anew.
	return err == nil && trimmed(text) == trimmed(content), nil
}

// trimmed takes ASCII white space from both ends.
func trimmed(text string) string { return strings.Trim(text, " \t\n\f\r") }

// statList is what the receipt of a private environment looks at (STORE.md 8.15).
func (f *foreigner) statList(made *plan.Plan) []string {
	list := []string{made.Workenv + "/" + tree.Marker}
	if path := programInside(made); path != "" {
		list = append(list, path)
	}
	for _, path := range named(made) {
		if isThere(path) {
			list = append(list, path)
			break
		}
	}
	if path, _, err := f.validation(made.Workenv); path != "" && err == nil {
		if inside, err := store.Inside(path, made.Workenv); err == nil && isThere(made.Workenv+"/"+inside) {
			list = append(list, made.Workenv+"/"+inside)
		}
	}
	return list
}
