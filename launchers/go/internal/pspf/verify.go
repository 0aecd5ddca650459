package pspf

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"strings"
	"sync"

	"flavorpack-native/launchers/go/internal/code"
)

// VerifyLauncher compares the bytes at the head of the file with the signed digest. A foreign package states none:
// ERR_PSPF_FOREIGN.
func (p *Package) VerifyLauncher(ctx context.Context) error {
	if p.flavor == nil {
		return code.New(code.PspfForeign, "the launcher cannot be checked: the signed metadata has no SHA-256 of it")
	}
	hashed := sha256.New()
	in := &storedReader{ctx: ctx, src: p.src, left: p.flavor.Launcher.Size, hashed: hashed}
	if err := in.rest(); err != nil {
		return err
	}
	if digest := [32]byte(hashed.Sum(nil)); digest != p.flavor.Launcher.SHA256 {
		return refuse(code.PspfLauncherDigest, 0,
			expected("the launcher is not the signed one", digestText(digest), digestText(p.flavor.Launcher.SHA256)))
	}
	return nil
}

// VerifyStored reads every stored byte of slot n once and compares the digest of each frame and of the whole slot. It
// decodes nothing.
func (p *Package) VerifyStored(ctx context.Context, n int) error {
	slot := &p.slots[n]
	switch {
	case slot.Entry.SelfRef && slot.Size == 0:
		return nil
	case !slot.HasDigest:
		return withoutDigest(slot)
	}
	whole := sha256.New()
	in := &storedReader{ctx: ctx, src: p.src, offset: slot.Offset, left: slot.Size, hashed: whole}
	var failure error
	if slot.Flavor != nil && len(slot.Flavor.Frames) > 0 {
		failure = verifyFrames(slot, in, whole)
	}
	if failure != nil && code.Of(failure) != code.PspfSlotDigest {
		return failure
	}
	if err := in.rest(); err != nil {
		return err
	}
	if digest := [32]byte(whole.Sum(nil)); failure == nil && digest != slot.Digest {
		return wrongDigest(slot, digest)
	}
	return failure
}

// verifyFrames hashes each byte into the digest of its frame and into that of the slot.
func verifyFrames(slot *Slot, in *storedReader, whole hash.Hash) error {
	single := sha256.New()
	in.hashed = bothHashes{single, whole}
	piece := make([]byte, pieceSize)
	for i := range slot.Flavor.Frames {
		frame := &slot.Flavor.Frames[i]
		offset := in.offset
		single.Reset()
		if _, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{io.LimitReader(in, frame.Stored)}, piece); err != nil {
			return err
		}
		if digest := [32]byte(single.Sum(nil)); digest != frame.SHA256 {
			return refuse(code.PspfSlotDigest, offset, expected("the SHA-256 of slot "+decimal(slot.Position)+", frame "+decimal(i)+
				" does not fit", digestText(digest), digestText(frame.SHA256)))
		}
	}
	return nil
}

// bothHashes is two hashes of the same bytes.
type bothHashes struct{ frame, whole hash.Hash }

func (b bothHashes) Write(piece []byte) (int, error) {
	b.frame.Write(piece)
	return b.whole.Write(piece)
}
func (b bothHashes) Sum(to []byte) []byte { return b.whole.Sum(to) }
func (b bothHashes) Reset()               { b.whole.Reset() }
func (b bothHashes) Size() int            { return b.whole.Size() }
func (b bothHashes) BlockSize() int       { return b.whole.BlockSize() }

// VerifySlot checks all that can be known of slot n: its digests, its content down to the members, the finished member
// list, the signed totals, and names on the file systems of the target. It returns the tree; that of a slot which holds
// one file has that file, at its path in the slot (STORE.md 5.9).
func (p *Package) VerifySlot(ctx context.Context, n, workers int, fold Fold) (*Tree, error) {
	if err := p.VerifyStored(ctx, n); err != nil {
		return nil, err
	}
	slot := &p.slots[n]
	var sinks []*treeSink
	var mutex sync.Mutex
	totals, err := p.DecodeSlot(ctx, n, workers, func() TarSink {
		mutex.Lock()
		defer mutex.Unlock()
		sinks = append(sinks, &treeSink{})
		return sinks[len(sinks)-1]
	})
	if err != nil {
		return nil, err
	}
	tree := NewTree()
	for _, sink := range sinks {
		for i := range sink.members {
			if sink.members[i].Path == "" {
				sink.members[i].Path = FilePath(slot.Entry.Target)
			}
			tree.Add(&sink.members[i])
		}
	}
	if slot.Flavor == nil || !slot.Chain.IsFramedTree() {
		tree.AddImplied()
	}
	if err := tree.Judge(); err != nil {
		return nil, inSlot(slot, err)
	}
	if slot.Flavor == nil {
		return tree, nil
	}
	if totals.Bytes() != slot.Flavor.Bytes || totals.Members() != slot.Flavor.Members {
		return nil, code.New(code.PspfTar, expected("slot "+decimal(n)+" unpacks to other totals than signed",
			decimal(totals.Bytes())+" bytes in "+decimal(totals.Members())+" members",
			decimal(slot.Flavor.Bytes)+" in "+decimal(slot.Flavor.Members)))
	}
	if slot.Entry.SelfRef {
		return tree, nil
	}
	return tree, inSlot(slot, JudgeNames(tree.Paths(), p.flavor.Target.OS, fold))
}

func inSlot(slot *Slot, err error) error {
	var failure *code.Error
	if !errors.As(err, &failure) {
		return err
	}
	failure.Message = "slot " + decimal(slot.Position) + ": " + failure.Message
	return failure
}

// FilePath is where the one file of a slot without a tree lies below the slot's root: the target without a leading
// `{workenv}/` and without empty and `.` components. It is not checked.
func FilePath(target string) string {
	kept := make([]string, 0, 4)
	for part := range strings.SplitSeq(strings.TrimPrefix(target, "{workenv}/"), "/") {
		if part != "" && part != "." {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, "/")
}
