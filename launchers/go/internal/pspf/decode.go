package pspf

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"sync"
	"sync/atomic"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/group"
	"flavorpack-native/launchers/go/internal/layout"
)

const pieceSize = 128 << 10 // what goes to a sink at once, at most

// DecodeSlot decodes slot n down to its members, and compares every digest that its bytes need before they are
// believed: those of the frames before each is decoded, that of the whole slot for every other chain, where it is what
// is reported even if decoding failed too (§12). So what a sink was given is not to become visible before DecodeSlot
// returned nil. Slots of tar.zst are decoded by up to workers goroutines, each with a sink of its own from newSink;
// everything else is one stream. newSink is called by one goroutine at a time.
//
// The totals are what was decoded. They are within the limits of §11; that they are the signed ones is the caller's
// to compare.
func (p *Package) DecodeSlot(ctx context.Context, n, workers int, newSink func() TarSink) (*Totals, error) {
	totals := &Totals{}
	slot := &p.slots[n]
	if slot.Entry.SelfRef {
		return totals, nil
	}
	if !slot.HasDigest && !p.lax.Digests {
		return totals, withoutDigest(slot)
	}
	if slot.Flavor != nil && slot.Chain.IsFramedTree() {
		return totals, p.decodeRuns(ctx, slot, workers, newSink, totals)
	}
	return totals, p.decodeStream(ctx, slot, newSink(), totals)
}

func withoutDigest(slot *Slot) error {
	return code.New(code.PspfForeign, "slot "+decimal(slot.Position)+" ("+shown(slot.Entry.ID)+
		") cannot be checked: the signed metadata has no SHA-256 of it")
}

// decodeRuns decodes a slot of tar.zst, its runs taken by an atomic counter (§9).
func (p *Package) decodeRuns(ctx context.Context, slot *Slot, workers int, newSink func() TarSink, totals *Totals) error {
	runs := slot.Runs()
	workers = max(1, min(workers, len(runs)))
	var (
		next     atomic.Int64
		failedAt atomic.Int64
		mutex    sync.Mutex
		failure  error
		group    group.Group
	)
	failedAt.Store(int64(len(runs)))
	// Of several failures the one of the first run is told, as if the runs had been decoded one after another: a run
	// behind a failed one is not begun, one before it is finished.
	fail := func(run int64, err error) {
		mutex.Lock()
		defer mutex.Unlock()
		if run < failedAt.Load() {
			failedAt.Store(run)
			failure = err
		}
	}
	work := func(sink TarSink) {
		decoder, err := newFrameDecoder(p, slot)
		if err != nil {
			fail(0, err)
			return
		}
		defer decoder.close()
		piece := make([]byte, pieceSize)
		for {
			run := next.Add(1) - 1
			if run >= failedAt.Load() || group.Broken() {
				return
			}
			if err := p.decodeRun(ctx, decoder, &runs[run], run == int64(len(runs))-1, sink, totals, piece); err != nil {
				fail(run, err)
				return
			}
		}
	}
	for range workers - 1 {
		sink := newSink()
		group.Go(func() { work(sink) })
	}
	group.Do(func() { work(newSink()) })
	group.Wait()
	return failure
}

// decodeRun decodes the frames of one run and judges where each of them ends.
func (p *Package) decodeRun(ctx context.Context, decoder *frameDecoder, run *Run, last bool, sink TarSink, totals *Totals, piece []byte) error {
	tar := newTarReader(archiveName(decoder.slot), true, sink, totals)
	offset := run.Offset
	for frame := run.First; frame < run.First+run.Count; frame++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		entry := &decoder.slot.Flavor.Frames[frame]
		if err := decoder.load(frame, offset); err != nil {
			return err
		}
		offset += entry.Stored
		if tar.state == ended {
			return tar.malformed("a frame follows its two zero blocks")
		}
		cut := tarCut{tar: tar, content: entry.Content, continued: tar.state != inHeader}
		if cut.continued && min(tar.left, entry.Content) > layout.SplitSize {
			return tar.malformed("a frame that begins inside a member holds more than 16 MiB of it")
		}
		if err := cut.decode(decoder, entry, piece); err != nil {
			return err
		}
		isLast := last && frame == run.First+run.Count-1
		if err := cut.judge(isLast); err != nil {
			return err
		}
	}
	if !last && !tar.atBoundary() {
		return tar.malformed("a run of frames ends inside a member")
	}
	return nil
}

// tarCut is one frame of an archive: where it begins and ends (§9).
type tarCut struct {
	tar       *tarReader
	content   int64
	continued bool // it begins inside a member
}

// decode feeds the content of the loaded frame, at once or in pieces.
func (c *tarCut) decode(decoder *frameDecoder, entry *Frame, piece []byte) error {
	if isDecodedAtOnce(entry) {
		content, err := decoder.whole()
		if err != nil {
			return err
		}
		return c.feed(content)
	}
	if err := decoder.begin(); err != nil {
		return err
	}
	for {
		n, err := decoder.Read(piece)
		if err := c.feed(piece[:n]); err != nil {
			return err
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (c *tarCut) feed(content []byte) error {
	if c.continued {
		// Nothing may stand behind the member's padding.
		if int64(len(content)) > c.tar.rest() {
			return c.tar.malformed("a frame holds more than the rest of the member that it begins with")
		}
	}
	return c.tar.feed(content)
}

// judge looks at the end of the frame.
func (c *tarCut) judge(last bool) error {
	t := c.tar
	switch {
	case last:
		return t.finish()
	case t.state == ended || t.state == inEnd:
		return t.malformed("its zero blocks stand before the last frame")
	case t.atBoundary():
		return nil
	case !t.insideFile():
		return t.malformed("a frame ends inside a header, a record or padding")
	case c.continued && c.content == layout.SplitSize:
		return nil
	case !c.continued && c.content > layout.SplitSize && t.seen == layout.SplitSize:
		return nil
	}
	return t.malformed("a frame ends inside a member where none may")
}

// decodeStream decodes a slot of any other chain: its stored bytes are read once, from the first to the last, and
// hashed on the way. When decoding failed the rest is read all the same, for the digest.
func (p *Package) decodeStream(ctx context.Context, slot *Slot, sink TarSink, totals *Totals) error {
	hashed := sha256.New()
	stored := &storedReader{ctx: ctx, src: p.src, offset: slot.Offset, left: slot.Size, hashed: hashed}
	chain := slot.Chain
	window := uint64(layout.MaxForeignWindow)
	var in io.Reader = stored
	if slot.Flavor != nil {
		window = layout.MaxWindow
		if chain.HasFrames() {
			decoder, err := newFrameDecoder(p, slot)
			if err != nil {
				return err
			}
			defer decoder.close()
			in = &frameStream{decoder: decoder, offset: slot.Offset, hashed: hashed}
			chain = chain[:len(chain)-1]
			stored.left = 0
		}
	}
	content := Undo(in, chain, window, "slot "+decimal(slot.Position))
	err := decodeContent(slot, content, sink, totals)
	_ = content.Close() // it releases memory and cannot fail
	if p.lax.Digests {
		return err
	}
	if frames, framed := in.(*frameStream); framed && err != nil {
		frames.rest(stored)
	}
	if failure := stored.rest(); failure != nil {
		return failure
	}
	if digest := [32]byte(hashed.Sum(nil)); digest != slot.Digest {
		return wrongDigest(slot, digest)
	}
	return err
}

// rest makes stored read and hash what the frames did not.
func (s *frameStream) rest(stored *storedReader) {
	slot := s.decoder.slot
	stored.offset, stored.left = s.offset, slot.Offset+slot.Size-s.offset
}

func wrongDigest(slot *Slot, digest [32]byte) error {
	return refuse(code.PspfSlotDigest, slot.Offset,
		expected("the SHA-256 of slot "+decimal(slot.Position)+" ("+shown(slot.Entry.ID)+") does not fit", digestText(digest), digestText(slot.Digest)))
}

// decodeContent gives the content of a slot to the sink, as the members of an archive or as one file.
func decodeContent(slot *Slot, content io.Reader, sink TarSink, totals *Totals) error {
	in := bufio.NewReaderSize(content, pieceSize)
	if slot.Chain.HasTree() {
		start, err := in.Peek(layout.TarBlock)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if slot.Flavor != nil || beginsLikeArchive(start) {
			return decodeArchive(archiveName(slot), in, sink, totals)
		}
	}
	return decodeFile(slot, in, sink, totals)
}

// beginsLikeArchive decides for foreign packages whether a chain that begins with tar holds a tree (§12, 12).
func beginsLikeArchive(start []byte) bool {
	if len(start) < layout.TarBlock {
		return false
	}
	return string(start[257:262]) == "ustar" || bytes.Equal(start, make([]byte, layout.TarBlock))
}

// ReadArchive gives the members of an archive that some tool made to the sink, by the tolerant profile (§10).
func ReadArchive(in io.Reader, sink TarSink) (*Totals, error) {
	totals := &Totals{}
	return totals, decodeArchive("archive", in, sink, totals)
}

func archiveName(slot *Slot) string { return "slot " + decimal(slot.Position) + ", archive" }

func decodeArchive(what string, in io.Reader, sink TarSink, totals *Totals) error {
	tar := newTarReader(what, false, sink, totals)
	piece := make([]byte, pieceSize)
	for {
		n, err := in.Read(piece)
		if err := tar.feed(piece[:n]); err != nil {
			return err
		}
		if errors.Is(err, io.EOF) {
			return tar.finish()
		}
		if err != nil {
			return err
		}
	}
}

func decodeFile(slot *Slot, in io.Reader, sink TarSink, totals *Totals) error {
	if err := totals.member(); err != nil {
		return err
	}
	permissions, _ := Permissions(slot.Entry.Permissions)
	if err := sink.Begin(&Member{Kind: RegularFile, Size: -1, Executable: permissions&0o100 != 0}); err != nil {
		return err
	}
	piece := make([]byte, pieceSize)
	for {
		n, err := in.Read(piece)
		if n > 0 {
			if err := totals.content(int64(n)); err != nil {
				return err
			}
			if err := sink.Data(piece[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return sink.End()
		}
		if err != nil {
			return err
		}
	}
}

// storedReader reads the stored bytes of a slot and hashes them.
type storedReader struct {
	ctx    context.Context
	src    io.ReaderAt
	offset int64
	left   int64
	hashed hash.Hash
}

func (s *storedReader) Read(into []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	piece := into[:min(int64(len(into)), s.left)]
	if err := readAt(s.src, piece, s.offset); err != nil {
		return 0, err
	}
	s.hashed.Write(piece)
	s.offset += int64(len(piece))
	s.left -= int64(len(piece))
	return len(piece), nil
}

func (s *storedReader) rest() error {
	if s.left == 0 {
		return nil
	}
	piece := make([]byte, min(s.left, pieceSize))
	for s.left > 0 {
		if _, err := s.Read(piece); err != nil {
			return err
		}
	}
	return nil
}
