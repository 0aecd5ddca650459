// Package pspf reads PSPF/2025 packages as crates/pspf/FORMAT.md says.
//
// It guarantees the order of §12: nothing of a package is acted upon before its signature held, nothing is allocated
// from a number of the file that was not compared with the file's length, a package of ours is byte for byte what its
// JSON, key and signature render to, and the content of a slot is decoded only from bytes whose digest was compared.
// It never panics on what a file holds; every error is a *code.Error with a code of the format, the byte where there
// is one, and what was expected.
// It deliberately creates no file, prints nothing, reads no variable, and decides no trust: that is the business of
// internal/store, internal/launch and internal/trust.
package pspf

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"strings"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/layout"
	"flavorpack-native/launchers/go/internal/strictjson"
)

// Package is an opened package. It may be used by several goroutines, as far as its source may.
type Package struct {
	src      io.ReaderAt
	trailer  Trailer
	index    *Index
	document []byte
	metadata *Metadata
	flavor   *Flavor
	slots    []Slot
	putUp    []error
	lax      Tolerance
}

// Tolerance says what the lowered levels of validation put up with (STORE.md 16.1). The zero value is strict.
type Tolerance struct {
	// Rendering: bytes that the signed metadata determines may be others.
	Rendering bool
	// Signature may not hold, and the metadata may name another key.
	Signature bool
	// Digests of frames and slots are not looked at.
	Digests bool
}

// Slot is one slot, where it lies and what it holds.
type Slot struct {
	Position int
	Entry    *SlotEntry
	// Flavor is nil in a foreign package.
	Flavor *FlavorSlot
	Offset int64
	Size   int64
	Chain  Chain
	// Digest is the signed SHA-256 of the stored bytes, where HasDigest says that there is one.
	Digest    [32]byte
	HasDigest bool
}

// OriginalSize is what the slot table calls so in a package of ours (§3): the content of the frames, or else Size.
// Contents that add up to more than 2^53 - 1 give a number above it; Render refuses them.
func (s *Slot) OriginalSize() int64 {
	if s.Flavor == nil || len(s.Flavor.Frames) == 0 {
		return s.Size
	}
	var sum int64
	for i := range s.Flavor.Frames {
		if sum += s.Flavor.Frames[i].Content; sum > layout.MaxInteger {
			return sum
		}
	}
	return sum
}

// Open reads everything of a package that stands outside launcher and slots, and checks it (§12).
func Open(src io.ReaderAt, size int64) (*Package, error) { return OpenWith(src, size, Tolerance{}) }

// OpenWith is Open for a level of validation that puts up with something; PutUpWith says what that was.
func OpenWith(src io.ReaderAt, size int64, lax Tolerance) (*Package, error) {
	p, _, err := openSteps(src, size, lax)
	return p, err
}

// OpenSteps is Open, and names the step that failed: a code alone does not say it.
func OpenSteps(src io.ReaderAt, size int64) (*Package, Step, error) {
	return openSteps(src, size, Tolerance{})
}

// Step is one step of opening a package (§12), by its name in reports (LAUNCH.md 8.3).
type Step string

// The steps in their order. A foreign package has the last one instead of the two before it.
const (
	StepTrailer   Step = "trailer"
	StepIndex     Step = "index"
	StepMetadata  Step = "metadata"
	StepSignature Step = "signature"
	StepJSON      Step = "json"
	StepSignerKey Step = "signer-key"
	StepRendering Step = "rendering"
	StepSlotTable Step = "slot-table"
)

func openSteps(src io.ReaderAt, size int64, lax Tolerance) (_ *Package, step Step, err error) {
	p := &Package{src: src, lax: lax}
	step = StepTrailer
	if err := ReadTrailer(src, size, &p.trailer); err != nil {
		return nil, step, err
	}
	step = StepIndex
	if p.index, err = parseIndex(&p.trailer, size); err != nil {
		return nil, step, err
	}
	step = StepMetadata
	stored := make([]byte, p.index.MetadataSize)
	if err := readAt(src, stored, p.index.MetadataOffset); err != nil {
		return nil, step, err
	}
	if p.document, err = inflateMetadata(p.index, stored); err != nil {
		return nil, step, err
	}
	step = StepSignature
	if err := p.tolerate(lax.Signature, checkSignature(p.index, p.document)); err != nil {
		return nil, step, err
	}
	step = StepJSON
	if p.metadata, p.flavor, err = ReadDocument(p.document); err != nil {
		return nil, step, err
	}
	if p.flavor == nil {
		p.slots, err = p.foreignSlots()
		return p, StepSlotTable, err
	}
	step = StepSignerKey
	if err := p.tolerate(lax.Signature, checkSigner(p.index, p.flavor)); err != nil {
		return nil, step, err
	}
	step = StepRendering
	if err := p.render(stored); err != nil {
		return nil, step, err
	}
	return p, step, nil
}

// tolerate keeps an error that is put up with, and hands any other back.
func (p *Package) tolerate(lax bool, err error) error {
	if err == nil || !lax {
		return err
	}
	p.putUp = append(p.putUp, err)
	return nil
}

// ReadDocument reads a document as Open reads that of a package, after its signature held.
func ReadDocument(document []byte) (*Metadata, *Flavor, error) {
	if len(document) > layout.MaxMetadata {
		return nil, nil, code.New(code.PspfLimit, "the metadata has more than 8 MiB")
	}
	root, err := strictjson.Parse(document, &metadataShape)
	if err != nil {
		return nil, nil, profileError(err)
	}
	return decodeMetadata(root)
}

func profileError(err error) error {
	var failure *strictjson.SyntaxError
	if !errors.As(err, &failure) {
		return err
	}
	return refuse(code.PspfMetadataJson, failure.Offset, "the signed metadata is outside the strict profile: "+failure.Message)
}

// inflateMetadata compares the digest of the stored metadata and gives the JSON inside its one gzip member.
func inflateMetadata(x *Index, stored []byte) ([]byte, error) {
	if digest := sha256.Sum256(stored); digest != x.MetadataChecksum {
		return nil, refuse(code.PspfMetadataChecksum, x.MetadataOffset,
			expected("the SHA-256 of the stored metadata does not fit", digestText(digest), digestText(x.MetadataChecksum)))
	}
	in := newGzipReader(bufio.NewReader(bytes.NewReader(stored)), true)
	var out bytes.Buffer
	// The JSON is at most as long as its stored bytes where these are stored blocks, as in packages of ours.
	out.Grow(min(len(stored), layout.MaxMetadata) + bytes.MinRead)
	n, err := io.Copy(&out, io.LimitReader(in, layout.MaxMetadata+1))
	switch {
	case n > layout.MaxMetadata:
		return nil, refuse(code.PspfLimit, x.MetadataOffset, "the metadata has more than 8 MiB")
	case err != nil:
		failure := code.Wrap(code.PspfMetadataGzip, "the metadata is not one well-formed gzip member", err)
		failure.Offset = &x.MetadataOffset
		return nil, failure
	}
	return out.Bytes(), nil
}

// Trailer is the trailer as it stands in the file.
func (p *Package) Trailer() *Trailer { return &p.trailer }

// Index is the index block.
func (p *Package) Index() *Index { return p.index }

// JSON is the signed document, byte for byte. It must not be changed.
func (p *Package) JSON() []byte { return p.document }

// Metadata is what the signed document says.
func (p *Package) Metadata() *Metadata { return p.metadata }

// Flavor is the x-flavor block; nil for a foreign package.
func (p *Package) Flavor() *Flavor { return p.flavor }

// Slots are the slots, parallel to the metadata's.
func (p *Package) Slots() []Slot { return p.slots }

// PutUpWith are the failures that the Tolerance let pass, in the order of the checks.
func (p *Package) PutUpWith() []error { return p.putUp }

// Signer is the SHA-256 of the public key that signed.
func (p *Package) Signer() [32]byte { return sha256.Sum256(p.index.PublicKey[:]) }

// fullDigest reads `sha256:` and 64 lower-case hexadecimal digits.
func fullDigest(text string) ([32]byte, bool) {
	digits, found := strings.CutPrefix(text, "sha256:")
	if !found {
		return [32]byte{}, false
	}
	return parseDigest(digits)
}
