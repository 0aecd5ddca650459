package pspf

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"

	"flavorpack-native/launchers/go/internal/pspf/gate"
)

// zstdGate hands a zstd stream through, as RFC 8878 frames it, and refuses what this format does not allow before a
// decoder sees it: windows above the limit, dictionaries, reserved bits and blocks, and what is no frame. Skippable
// frames are left out. It looks at headers only; what blocks hold is the decoder's business.
type zstdGate struct {
	gate.Gate
	maxWindow uint64
	// single: exactly one frame, not a skippable one, of content bytes.
	single  bool
	content uint64

	frames   int
	header   [18]byte
	last     bool // the block that Left counts is the last of its frame
	inFrame  bool
	checksum bool
}

type errZstd string

func (e errZstd) Error() string { return string(e) }

const (
	zstdMagic     = 0xFD2FB528
	skippableMask = 0xFFFFFFF0
	skippable     = 0x184D2A50
)

func newZstdGate(in *bufio.Reader, maxWindow uint64) *zstdGate {
	g := &zstdGate{maxWindow: maxWindow}
	g.In, g.Next = in, g.next
	return g
}

// next looks at what comes behind the last block or frame.
func (g *zstdGate) next() error {
	switch {
	case g.inFrame && g.last:
		g.inFrame, g.last = false, false
		if g.checksum {
			g.Left = 4
		}
		return nil
	case g.inFrame:
		return g.block()
	}
	return g.frame()
}

// frame reads the header of the next frame, or finds the end.
func (g *zstdGate) frame() error {
	_, err := g.In.Peek(1)
	if err == io.EOF && g.frames > 0 {
		return io.EOF
	}
	if g.single && g.frames > 0 {
		return errZstd("something follows the frame")
	}
	if err := g.read(0, 4); err != nil {
		return err
	}
	magic := binary.LittleEndian.Uint32(g.header[:])
	if magic&skippableMask == skippable {
		return g.skip()
	}
	if magic != zstdMagic {
		return errZstd("no zstd frame begins here")
	}
	if err := g.read(4, 1); err != nil {
		return err
	}
	descriptor := g.header[4]
	if descriptor&0x08 != 0 {
		return errZstd("the reserved bit of a frame header is set")
	}
	single := descriptor&0x20 != 0
	at := 5
	window := uint64(0)
	if !single {
		if err := g.read(at, 1); err != nil {
			return err
		}
		base := uint64(1) << (10 + g.header[at]>>3)
		window = base + base/8*uint64(g.header[at]&7)
		at++
	}
	dictionary := [4]int{0, 1, 2, 4}[descriptor&3]
	if err := g.read(at, dictionary); err != nil {
		return err
	}
	for _, b := range g.header[at : at+dictionary] {
		if b != 0 {
			return errZstd("a frame needs a dictionary")
		}
	}
	at += dictionary
	sizeField := [4]int{0, 2, 4, 8}[descriptor>>6]
	if single && sizeField == 0 {
		sizeField = 1
	}
	if err := g.read(at, sizeField); err != nil {
		return err
	}
	var number [8]byte
	copy(number[:], g.header[at:at+sizeField])
	content := binary.LittleEndian.Uint64(number[:])
	if sizeField == 2 {
		content += 256
	}
	at += sizeField
	if single {
		window = content
	}
	if window > g.maxWindow {
		return errZstd("a frame asks for a window of " + decimal(window) + " bytes")
	}
	if g.single && sizeField > 0 && content != g.content {
		return errZstd(expected("the frame has another content", decimal(content)+" bytes", decimal(g.content)))
	}
	g.frames++
	g.inFrame, g.checksum = true, descriptor&0x04 != 0
	g.Pending = g.header[:at]
	return nil
}

// skip passes over a skippable frame.
func (g *zstdGate) skip() error {
	if g.single {
		return errZstd("a skippable frame")
	}
	if err := g.read(4, 4); err != nil {
		return err
	}
	length := int64(binary.LittleEndian.Uint32(g.header[4:]))
	n, err := io.CopyN(io.Discard, g.In, length)
	if err != nil || n != length {
		return gate.Unexpected(err)
	}
	return nil
}

// block reads the header of a block.
func (g *zstdGate) block() (err error) {
	if err = g.read(0, 3); err != nil {
		return err
	}
	g.Left, g.last, err = blockHeader(g.header[:3])
	g.Pending = g.header[:3]
	return err
}

// blockHeader gives the length of a block as it is stored, and whether it is the last one of its frame.
func blockHeader(b []byte) (length int64, last bool, err error) {
	header := uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16
	length = int64(header >> 3)
	switch header >> 1 & 3 {
	case 1: // one byte, repeated
		length = 1
	case 3:
		return 0, false, errZstd("a block of the reserved kind")
	}
	return length, header&1 != 0, nil
}

// checkZstdFrame is a gate for stored bytes that are in memory as a whole: they MUST be exactly one frame.
func checkZstdFrame(stored []byte, maxWindow, content uint64) error {
	frame := newZstdGate(bufio.NewReaderSize(bytes.NewReader(stored), 0), maxWindow)
	frame.single, frame.content = true, content
	if err := frame.frame(); err != nil {
		return err
	}
	rest := stored[len(frame.Pending):]
	for last := false; !last; {
		if len(rest) < 3 {
			return io.ErrUnexpectedEOF
		}
		var length int64
		var err error
		if length, last, err = blockHeader(rest); err != nil {
			return err
		}
		if rest = rest[3:]; length > int64(len(rest)) {
			return io.ErrUnexpectedEOF
		}
		rest = rest[length:]
	}
	checksum := 0
	if frame.checksum {
		checksum = 4
	}
	switch {
	case len(rest) < checksum:
		return io.ErrUnexpectedEOF
	case len(rest) > checksum:
		return errZstd("something follows the frame")
	}
	return nil
}

func (g *zstdGate) read(at, n int) error { return g.Fill(g.header[at : at+n]) }
