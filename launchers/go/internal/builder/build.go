// Package builder assembles signed PSPF/2025 packages from a plan (crates/pspf/FORMAT.md §13, §15).
//
// It guarantees that equal inputs give equal bytes, that everything outside launcher and slots is what internal/pspf
// renders and every reader renders again, that the finished file was opened by that reader before it got its name, and
// that a failure leaves the output as it was. It deliberately executes nothing, reads no variable, and prints nothing:
// warnings go to whoever asked for the build.
package builder

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/layout"
	"flavorpack-native/launchers/go/internal/names"
	"flavorpack-native/launchers/go/internal/pspf"
)

// Options say what is built.
type Options struct {
	Manifest    []byte
	Output      string
	Launcher    string
	Key         ed25519.PrivateKey
	Base        string // relative sources begin here
	WorkenvBase string // what {workenv} in sources stands for
	// Time is that of archive members and of the build record, whole seconds from 1980-01-01 on.
	Time time.Time
	Warn func(string)
	Info func(string)
}

// DefaultTime is what members are dated without SOURCE_DATE_EPOCH: 1980-01-02T00:00:00Z. EarliestTime is the first
// that any may have.
const (
	DefaultTime  = 315619200
	EarliestTime = 315532800
)

// Result says what was written.
type Result struct {
	Size   int64
	SHA256 [32]byte
	Signer [32]byte
}

// Build assembles the package.
func Build(ctx context.Context, o *Options) (*Result, error) {
	p, err := parsePlan(o.Manifest, o.Warn)
	if err != nil {
		return nil, err
	}
	launcher, err := openLauncher(o.Launcher, p.flavor == nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = launcher.file.Close() }()
	folder := filepath.Dir(o.Output)
	stored, err := newScratch(folder)
	if err != nil {
		return nil, err
	}
	defer discard(stored)
	key := [layout.PublicKeySize]byte(o.Key.Public().(ed25519.PublicKey))
	signer := sha256.Sum256(key[:])
	// The plan's own rules that only the finished document shows are checked before a slot is stored.
	if err := checkPlanned(p, launcher, signer, o.Time); err != nil {
		return nil, err
	}
	k := &packer{
		ctx: ctx, base: o.Base, workenvBase: o.WorkenvBase, os: targetOS(p, launcher), mtime: o.Time.Unix(),
		stored: stored, scratch: folder, warn: o.Warn,
	}
	defer k.close()
	slots, err := packAll(k, p, o)
	if err != nil {
		return nil, err
	}
	text := document(p, launcher, signer, slots, o.Time)
	warnAboutOriginals(p, slots, text, o)
	m, f, err := pspf.ReadDocument(text)
	if err != nil {
		return nil, err
	}
	signature := [layout.SignatureSize]byte(ed25519.Sign(o.Key, text))
	rendering, err := pspf.Render(text, m, f, &key, &signature)
	if err != nil {
		return nil, err
	}
	result, err := write(ctx, o.Output, launcher, rendering, stored)
	if err != nil {
		return nil, err
	}
	result.Signer = signer
	return result, nil
}

func targetOS(p *plan, launcher *launcherFile) string {
	target := launcher.target
	if p.flavor != nil {
		target = p.flavor.target
	}
	os, _ := target["os"].(string)
	return os
}

// checkPlanned reads the document that the plan alone makes as a reader would, with slots of nothing.
func checkPlanned(p *plan, launcher *launcherFile, signer [32]byte, at time.Time) error {
	planned := *p
	planned.slots = make([]planSlot, len(p.slots))
	facts := make([]slotFacts, len(p.slots))
	for i := range p.slots {
		planned.slots[i] = p.slots[i]
		planned.slots[i].chain = pspf.Chain{pspf.Tar}
		if p.slots[i].isSelf {
			planned.slots[i].chain = nil
		}
	}
	_, _, err := pspf.ReadDocument(document(&planned, launcher, signer, facts, at))
	var failure *code.Error
	if errors.As(err, &failure) && failure.Code != code.PspfLimit {
		return code.New(code.FlavorPlan, failure.Message)
	}
	return err
}

// packAll stores every slot, and judges what all of them together show of the work environment.
func packAll(k *packer, p *plan, o *Options) ([]slotFacts, error) {
	facts := make([]slotFacts, len(p.slots))
	trees := make([]*pspf.Tree, len(p.slots))
	var sum slotFacts
	for i := range p.slots {
		if err := k.ctx.Err(); err != nil {
			return nil, code.Wrap(code.FlavorAborted, "the build was interrupted", err)
		}
		slot, tree, err := k.pack(i, &p.slots[i], p.hasCommands())
		if err != nil {
			return nil, err
		}
		facts[i], trees[i] = *slot, tree
		sum.bytes, sum.members = sum.bytes+slot.bytes, sum.members+slot.members
		if err := withinLimits(&sum, "the package"); err != nil {
			return nil, err
		}
		o.Info("slot " + strconv.Quote(p.slots[i].id) + ": " + strconv.FormatInt(slot.stored, 10) + " bytes stored")
	}
	if !p.hasCommands() {
		return facts, nil
	}
	_, f, err := pspf.ReadDocument(document(p, &launcherFile{target: p.flavor.target}, [32]byte{}, facts, o.Time))
	if err != nil {
		return nil, err
	}
	if err := f.JudgeComposition(trees, names.Fold); err != nil {
		if code.Of(err) == code.PspfMetadataModel || code.Of(err) == code.PspfMemberName {
			return nil, code.New(code.FlavorPlan, err.Error())
		}
		return nil, err
	}
	return facts, nil
}

// warnAboutOriginals says what the original's launchers cannot take of a plain package (FORMAT.md §13).
func warnAboutOriginals(p *plan, slots []slotFacts, text []byte, o *Options) {
	if p.hasCommands() {
		return
	}
	for i := range slots {
		if slots[i].stored < 16 {
			o.Warn("slot " + strconv.Quote(p.slots[i].id) + " has " + strconv.FormatInt(slots[i].stored, 10) +
				" stored bytes: the original's Go launcher 0.0.1026 stops at slots of fewer than 16")
		}
	}
	if len(text) > 1<<20 {
		o.Warn("the metadata has more than 1 MiB: the original's Rust launchers check no signature beyond it")
	}
}

// write makes the file under another name, opens it as readers do, and gives it its name.
func write(ctx context.Context, output string, launcher *launcherFile, r *pspf.Rendering, stored *os.File) (result *Result, err error) {
	refuse := func(err error) error {
		if code.Of(err) != "" {
			return err
		}
		return code.Wrap(code.FlavorOutput, "cannot write the package: "+output, err)
	}
	if info, err := os.Stat(output); err == nil && info.IsDir() {
		return nil, code.New(code.FlavorOutput, "the output is a folder: "+output)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, refuse(err)
	}
	file, err := os.CreateTemp(filepath.Dir(output), ".flavor-*")
	if err != nil {
		return nil, refuse(err)
	}
	defer func() {
		_ = file.Close()
		if err != nil {
			_ = os.Remove(file.Name())
		}
	}()
	hashed := sha256.New()
	w := &positionWriter{out: io.MultiWriter(file, hashed)}
	if err := w.assemble(ctx, launcher, r, stored); err != nil {
		return nil, refuse(err)
	}
	if _, err := pspf.Open(file, w.at); err != nil {
		return nil, code.Wrap(code.FlavorInternal, "the finished package cannot be opened", err)
	}
	if err := file.Chmod(0o755); err != nil {
		return nil, refuse(err)
	}
	if err := file.Close(); err != nil {
		return nil, refuse(err)
	}
	if err := os.Rename(file.Name(), output); err != nil {
		return nil, refuse(err)
	}
	return &Result{Size: w.at, SHA256: [32]byte(hashed.Sum(nil))}, nil
}

// positionWriter counts, so that gaps can be filled.
type positionWriter struct {
	out io.Writer
	at  int64
}

func (w *positionWriter) Write(piece []byte) (int, error) {
	n, err := w.out.Write(piece)
	w.at += int64(n)
	return n, err
}

func (w *positionWriter) fill(to int64) error {
	_, err := w.Write(make([]byte, to-w.at))
	return err
}

func (w *positionWriter) assemble(ctx context.Context, launcher *launcherFile, r *pspf.Rendering, stored *os.File) error {
	head := sha256.New()
	if _, err := io.Copy(io.MultiWriter(w, head), contextReader{ctx, io.NewSectionReader(launcher.file, 0, launcher.size)}); err != nil {
		return err
	}
	if [32]byte(head.Sum(nil)) != launcher.digest {
		return code.New(code.FlavorLauncher, "the launcher to embed changed while it was read: "+launcher.path)
	}
	if _, err := w.Write(r.Metadata); err != nil {
		return err
	}
	if len(r.Table) > 0 {
		if err := w.fill(r.TableOffset); err != nil {
			return err
		}
		if _, err := w.Write(r.Table); err != nil {
			return err
		}
	}
	from := int64(0)
	for i := range r.Slots {
		if err := w.fill(r.Slots[i].Offset); err != nil {
			return err
		}
		if _, err := io.Copy(w, contextReader{ctx, io.NewSectionReader(stored, from, r.Slots[i].Size)}); err != nil {
			return err
		}
		from += r.Slots[i].Size
	}
	_, err := w.Write(r.Trailer[:])
	return err
}
