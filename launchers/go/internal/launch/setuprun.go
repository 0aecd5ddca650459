package launch

import (
	"slices"
	"strconv"
	"strings"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/plan"
	"flavorpack-native/launchers/go/internal/process"
	"flavorpack-native/launchers/go/internal/store"
	"flavorpack-native/launchers/go/internal/store/folder"
	"flavorpack-native/launchers/go/internal/store/place"
	"flavorpack-native/launchers/go/internal/words"
)

// enclosure is the private environment in which setup works: paths that the package names are resolved below it and
// never through a link (STORE.md 8.11).
type enclosure interface {
	// Path is the final path of the environment.
	Path() string
	// Parent walks to the folder that a path's last component lies in, and makes missing folders (0755) where it is
	// asked to. The component is empty for the environment itself.
	Parent(path string, make bool) (in *folder.Dir, name string, err error)
}

// setupRun is the setup of one environment at work.
type setupRun struct {
	*setup
	start *Start
	in    enclosure
	umask int
	edits []plan.Edit
}

// run runs the commands in order, until the first failure (LAUNCH.md 16.7). umask is the user's.
func (s *setup) run(start *Start, in enclosure, umask int) error {
	edits, err := s.of.edits(in.Path(), true)
	if err != nil {
		return err
	}
	at := &setupRun{setup: s, start: start, in: in, umask: umask, edits: edits}
	for n := range s.steps {
		if err := at.step(&s.steps[n]); err != nil {
			return err
		}
	}
	return nil
}

func (s *setupRun) step(step *setupStep) error {
	switch step.kind {
	case runsCommand:
		return s.execute(step, "")
	case runsForFiles:
		return s.enumerate(step)
	case writesFile:
		return s.writeFile(step)
	default:
		return s.chmod(step)
	}
}

func (s *setupRun) text(text string) (string, error) { return s.of.replace(text, s.in.Path(), true) }

// fileWord is the word that stands for the file that a command runs for.
const fileWord = "{file}"

// execute runs a command; file is that of an enumeration.
func (s *setupRun) execute(step *setupStep, file string) error {
	argv := make([]string, 0, len(step.words)+1)
	placed := false
	for n, word := range step.words {
		if file != "" && n > 0 && word == fileWord {
			argv, placed = append(argv, file), true
			continue
		}
		replaced, err := s.text(word)
		if err != nil {
			return err
		}
		argv = append(argv, replaced)
	}
	if file != "" && !placed {
		argv = append(argv, file)
	}
	var err error
	if argv[0], err = programWord(argv[0], s.in.Path()); err != nil {
		return err
	}
	command := plan.Command{Argv: argv, Edits: s.edits}
	made, err := s.start.make(&command, s.in.Path(), nil)
	if err != nil {
		return s.failed(step, err.Error())
	}
	child := made.child()
	child.Umask = s.umask
	output, end, err := process.Captured(child)
	switch {
	case err != nil:
		return s.failed(step, notStarted("cannot start `"+made.path+"`", err).Error())
	case end.Signal != 0:
		s.start.Teller.Shown(output)
		return s.failed(step, "`"+made.path+"` was ended by signal "+strconv.Itoa(end.Signal))
	case end.Code != 0:
		s.start.Teller.Shown(output)
		return s.failed(step, "`"+made.path+"` ended with exit code "+strconv.Itoa(end.Code))
	}
	return nil
}

func (s *setupRun) failed(step *setupStep, what string) error {
	return code.New(code.LaunchSetup, "setup command "+strconv.Itoa(step.number)+" failed: "+what)
}

// enumerate runs a command for each regular file of a folder that fits the pattern, sorted by bytes.
func (s *setupRun) enumerate(step *setupStep) error {
	path, err := s.text(step.path)
	if err != nil {
		return err
	}
	inside, err := store.Inside(path, s.in.Path())
	if err != nil {
		return err
	}
	listedAt := strings.TrimSuffix(s.in.Path()+"/"+inside, "/")
	in, name, err := s.in.Parent(path, false)
	if missing(err) {
		return nil
	}
	if err != nil {
		return s.wayFailed(step, path, err)
	}
	defer in.Close()
	listed := in
	if name != "" {
		stat, err := in.Stat(name)
		if err != nil || stat.Kind != folder.Directory && stat.Kind != folder.Link {
			return nil
		}
		if stat.Kind == folder.Link {
			return compositionError("the folder `" + path + "` is a link, which is not followed")
		}
		if listed, err = in.Open(name); err != nil {
			return code.Wrap(code.StoreIO, "cannot open the folder `"+path+"`", err)
		}
		defer listed.Close()
	}
	names, err := listed.Names()
	if err != nil {
		return code.Wrap(code.StoreIO, "cannot read the folder `"+path+"`", err)
	}
	slices.Sort(names)
	for _, one := range names {
		if stat, err := listed.Stat(one); err != nil || stat.Kind != folder.Regular || !words.Covers(step.pattern, one) {
			continue
		}
		if err := s.execute(step, listedAt+"/"+one); err != nil {
			return err
		}
	}
	return nil
}

// writeFile gives a file a content. What stands in its place is removed first, never written through.
func (s *setupRun) writeFile(step *setupStep) error {
	path, err := s.text(step.path)
	if err != nil {
		return err
	}
	content, err := s.text(step.content)
	if err != nil {
		return err
	}
	in, name, err := s.in.Parent(path, true)
	if err != nil {
		return s.wayFailed(step, path, err)
	}
	defer in.Close()
	if name == "" {
		return s.failed(step, "`"+path+"` is the work environment itself, not a file")
	}
	if stat, err := in.Stat(name); err == nil {
		if stat.Kind == folder.Directory {
			return s.failed(step, "there is a folder at `"+path+"`")
		}
		if err := in.Unlink(name); err != nil {
			return code.Wrap(code.StoreIO, "cannot replace `"+path+"`", err)
		}
	}
	file, err := in.Create(name, 0o600)
	if err != nil {
		return code.Wrap(code.StoreIO, "cannot create `"+path+"`", err)
	}
	defer func() { _ = file.Close() }()
	if _, err := file.Write([]byte(content)); err != nil {
		return code.Wrap(code.StoreIO, "cannot write `"+path+"`", err)
	}
	if err := file.Chmod(step.mode); err != nil {
		return code.Wrap(code.StoreIO, "cannot set the mode of `"+path+"`", err)
	}
	return nil
}

// chmod sets a mode. A pattern in the last component stands for the regular files that fit it.
func (s *setupRun) chmod(step *setupStep) error {
	path, err := s.text(step.path)
	if err != nil {
		return err
	}
	in, name, err := s.in.Parent(path, false)
	if missing(err) {
		return s.failed(step, "there is nothing at `"+path+"`")
	}
	if err != nil {
		return s.wayFailed(step, path, err)
	}
	defer in.Close()
	if name == "" {
		return modeSet(path, in.Chmod(step.mode|ownersRights))
	}
	if !words.IsPattern(name) {
		return s.chmodOne(step, in, name, path)
	}
	names, err := in.Names()
	if err != nil {
		return code.Wrap(code.StoreIO, "cannot read the folder of `"+path+"`", err)
	}
	slices.Sort(names)
	for _, one := range names {
		if stat, err := in.Stat(one); err != nil || stat.Kind != folder.Regular || !words.Covers(name, one) {
			continue
		}
		if err := s.chmodOne(step, in, one, path); err != nil {
			return err
		}
	}
	return nil
}

// ownersRights are what the owner of a folder keeps.
const ownersRights = 0o700

func (s *setupRun) chmodOne(step *setupStep, in *folder.Dir, name, path string) error {
	stat, err := in.Stat(name)
	if err != nil {
		return s.failed(step, "there is nothing at `"+path+"`")
	}
	switch stat.Kind {
	case folder.Directory:
		dir, err := in.Open(name)
		if err == nil {
			err = dir.Chmod(step.mode | ownersRights)
			dir.Close()
		}
		return modeSet(path, err)
	case folder.Regular:
		file, err := in.Read(name)
		if err == nil {
			err = file.Chmod(step.mode)
			_ = file.Close()
		}
		return modeSet(path, err)
	case folder.Link:
		return compositionError("`" + path + "` is a link, whose mode cannot be set without following it")
	}
	return s.failed(step, "there is neither a file nor a folder at `"+path+"`")
}

func modeSet(path string, err error) error {
	if err != nil {
		return code.Wrap(code.StoreIO, "cannot set the mode of `"+path+"`", err)
	}
	return nil
}

// wayFailed tells why a path cannot be reached: an error of the store as it is, one of the system as a failed setup.
func (s *setupRun) wayFailed(step *setupStep, path string, err error) error {
	if code.Of(err) != "" {
		return err
	}
	return s.failed(step, "the path `"+path+"` cannot be reached: "+err.Error())
}

// missing says whether a way ends before its end.
func missing(err error) bool { return err != nil && place.Missing(err) }

func compositionError(what string) error { return code.New(code.StoreComposition, what) }
