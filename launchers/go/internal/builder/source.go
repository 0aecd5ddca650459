package builder

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/layout"
	"flavorpack-native/launchers/go/internal/pspf"
	"flavorpack-native/launchers/go/internal/pspf/further"
)

// A builder reads sources that are encoded in any way that the format knows.
func init() { further.Learn() }

// packer turns the sources of a plan into stored bytes, one slot after the other (FORMAT.md §15, sources).
type packer struct {
	ctx         context.Context
	base        string
	workenvBase string
	os          string // of the target
	mtime       int64
	stored      *os.File
	scratch     string // folder for what archives of other tools hold
	warn        func(string)
	scratches   []*os.File
}

// newScratch makes a file in folder that goes with its descriptor. Where the system cannot remove a file that is open,
// discard does it later.
func newScratch(folder string) (*os.File, error) {
	file, err := os.CreateTemp(folder, ".flavor-*")
	if err != nil {
		return nil, code.Wrap(code.FlavorOutput, "cannot write in the folder of the output: "+folder, err)
	}
	_ = os.Remove(file.Name())
	return file, nil
}

func discard(file *os.File) {
	_ = file.Close()
	_ = os.Remove(file.Name())
}

// close gives up what archives of other tools held.
func (k *packer) close() {
	for _, scratch := range k.scratches {
		discard(scratch)
	}
}

// contextReader ends reading when the build is cancelled.
type contextReader struct {
	ctx context.Context
	in  io.Reader
}

func (c contextReader) Read(into []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, code.Wrap(code.FlavorAborted, "the build was interrupted", err)
	}
	return c.in.Read(into)
}

// place is where a source lies.
func (k *packer) place(source string) string {
	path := filepath.FromSlash(strings.ReplaceAll(source, "{workenv}", k.workenvBase))
	if !filepath.IsAbs(path) {
		// Not joined: `..` behind a link is the system's to resolve.
		path = k.base + string(filepath.Separator) + path
	}
	return path
}

// pack stores one slot. The tree is nil where the slot holds none.
func (k *packer) pack(position int, slot *planSlot, hasCommands bool) (*slotFacts, *pspf.Tree, error) {
	if slot.isSelf {
		return &slotFacts{digest: sha256.Sum256(nil)}, nil, nil
	}
	where := "slots[" + strconv.Itoa(position) + "]"
	path := k.place(slot.source)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, code.Wrap(code.FlavorNotFound, where+".source does not exist: "+path, err)
	case err != nil:
		return nil, nil, readFailure(path, err)
	case !info.IsDir() && !info.Mode().IsRegular():
		return nil, nil, refuseMember(where + ".source is neither a file nor a folder: " + path)
	}
	if slot.operations == nil && (info.IsDir() || hasCommands) {
		slot.chain = pspf.Chain{pspf.Tar, pspf.Zstd}
	}
	out := newSlotWriter(k.stored)
	if info.IsDir() {
		if !slot.chain.HasTree() {
			return nil, nil, code.New(code.FlavorPlan, where+".operations: \""+slot.chain.String()+"\" for the folder "+path+", expected a chain that begins with tar")
		}
		all, err := folderMembers(path)
		if err != nil {
			return nil, nil, err
		}
		return k.tree(slot, all, out, path)
	}
	if slot.targetWithoutPrefix == "" && !slot.chain.HasTree() {
		return nil, nil, code.New(code.FlavorPlan, where+".target: \""+slot.target+"\" names no file, but "+path+" is one")
	}
	return k.file(slot, path, out)
}

// tree archives members and applies the rest of the chain.
func (k *packer) tree(slot *planSlot, all []member, out *slotWriter, source string) (*slotFacts, *pspf.Tree, error) {
	tree, err := treeOf(all, false, k.os, source)
	if err != nil {
		return nil, nil, err
	}
	facts := &slotFacts{members: int64(len(all))}
	for i := range all {
		facts.bytes += all[i].Size
	}
	if err := withinLimits(facts, source); err != nil {
		return nil, nil, err
	}
	framed := slot.chain.IsFramedTree()
	e, err := encode(slot.chain, slot.level, out, framed)
	if err != nil {
		return nil, nil, err
	}
	a := &archive{out: e, mtime: k.mtime}
	if framed {
		a.cut = e.frames
	}
	for i := range all {
		if open := all[i].open; open != nil {
			all[i].open = func() (io.ReadCloser, error) {
				in, err := open()
				if err != nil {
					return nil, err
				}
				return struct {
					io.Reader
					io.Closer
				}{contextReader{k.ctx, in}, in}, nil
			}
		}
	}
	return finish(e, a.write(all), out, facts, tree)
}

// finish closes the chain, whatever happened, and takes the facts of the stored bytes over.
func finish(e *encoder, failure error, out *slotWriter, facts *slotFacts, tree *pspf.Tree) (*slotFacts, *pspf.Tree, error) {
	if err := e.Close(); failure == nil {
		failure = err
	}
	if failure != nil {
		return nil, nil, failure
	}
	facts.stored, facts.digest = out.size, [32]byte(out.hashed.Sum(nil))
	if e.frames != nil {
		facts.frames = e.frames.frames
	}
	return facts, tree, nil
}

func withinLimits(facts *slotFacts, source string) error {
	if facts.bytes > layout.MaxUnpackedBytes || facts.members > layout.MaxMembers {
		return code.New(code.PspfLimit, source+" has more than 64 GiB or 2 million members")
	}
	return nil
}

// file stores a file: as it is where it is encoded already, encoded otherwise.
func (k *packer) file(slot *planSlot, path string, out *slotWriter) (*slotFacts, *pspf.Tree, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, readFailure(path, err)
	}
	defer func() { _ = file.Close() }()
	start := make([]byte, layout.TarBlock)
	n, err := io.ReadFull(file, start)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, nil, readFailure(path, err)
	}
	start = start[:n]
	rewind := func() (io.Reader, error) {
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return nil, readFailure(path, err)
		}
		return contextReader{k.ctx, file}, nil
	}
	chain := slot.chain
	if len(chain) > 0 && beginsAs(start, chain[len(chain)-1]) {
		facts, tree, err := k.encoded(slot, path, out, rewind)
		if err == nil || code.Of(err) != code.PspfEncoding && code.Of(err) != code.PspfTar {
			return facts, tree, err
		}
		if chain.HasTree() {
			return nil, nil, notStored(path, chain, err)
		}
		k.warn(path + " begins like " + chain[len(chain)-1].String() + " but cannot be decoded; it is encoded as any other file")
	}
	if chain.HasTree() {
		if !beginsAs(start, pspf.Tar) {
			return nil, nil, code.New(code.FlavorPlan, path+" is neither a folder nor an archive, as it must be for the operations \""+chain.String()+"\"")
		}
		return k.tarFile(slot, path, out, rewind)
	}
	in, err := rewind()
	if err != nil {
		return nil, nil, err
	}
	return k.encodeFile(slot, in, out)
}

func (k *packer) encodeFile(slot *planSlot, in io.Reader, out *slotWriter) (*slotFacts, *pspf.Tree, error) {
	e, err := encode(slot.chain, slot.level, out, false)
	if err != nil {
		return nil, nil, err
	}
	n, err := io.Copy(struct{ io.Writer }{e}, in)
	facts := &slotFacts{bytes: n, members: 1}
	if err == nil {
		err = withinLimits(facts, slot.source)
	} else {
		err = unlessOurs(err, slot.source)
	}
	return finish(e, err, out, facts, fileTree(slot))
}

// fileTree is the tree of a slot that holds one file.
func fileTree(slot *planSlot) *pspf.Tree {
	tree := pspf.NewTree()
	tree.Add(&pspf.Member{Path: pspf.FilePath(slot.target)})
	return tree
}

// beginsAs reports whether the first bytes of a file are those of an operation's output.
func beginsAs(start []byte, operation pspf.Operation) bool {
	switch operation {
	case pspf.Gzip:
		return bytes.HasPrefix(start, []byte{0x1f, 0x8b})
	case pspf.Bzip2:
		return bytes.HasPrefix(start, []byte("BZh"))
	case pspf.Xz:
		return bytes.HasPrefix(start, []byte("\xfd7zXZ\x00"))
	case pspf.Zstd:
		return bytes.HasPrefix(start, []byte{0x28, 0xb5, 0x2f, 0xfd})
	case pspf.Tar:
		return len(start) >= 262 && string(start[257:262]) == "ustar"
	}
	return false
}

// encoded stores a file that is what the chain makes: byte for byte, except that what ends with zstd is cut into frames
// anew. The whole file is decoded first.
func (k *packer) encoded(slot *planSlot, path string, out *slotWriter, rewind func() (io.Reader, error)) (*slotFacts, *pspf.Tree, error) {
	in, err := rewind()
	if err != nil {
		return nil, nil, err
	}
	facts, all, err := k.decode(slot.chain, in, path, slot.chain.IsFramedTree())
	if err != nil {
		return nil, nil, err
	}
	tree := fileTree(slot)
	if slot.chain.HasTree() {
		if slot.chain.IsFramedTree() {
			return k.tree(slot, withFolders(all), out, path)
		}
		if tree, err = treeOf(all, true, k.os, path); err != nil {
			return nil, nil, err
		}
	}
	if in, err = rewind(); err != nil {
		return nil, nil, err
	}
	var last pspf.Chain
	if slot.chain.HasFrames() {
		last = slot.chain[len(slot.chain)-1:]
		decoded := pspf.Undo(in, last, layout.MaxForeignWindow, path)
		defer func() { _ = decoded.Close() }()
		in = decoded
	}
	e, err := encode(last, slot.level, out, false)
	if err != nil {
		return nil, nil, err
	}
	_, err = io.Copy(struct{ io.Writer }{e}, in)
	if err != nil {
		err = unlessOurs(err, path)
	}
	return finish(e, err, out, facts, tree)
}

// tarFile stores an archive of another tool: as it is, encoded, or in the order and form of ours in tar.zst.
func (k *packer) tarFile(slot *planSlot, path string, out *slotWriter, rewind func() (io.Reader, error)) (*slotFacts, *pspf.Tree, error) {
	in, err := rewind()
	if err != nil {
		return nil, nil, err
	}
	framed := slot.chain.IsFramedTree()
	facts, all, err := k.decode(pspf.Chain{pspf.Tar}, in, path, framed)
	if err != nil {
		if code.Of(err) == code.PspfTar {
			err = notStored(path, slot.chain, err)
		}
		return nil, nil, err
	}
	if framed {
		return k.tree(slot, withFolders(all), out, path)
	}
	tree, err := treeOf(all, true, k.os, path)
	if err != nil {
		return nil, nil, err
	}
	if in, err = rewind(); err != nil {
		return nil, nil, err
	}
	e, err := encode(slot.chain, slot.level, out, false)
	if err != nil {
		return nil, nil, err
	}
	_, err = io.Copy(struct{ io.Writer }{e}, in)
	if err != nil {
		err = unlessOurs(err, path)
	}
	return finish(e, err, out, facts, tree)
}

func notStored(path string, chain pspf.Chain, err error) error {
	return code.New(code.FlavorPlan, path+" cannot be stored under the operations \""+chain.String()+"\": "+err.Error())
}

// decode undoes a chain to its end. keep says that the content of members is kept for archiving it anew.
func (k *packer) decode(chain pspf.Chain, in io.Reader, path string, keep bool) (*slotFacts, []member, error) {
	decoded := pspf.Undo(bufio.NewReaderSize(in, 64<<10), chain, layout.MaxForeignWindow, path)
	defer func() { _ = decoded.Close() }()
	if !chain.HasTree() {
		n, err := io.Copy(io.Discard, decoded)
		if err != nil {
			return nil, nil, unlessOurs(err, path)
		}
		facts := &slotFacts{bytes: n, members: 1}
		return facts, nil, withinLimits(facts, path)
	}
	sink := &memberSink{}
	if keep {
		scratch, err := newScratch(k.scratch)
		if err != nil {
			return nil, nil, err
		}
		k.scratches = append(k.scratches, scratch)
		sink.scratch = scratch
	}
	totals, err := pspf.ReadArchive(decoded, sink)
	if err != nil {
		if code.Of(err) == code.PspfMemberName {
			err = refuseMember(path + ": " + err.Error())
		}
		return nil, nil, err
	}
	return &slotFacts{bytes: totals.Bytes(), members: totals.Members()}, sink.all, nil
}

// memberSink collects the members of an archive, and their content in a file of its own.
type memberSink struct {
	all     []member
	scratch *os.File
	offset  int64
}

func (s *memberSink) Begin(m *pspf.Member) error {
	kept := member{Member: *m}
	if s.scratch != nil && m.Kind == pspf.RegularFile {
		section := io.NewSectionReader(s.scratch, s.offset, m.Size)
		kept.open = func() (io.ReadCloser, error) { return io.NopCloser(io.NewSectionReader(section, 0, m.Size)), nil }
	}
	s.all = append(s.all, kept)
	return nil
}

func (s *memberSink) Data(piece []byte) error {
	if s.scratch == nil {
		return nil
	}
	n, err := s.scratch.Write(piece)
	s.offset += int64(n)
	if err != nil {
		return code.Wrap(code.FlavorOutput, "cannot write in the folder of the output", err)
	}
	return nil
}

func (*memberSink) End() error { return nil }
