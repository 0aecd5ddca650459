package tree

import (
	"bytes"
	"errors"
	"strings"
	"sync"

	"flavorpack-native/launchers/go/internal/pspf"
	"flavorpack-native/launchers/go/internal/store/folder"
)

// Comparer compares the members of one slot with what lies below a folder (6.3): kind, permission bits, size, bytes,
// link target. It changes nothing.
type Comparer struct {
	root  *folder.Dir
	rules Rules

	mutex sync.Mutex
	sinks []*comparing
	count int
	paths map[string]struct{}
}

// DiffersError ends the decoding of a slot that a tree does not agree with; what differs is in its text.
type DiffersError struct{ Path string }

func (e *DiffersError) Error() string { return quoted(e.Path) + " is not as the package says" }

// NewComparer returns a comparer of what lies below a folder.
func NewComparer(root *folder.Dir, rules Rules) *Comparer {
	return &Comparer{root: root, rules: rules, paths: map[string]struct{}{}}
}

// Sink makes the sink of one worker.
func (c *Comparer) Sink() pspf.TarSink {
	made := &comparing{c: c, ways: ways{levels: []level{{dir: c.root}}}}
	c.mutex.Lock()
	c.sinks = append(c.sinks, made)
	c.mutex.Unlock()
	return made
}

// Close ends all workers' sinks; none may be at work any more.
func (c *Comparer) Close() {
	for _, sink := range c.sinks {
		for _, path := range sink.paths {
			c.note(path)
		}
		sink.drop()
		sink.ways.close()
	}
	c.sinks = nil
}

// note counts a path and the folders on its way once.
func (c *Comparer) note(path string) {
	for ; path != ""; path, _ = split(path) {
		if _, known := c.paths[path]; known {
			return
		}
		c.paths[path] = struct{}{}
		c.count++
	}
}

// Added tells whether the tree holds more than the members (6.3); all of them have been compared. The first path that
// is too much is in the error.
func (c *Comparer) Added() error {
	c.Close()
	return c.added(c.root, "")
}

func (c *Comparer) added(dir *folder.Dir, path string) error {
	names, err := dir.Names()
	if err != nil {
		return &DiffersError{path}
	}
	for _, name := range names {
		inside := strings.TrimPrefix(path+"/"+name, "/")
		if _, known := c.paths[inside]; !known {
			return &DiffersError{inside}
		}
		stat, err := dir.Stat(name)
		if err != nil {
			return &DiffersError{inside}
		}
		if stat.Kind != folder.Directory {
			continue
		}
		below, err := dir.Open(name)
		if err != nil {
			return &DiffersError{inside}
		}
		err = c.added(below, inside)
		below.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// comparing is one worker's sink.
type comparing struct {
	c     *Comparer
	paths []string
	ways  ways
	file  *folder.File
	path  string
	left  uint64
	piece []byte
}

func (s *comparing) Begin(member *pspf.Member) error {
	rules := &s.c.rules
	path := rules.path(member)
	s.path = path
	s.paths = append(s.paths, path)
	parent, name := split(path)
	dir, err := s.ways.enter(parent)
	if err != nil {
		return &DiffersError{path}
	}
	stat, err := dir.Stat(name)
	if err != nil {
		return &DiffersError{path}
	}
	switch member.Kind {
	case pspf.LinkMember:
		target, err := dir.ReadLink(name)
		if err != nil || target != member.Target {
			return &DiffersError{path}
		}
		return nil
	case pspf.FolderMember:
		if stat.Kind != folder.Directory || stat.Mode != rules.mode(member) {
			return &DiffersError{path}
		}
		return nil
	}
	if s.file, err = dir.Read(name); err != nil {
		return &DiffersError{path}
	}
	stat, err = s.file.Stat()
	if err != nil || stat.Kind != folder.Regular || stat.Mode != rules.mode(member) ||
		(member.Size >= 0 && stat.Size != uint64(member.Size)) {
		s.drop()
		return &DiffersError{path}
	}
	s.left = stat.Size
	return nil
}

func (s *comparing) Data(piece []byte) error {
	for len(piece) > 0 {
		if s.piece == nil {
			s.piece = make([]byte, pieceSize)
		}
		n, err := s.file.Read(s.piece[:min(len(s.piece), len(piece))])
		if err != nil || n == 0 || !bytes.Equal(s.piece[:n], piece[:n]) {
			s.drop()
			return &DiffersError{s.path}
		}
		piece = piece[n:]
		s.left -= min(uint64(n), s.left)
	}
	return nil
}

func (s *comparing) End() error {
	if s.file == nil {
		return nil
	}
	left := s.left
	s.drop()
	if left != 0 {
		return &DiffersError{s.path}
	}
	return nil
}

func (s *comparing) drop() {
	if s.file != nil {
		_ = s.file.Close()
		s.file = nil
	}
}

// SameFile tells whether a file below a folder has exactly these bytes and this mode.
func SameFile(root *folder.Dir, path string, content []byte, mode uint32) bool {
	file, err := Open(root, path)
	if err != nil {
		return false
	}
	defer func() { _ = file.Close() }()
	stat, err := file.Stat()
	if err != nil || stat.Kind != folder.Regular || stat.Mode != mode || stat.Size != uint64(len(content)) {
		return false
	}
	piece := make([]byte, pieceSize)
	for len(content) > 0 {
		n, err := file.Read(piece[:min(len(piece), len(content))])
		if err != nil || n == 0 || !bytes.Equal(piece[:n], content[:n]) {
			return false
		}
		content = content[n:]
	}
	return true
}

const pieceSize = 64 << 10

// SameCopy tells whether a file is a copy of another one, with the mode that follows from the other's.
func SameCopy(of *folder.Dir, path string, root *folder.Dir, copied string, mode func(*folder.Stat) uint32) bool {
	one, err := Open(of, path)
	if err != nil {
		return false
	}
	defer func() { _ = one.Close() }()
	two, err := Open(root, copied)
	if err != nil {
		return false
	}
	defer func() { _ = two.Close() }()
	first, err := one.Stat()
	if err != nil || first.Kind != folder.Regular {
		return false
	}
	second, err := two.Stat()
	if err != nil || second.Kind != folder.Regular || second.Size != first.Size || second.Mode != mode(&first) {
		return false
	}
	left, right := make([]byte, pieceSize), make([]byte, pieceSize)
	for at := int64(0); ; {
		n, err := one.ReadAt(left, at)
		if err != nil {
			return false
		}
		m, err := two.ReadAt(right, at)
		if err != nil || n != m || !bytes.Equal(left[:n], right[:n]) {
			return false
		}
		if n == 0 {
			return uint64(at) == first.Size
		}
		at += int64(n)
	}
}

// SameLink tells whether a link below a folder has this target.
func SameLink(root *folder.Dir, path, target string) bool {
	same := false
	_ = look(root, path, func(dir *folder.Dir, name string) {
		found, err := dir.ReadLink(name)
		same = err == nil && found == target
	})
	return same
}

// look reaches the folder of a path without making anything.
func look(root *folder.Dir, path string, use func(dir *folder.Dir, name string)) error {
	ways := ways{levels: []level{{dir: root}}}
	defer ways.close()
	parent, name := split(path)
	dir, err := ways.enter(parent)
	if err != nil {
		return err
	}
	use(dir, name)
	return nil
}

// Open opens a file of a tree for reading, through no link (8.3).
func Open(root *folder.Dir, path string) (*folder.File, error) {
	var file *folder.File
	var err error
	if reached := look(root, path, func(dir *folder.Dir, name string) { file, err = dir.Read(name) }); reached != nil {
		return nil, reached
	}
	return file, err
}

// Stat tells what stands under a path of a tree, reached through no link.
func Stat(root *folder.Dir, path string) (folder.Stat, error) {
	var stat folder.Stat
	var err error
	if reached := look(root, path, func(dir *folder.Dir, name string) { stat, err = dir.Stat(name) }); reached != nil {
		return folder.Stat{}, reached
	}
	return stat, err
}

// Difference is the path in an [DiffersError].
func Difference(err error) (string, bool) {
	var differs *DiffersError
	if !errors.As(err, &differs) {
		return "", false
	}
	return differs.Path, true
}
