package further

import (
	"bufio"
	"encoding/binary"
	"io"
	"strconv"

	"flavorpack-native/launchers/go/internal/layout"
	"flavorpack-native/launchers/go/internal/pspf"
	"flavorpack-native/launchers/go/internal/pspf/gate"
)

// xzGate hands an xz stream through and refuses, before a decoder sees it, dictionaries for which too much memory would
// be taken, and filters other than LZMA2. It walks the container; checksums and content are the decoder's business.
type xzGate struct {
	gate.Gate
	header  []byte
	size    int64 // bytes of the block, or of the index, so far
	check   int64 // bytes of a block's check
	numbers int64 // of the index that are to come
}

func newXzGate(in *bufio.Reader) *xzGate {
	g := &xzGate{header: make([]byte, 0, 1024)}
	g.In, g.Next = in, g.stream
	return g
}

// take reads n bytes that the decoder gets next, and are looked at.
func (g *xzGate) take(n int) ([]byte, error) {
	at := len(g.header)
	g.header = append(g.header, make([]byte, n)...)
	g.Pending = g.header
	if err := g.Fill(g.header[at:]); err != nil {
		return nil, err
	}
	g.size += int64(n)
	return g.header[at:], nil
}

func (g *xzGate) begin() { g.header = g.header[:0] }

// stream reads the header of a stream, or padding; the end may be here, behind a stream.
func (g *xzGate) stream() error {
	g.begin()
	magic, err := g.take(4)
	if err != nil {
		return err
	}
	if string(magic) == "\x00\x00\x00\x00" {
		g.Next = g.streamOrEnd
		return nil
	}
	rest, err := g.take(8)
	if err != nil {
		return err
	}
	if string(g.header[:6]) != "\xfd7zXZ\x00" {
		return pspf.Broken("no xz stream begins here")
	}
	size, known := map[byte]int64{0: 0, 1: 4, 4: 8, 10: 32}[rest[3]]
	if !known {
		return pspf.Broken("the check of an xz stream is of an unknown type")
	}
	g.check = size
	g.Next = g.block
	return nil
}

func (g *xzGate) streamOrEnd() error {
	if _, err := g.In.Peek(1); err == io.EOF {
		return io.EOF
	}
	return g.stream()
}

// block reads the header of a block, or the beginning of the index.
func (g *xzGate) block() error {
	g.begin()
	g.size = 0
	first, err := g.take(1)
	if err != nil {
		return err
	}
	if first[0] == 0 {
		g.Next = g.index
		return nil
	}
	rest, err := g.take(4*int(first[0]) + 3)
	if err != nil {
		return err
	}
	flags, fields := rest[0], rest[1:len(rest)-4]
	if flags&3 != 0 {
		return pspf.Broken("a block has other filters than LZMA2")
	}
	for _, present := range [...]byte{0x40, 0x80} {
		if flags&present != 0 {
			if _, fields, err = variable(fields); err != nil {
				return err
			}
		}
	}
	if len(fields) < 3 || fields[0] != 0x21 || fields[1] != 1 {
		return pspf.Broken("a block has other filters than LZMA2")
	}
	if size := dictionarySize(fields[2]); size >= layout.MaxXzMemory {
		return pspf.Broken("a block asks for a dictionary of " + strconv.FormatUint(size, 10) + " bytes")
	}
	g.size = 0
	g.Next = g.chunk
	return nil
}

// dictionarySize is 2^n or 3·2^(n-1), by the property of the filter.
func dictionarySize(property byte) uint64 {
	if property >= 40 {
		return 1<<32 - 1
	}
	return uint64(2|property&1) << (property/2 + 11)
}

// variable reads a number of 7 bits a byte.
func variable(bytes []byte) (uint64, []byte, error) {
	var n uint64
	for i := 0; i < len(bytes) && i < 9; i++ {
		n |= uint64(bytes[i]&0x7f) << (7 * i)
		if bytes[i]&0x80 == 0 {
			return n, bytes[i+1:], nil
		}
	}
	return 0, nil, pspf.Broken("a number in a header has no end")
}

// chunk reads the header of an LZMA2 chunk.
func (g *xzGate) chunk() error {
	g.begin()
	control, err := g.take(1)
	if err != nil {
		return err
	}
	switch c := control[0]; {
	case c == 0:
		g.Left = -g.size&3 + g.check
		g.Next = g.block
	case c < 3:
		size, err := g.take(2)
		if err != nil {
			return err
		}
		g.Left = int64(binary.BigEndian.Uint16(size)) + 1
		g.size += g.Left
	case c >= 0x80:
		sizes, err := g.take(4)
		if err != nil {
			return err
		}
		g.Left = int64(binary.BigEndian.Uint16(sizes[2:])) + 1
		if c >= 0xc0 { // a byte of properties
			g.Left++
		}
		g.size += g.Left
	default:
		return pspf.Broken("a chunk has a reserved control byte")
	}
	return nil
}

// index reads how many records there are.
func (g *xzGate) index() error {
	g.begin()
	count, err := g.number()
	if err != nil {
		return err
	}
	if count > 1<<40 {
		return pspf.Broken("the index has more records than any file")
	}
	g.numbers = int64(count) * 2
	g.Next = g.record
	return nil
}

// record reads a number of the index; behind the last come padding, CRC-32 and the footer.
func (g *xzGate) record() error {
	g.begin()
	if g.numbers == 0 {
		g.Left = -g.size&3 + 4 + 12
		g.Next = g.streamOrEnd
		return nil
	}
	g.numbers--
	_, err := g.number()
	return err
}

func (g *xzGate) number() (uint64, error) {
	at := len(g.header)
	for range 9 {
		b, err := g.take(1)
		if err != nil {
			return 0, err
		}
		if b[0]&0x80 == 0 {
			n, _, err := variable(g.header[at:])
			return n, err
		}
	}
	return 0, pspf.Broken("a number of the index has no end")
}
