package tree

import (
	"strings"
	"sync"
	"syscall"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/names"
	"flavorpack-native/launchers/go/internal/pspf"
	"flavorpack-native/launchers/go/internal/store/folder"
	"flavorpack-native/launchers/go/internal/store/place"
)

// Writer writes the members of one slot below a folder.
type Writer struct {
	root  *folder.Dir
	rules Rules
	count
	mutex sync.Mutex
	sinks []*sink
	items []Item
}

// NewWriter returns a writer into a folder.
func NewWriter(root *folder.Dir, rules Rules) *Writer { return &Writer{root: root, rules: rules} }

// Sink makes the sink of one worker (5.2). All of them may be at work at once.
func (w *Writer) Sink() pspf.TarSink {
	made := &sink{w: w, ways: ways{levels: []level{{dir: w.root}}, make: FolderMode}}
	w.mutex.Lock()
	w.sinks = append(w.sinks, made)
	w.mutex.Unlock()
	return made
}

// Close ends all workers' sinks; none may be at work any more.
func (w *Writer) Close() {
	for _, sink := range w.sinks {
		w.items = append(w.items, sink.items...)
		sink.drop()
		sink.ways.close()
	}
	w.sinks = nil
}

// Release closes the folder that was written into, which then is the writer's.
func (w *Writer) Release() {
	w.Close()
	w.root.Close()
}

// Finish judges what was written (5.5, 5.6); no worker may be at work any more. Links are not there yet.
func (w *Writer) Finish() ([]Item, error) {
	w.Close()
	if err := w.finished(&w.rules); err != nil {
		return nil, err
	}
	if err := judge(w.items, w.rules.Implied); err != nil {
		return nil, err
	}
	if w.rules.Names != "" {
		if err := pspf.JudgeNames(entries(w.items, w.rules.Implied), w.rules.Names, names.Fold); err != nil {
			return nil, err
		}
	}
	return w.items, nil
}

// Entries is how many entries the folder has with the links, if nothing else is in it.
func (w *Writer) Entries() int { return len(entries(w.items, w.rules.Implied)) }

// Links creates the links of a slot that was judged (5.4).
func (w *Writer) Links() error { return createLinks(w.root, w.items, &w.rules) }

// Totals are what was written.
func (w *Writer) Totals() Totals { return Totals{w.bytes.Load(), w.members.Load()} }

func createLinks(root *folder.Dir, items []Item, rules *Rules) error {
	ways := ways{levels: []level{{dir: root}}, make: FolderMode}
	defer ways.close()
	for at := range items {
		item := &items[at]
		if item.Kind != pspf.LinkMember {
			continue
		}
		parent, name := split(item.Path)
		dir, err := ways.enter(parent)
		if err == nil {
			err = dir.Symlink(item.Target, name)
		}
		if err != nil {
			return rules.failed(item.Path, err)
		}
	}
	return nil
}

// failed tells what a call of the system says about a member: something stands in its way, or the disk is at fault.
func (r *Rules) failed(path string, err error) error {
	switch err {
	case syscall.EEXIST:
		if r.Names != "" {
			return code.New(code.PspfMemberName, "the member "+quoted(path)+" is there already where case is ignored")
		}
		return r.conflict(path, "occurs twice")
	case syscall.ENOTDIR, syscall.ELOOP:
		return r.conflict(path, "lies below what is no folder")
	case syscall.EISDIR:
		return r.conflict(path, "is a folder already")
	}
	return place.Fault("cannot write the member "+quoted(path), err)
}

// sink is one worker's.
type sink struct {
	w     *Writer
	items []Item
	ways  ways
	file  *folder.File
	path  string
}

func (s *sink) Begin(member *pspf.Member) error {
	rules := &s.w.rules
	path := rules.path(member)
	if path == "" {
		return code.New(code.StoreComposition, "a slot that holds one file has no target that says where it goes")
	}
	s.items = append(s.items, Item{Path: path, Target: member.Target, Kind: member.Kind})
	s.path = path
	if err := s.w.member(rules); err != nil {
		return err
	}
	replace := false
	if rules.Overlay != nil {
		var err error
		if replace, err = rules.Overlay.admit(path, member.Kind, rules); err != nil {
			return err
		}
	}
	if member.Kind == pspf.LinkMember {
		return nil
	}
	parent, name := split(path)
	dir, err := s.ways.enter(parent)
	if err != nil {
		return rules.failed(path, err)
	}
	if replace {
		if err := dir.Unlink(name); err != nil {
			return rules.failed(path, err)
		}
	}
	mode := rules.mode(member)
	if member.Kind == pspf.FolderMember {
		if err = dir.Make(name, mode); err == syscall.EEXIST {
			// Another worker needed it first, or a folder may be named by several; what else it may be shows when it
			// is entered, or in the finished list.
			err = s.again(dir, name, mode)
		}
		if err != nil {
			return rules.failed(path, err)
		}
		return nil
	}
	if s.file, err = dir.Create(name, mode); err != nil {
		return rules.failed(path, err)
	}
	return nil
}

// again gives a folder that was made by implication the mode that its own member states. Where case is ignored, what is
// there may have another name, and is to be a folder (5.11).
func (s *sink) again(dir *folder.Dir, name string, mode uint32) error {
	if !s.w.rules.Archived && s.w.rules.Names == "" {
		return nil
	}
	there, err := dir.Open(name)
	if err != nil {
		return err
	}
	defer there.Close()
	if !s.w.rules.Archived {
		return nil
	}
	return there.Chmod(mode)
}

func (s *sink) Data(piece []byte) error {
	if err := s.w.data(&s.w.rules, len(piece)); err != nil {
		s.drop()
		return err
	}
	if _, err := s.file.Write(piece); err != nil {
		s.drop()
		return s.w.rules.failed(s.path, err)
	}
	return nil
}

func (s *sink) End() error {
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	s.file = nil
	if err != nil {
		return s.w.rules.failed(s.path, err)
	}
	return nil
}

func (s *sink) drop() {
	if s.file != nil {
		_ = s.file.Close()
		s.file = nil
	}
}

// ways keeps the folders open that lead to where a worker is. Members come sorted, so the next one is mostly near.
type ways struct {
	levels []level
	// make is the mode of folders that are missing; 0: none is made.
	make uint32
}

type level struct {
	path string
	dir  *folder.Dir
}

// enter opens a folder by its path below the root, one component at a time.
func (w *ways) enter(path string) (*folder.Dir, error) {
	for {
		top := &w.levels[len(w.levels)-1]
		if top.path == "" || path == top.path || (len(path) > len(top.path) && path[len(top.path)] == '/' && path[:len(top.path)] == top.path) {
			break
		}
		w.levels = w.levels[:len(w.levels)-1]
		top.dir.Close()
	}
	for {
		top := w.levels[len(w.levels)-1]
		if path == top.path {
			return top.dir, nil
		}
		begin := len(top.path)
		if begin > 0 {
			begin++
		}
		end := len(path)
		if slash := strings.IndexByte(path[begin:], '/'); slash >= 0 {
			end = begin + slash
		}
		name := path[begin:end]
		dir, err := top.dir.Open(name)
		if err == syscall.ENOENT && w.make != 0 {
			if err := top.dir.Make(name, w.make); err != nil && err != syscall.EEXIST {
				return nil, err
			}
			dir, err = top.dir.Open(name)
		}
		if err != nil {
			return nil, err
		}
		w.levels = append(w.levels, level{path[:end], dir})
	}
}

// close closes all folders but the root.
func (w *ways) close() {
	for _, level := range w.levels[1:] {
		level.dir.Close()
	}
	w.levels = w.levels[:1]
}

// Enter opens a folder below another one by its path and calls use with it; missing folders are made. A component that
// is no folder is told with the code given.
func Enter(root *folder.Dir, path string, conflict code.Code, use func(dir *folder.Dir) error) error {
	ways := ways{levels: []level{{dir: root}}, make: FolderMode}
	defer ways.close()
	dir, err := ways.enter(path)
	if err != nil {
		rules := Rules{Conflict: conflict}
		return rules.failed(path, err)
	}
	return use(dir)
}

// Reach is Enter without making anything; the error is the system's.
func Reach(root *folder.Dir, path string, use func(dir *folder.Dir) error) error {
	ways := ways{levels: []level{{dir: root}}}
	defer ways.close()
	dir, err := ways.enter(path)
	if err != nil {
		return err
	}
	return use(dir)
}
