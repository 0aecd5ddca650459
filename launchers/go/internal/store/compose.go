package store

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/layout"
	"flavorpack-native/launchers/go/internal/names"
	"flavorpack-native/launchers/go/internal/plan"
	"flavorpack-native/launchers/go/internal/pspf"
	"flavorpack-native/launchers/go/internal/store/folder"
	"flavorpack-native/launchers/go/internal/store/place"
	"flavorpack-native/launchers/go/internal/store/tree"
	"flavorpack-native/launchers/go/internal/words"
)

// composer makes or compares one composed environment (8).
type composer struct {
	w *Work
	// workenv is the path that the environment will have.
	workenv string
	// slots are the paths of shared slots by position.
	slots []string
	// setup are the folders in staging of slots that are there while the environment is composed (17.1).
	setup map[int]string
	// taken is what stands at each path of the environment that is no folder, and the folders (FORMAT.md §6, rules 5 and 6).
	taken map[string]pspf.MemberKind
}

func (w *Work) composer(installed *Installed) *composer {
	return &composer{
		w: w, workenv: installed.Workenv, slots: installed.Slots,
		setup: map[int]string{}, taken: map[string]pspf.MemberKind{},
	}
}

// links are those that are made at this start: entries that name an absent slot are left out (17.1).
func (c *composer) links() []*pspf.Link {
	var made []*pspf.Link
	all := c.w.Package.Flavor().Compose.Links
	for at := range all {
		if c.w.part(all[at].Slot) != plan.Absent {
			made = append(made, &all[at])
		}
	}
	return made
}

func (c *composer) unpacked() []*pspf.Unpack {
	var made []*pspf.Unpack
	all := c.w.Package.Flavor().Compose.Unpack
	for at := range all {
		if c.w.part(all[at].Slot) == plan.Private {
			made = append(made, &all[at])
		}
	}
	return made
}

// prepare unpacks the slots that links of kind `copy` take files from and that do not stay.
func (c *composer) prepare() error {
	for _, link := range c.links() {
		if c.w.part(link.Slot) == plan.Setup && c.setup[link.Slot] == "" {
			name, _, err := c.w.unpackSlot(link.Slot, "setup")
			if err != nil {
				return err
			}
			c.setup[link.Slot] = name
		}
	}
	return nil
}

// compose makes the environment in staging and gives its name there.
func (c *composer) compose() (staged string, err error) {
	staged = c.w.Staging.Name("env")
	return staged, c.composeAs(staged)
}

// composeAs makes the environment in staging under a name.
func (c *composer) composeAs(name string) error {
	if err := c.prepare(); err != nil {
		return err
	}
	return inNewFolder(c.w.Staging.Dir, name, tree.FolderMode, c.fill)
}

func (c *composer) fill(dir *folder.Dir) error {
	var writers []*tree.Writer
	defer func() { closeAll(writers) }()
	entries := c.unpacked()
	// What a file system that ignores case says about a member is judged by 5.11: it knows two names as one.
	conflict := code.StoreComposition
	if c.w.names() != "" {
		conflict = code.StoreLink
	}
	for at, entry := range entries {
		err := tree.Enter(dir, entry.Into, conflict, func(below *folder.Dir) error {
			made, err := rules(&c.w.Package.Slots()[entry.Slot])
			if err != nil {
				return err
			}
			made.Names = c.w.names()
			if at > 0 {
				made.Conflict = conflict
			}
			// The writer outlives the folder that Enter opened, as links are made last.
			own, err := below.Again()
			if err != nil {
				return err
			}
			writer := tree.NewWriter(own, made)
			writers = append(writers, writer)
			return c.w.decode(entry.Slot, writer)
		})
		if err != nil {
			return place.Fault("cannot unpack slot "+strconv.Itoa(entry.Slot), err)
		}
	}
	for at, writer := range writers {
		items, err := writer.Finish()
		if err != nil {
			return err
		}
		if err := c.take(entries[at].Into, items); err != nil {
			return err
		}
	}
	// Judged before any link or generated file is created (8.5).
	if err := c.judge(); err != nil {
		return err
	}
	for _, writer := range writers {
		if err := writer.Links(); err != nil {
			return err
		}
	}
	if err := c.finish(dir); err != nil || c.w.names() == "" {
		return err
	}
	return tree.CheckEntries(dir, len(c.taken))
}

func closeAll(writers []*tree.Writer) {
	for _, writer := range writers {
		writer.Release()
	}
}

// take notes the members of a private slot (FORMAT.md §6, rule 6).
func (c *composer) take(into string, items []tree.Item) error {
	c.put(into, pspf.FolderMember)
	for at := range items {
		path := items[at].Path
		if into != "" {
			path = into + "/" + path
		}
		if len(path) > layout.MaxPath || strings.Count(path, "/") >= layout.MaxComponents {
			return composition(strconv.Quote(path) + " has more than 1024 bytes or 64 components")
		}
		if !c.put(path, items[at].Kind) {
			return composition(strconv.Quote(path) + " is taken by something else")
		}
	}
	return nil
}

// put lets a path be one thing; folders may be named by several.
func (c *composer) put(path string, kind pspf.MemberKind) bool {
	for ; path != ""; path, kind = parentOf(path), pspf.FolderMember {
		taken, there := c.taken[path]
		if there {
			return taken == pspf.FolderMember && kind == pspf.FolderMember
		}
		c.taken[path] = kind
	}
	return true
}

func parentOf(path string) string {
	if slash := strings.LastIndexByte(path, '/'); slash >= 0 {
		return path[:slash]
	}
	return ""
}

// judge judges what the members show of links and generated files (8.5).
func (c *composer) judge() error {
	for _, link := range c.links() {
		if !c.put(link.Path, pspf.LinkMember) {
			return composition("the path " + strconv.Quote(link.Path) + " is taken by something else, or something lies below it")
		}
		if err := c.judgeTarget(link); err != nil {
			return err
		}
	}
	files := c.w.Package.Flavor().Compose.Files
	for at := range files {
		if !c.put(files[at].Path, pspf.RegularFile) {
			return composition("the path " + strconv.Quote(files[at].Path) + " is taken by something else, or something lies below it")
		}
		if _, err := c.content(&files[at]); err != nil {
			return err
		}
	}
	if system := c.w.names(); system != "" {
		return pspf.JudgeNames(slices.Sorted(maps.Keys(c.taken)), system, names.Fold)
	}
	return nil
}

// judgeTarget: `to` names an existing member and passes through no link; what is copied is a regular file (8.3).
func (c *composer) judgeTarget(link *pspf.Link) error {
	if link.To == "" {
		return nil
	}
	err := c.inSlot(link.Slot, func(root *folder.Dir) error {
		stat, err := tree.Stat(root, link.To)
		if err != nil {
			return composition("the link " + strconv.Quote(link.Path) + " leads to " + strconv.Quote(link.To) + ", which is no member of slot " + strconv.Itoa(link.Slot))
		}
		if link.Copy && stat.Kind != folder.Regular {
			return composition("the link " + strconv.Quote(link.Path) + " copies " + strconv.Quote(link.To) + ", which is no file")
		}
		return nil
	})
	return err
}

// inSlot opens the root of a slot that links lead into.
func (c *composer) inSlot(n int, use func(root *folder.Dir) error) error {
	in, name := c.w.Staging.Dir, c.setup[n]
	if name == "" {
		path := c.slots[n]
		name = path[strings.LastIndexByte(path, '/')+1:]
		if !c.w.lowered {
			in = c.w.Root.Slots
		}
	}
	root, err := in.Open(name)
	if err != nil {
		return place.Fault("cannot open slot "+strconv.Itoa(n), err)
	}
	defer root.Close()
	return use(root)
}

// content is that of a generated file (8.4).
func (c *composer) content(file *pspf.File) (string, error) {
	return words.Replace(file.Content, func(name string) (string, bool, error) {
		if name == "workenv" {
			return c.workenv, true, nil
		}
		number, isSlot := strings.CutPrefix(name, words.SlotPrefix)
		if !isSlot {
			return "", false, nil
		}
		n := words.Number(number)
		if n < 0 || n >= len(c.slots) || c.w.part(n) != plan.Shared || c.slots[n] == "" {
			return "", false, composition("the file " + strconv.Quote(file.Path) + " names {slot:" + number + "}, which has no place that stays")
		}
		return c.slots[n], true, nil
	})
}

// target is that of a link of kind `symlink`: absolute, so that the environment stands for itself.
func (c *composer) target(link *pspf.Link) string {
	if link.To == "" {
		return c.slots[link.Slot]
	}
	return c.slots[link.Slot] + "/" + link.To
}

// finish creates links and generated files.
func (c *composer) finish(dir *folder.Dir) error {
	for _, link := range c.links() {
		err := tree.Enter(dir, parentOf(link.Path), code.StoreComposition, func(in *folder.Dir) error {
			name := link.Path[strings.LastIndexByte(link.Path, '/')+1:]
			if link.Copy {
				return c.copy(link, in, name)
			}
			return stands(link.Path, in.Symlink(c.target(link), name))
		})
		if err != nil {
			return err
		}
	}
	files := c.w.Package.Flavor().Compose.Files
	for at := range files {
		file := &files[at]
		content, err := c.content(file)
		if err != nil {
			return err
		}
		err = tree.Enter(dir, parentOf(file.Path), code.StoreComposition, func(in *folder.Dir) error {
			made, err := in.Create(file.Path[strings.LastIndexByte(file.Path, '/')+1:], file.Mode)
			if err == nil {
				_, err = made.Write([]byte(content))
				if failed := made.Close(); err == nil {
					err = failed
				}
			}
			return stands(file.Path, err)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// stands tells what a call of the system says about a path of the composition.
func stands(path string, err error) error {
	if err == nil {
		return nil
	}
	if err == syscall.EEXIST || err == syscall.ENOTDIR || err == syscall.ELOOP {
		return composition(strconv.Quote(path) + " is taken by something else")
	}
	return place.Fault("cannot make "+strconv.Quote(path)+" of the work environment", err)
}

const copyPiece = 128 << 10

// copy copies a file of a slot and its owner's right to execute it (8.3).
func (c *composer) copy(link *pspf.Link, in *folder.Dir, name string) error {
	return c.inSlot(link.Slot, func(root *folder.Dir) error {
		from, err := tree.Open(root, link.To)
		if err != nil {
			return stands(link.Path, err)
		}
		defer func() { _ = from.Close() }()
		stat, err := from.Stat()
		if err != nil || stat.Kind != folder.Regular {
			return composition("the link " + strconv.Quote(link.Path) + " copies " + strconv.Quote(link.To) + ", which is no file")
		}
		to, err := in.Create(name, copyMode(&stat))
		if err != nil {
			return stands(link.Path, err)
		}
		piece := make([]byte, min(stat.Size+1, copyPiece))
		for {
			n, err := from.Read(piece)
			if err == nil && n > 0 {
				_, err = to.Write(piece[:n])
			}
			if err != nil {
				_ = to.Close()
				return stands(link.Path, err)
			}
			if n == 0 {
				return stands(link.Path, to.Close())
			}
		}
	})
}

func copyMode(stat *folder.Stat) uint32 {
	if stat.Mode&0o100 != 0 {
		return 0o755
	}
	return 0o644
}
