package pspf

import (
	"bufio"
	"compress/flate"
	"encoding/binary"
	"errors"
	"hash"
	"hash/crc32"
	"io"

	"flavorpack-native/launchers/go/internal/pspf/gate"
)

// errGzip is why a gzip stream is refused; its text is for messages.
type errGzip string

func (e errGzip) Error() string { return string(e) }

// gzipReader reads gzip members as RFC 1952 says, and no byte behind them. The standard library's reader passes over
// reserved flags and takes an empty input for a stream.
type gzipReader struct {
	in     *bufio.Reader
	flate  io.ReadCloser
	crc    hash.Hash32
	length uint32
	// single: exactly one member, whose end is the end of what is read here.
	single bool
	err    error
}

func newGzipReader(in *bufio.Reader, single bool) *gzipReader {
	return &gzipReader{in: in, single: single, crc: crc32.NewIEEE()}
}

// Read gives the content of all members.
func (z *gzipReader) Read(into []byte) (int, error) {
	if z.err == nil && z.flate == nil {
		z.err = z.begin()
	}
	for z.err == nil {
		n, err := z.flate.Read(into)
		z.crc.Write(into[:n])
		z.length += uint32(n) // modulo 2^32, as the format has it
		if err == io.EOF {
			z.err = z.end()
		} else if err != nil {
			z.err = gate.Unexpected(err)
		}
		if n > 0 {
			return n, nil
		}
	}
	return 0, z.err
}

const (
	gzipHasCRC     = 1 << 1
	gzipHasExtra   = 1 << 2
	gzipHasName    = 1 << 3
	gzipHasComment = 1 << 4
	gzipReserved   = 0xe0
)

// begin reads the header of a member.
func (z *gzipReader) begin() error {
	crc := crc32.NewIEEE()
	read := func(n int) ([]byte, error) {
		bytes := make([]byte, n)
		if _, err := io.ReadFull(z.in, bytes); err != nil {
			return nil, gate.Unexpected(err)
		}
		crc.Write(bytes)
		return bytes, nil
	}
	fixed, err := read(10)
	if err != nil {
		return err
	}
	switch {
	case fixed[0] != 0x1f || fixed[1] != 0x8b:
		return errGzip("no gzip member begins here")
	case fixed[2] != 8:
		return errGzip("the method is not deflate")
	case fixed[3]&gzipReserved != 0:
		return errGzip("a reserved flag is set")
	}
	flags := fixed[3]
	if flags&gzipHasExtra != 0 {
		length, err := read(2)
		if err != nil {
			return err
		}
		if _, err := read(int(binary.LittleEndian.Uint16(length))); err != nil {
			return err
		}
	}
	for _, text := range [...]byte{gzipHasName, gzipHasComment} {
		for more := flags&text != 0; more; {
			c, err := read(1)
			if err != nil {
				return err
			}
			more = c[0] != 0
		}
	}
	if flags&gzipHasCRC != 0 {
		sum := uint16(crc.Sum32())
		stated, err := read(2)
		if err != nil {
			return err
		}
		if binary.LittleEndian.Uint16(stated) != sum {
			return errGzip("the checksum of the header does not fit")
		}
	}
	if z.flate == nil {
		z.flate = flate.NewReader(z.in)
	} else if err := z.flate.(flate.Resetter).Reset(z.in, nil); err != nil {
		return err
	}
	z.crc.Reset()
	z.length = 0
	return nil
}

// end reads what follows the deflated bytes, and begins the next member where there is one.
func (z *gzipReader) end() error {
	var tail [8]byte
	if _, err := io.ReadFull(z.in, tail[:]); err != nil {
		return gate.Unexpected(err)
	}
	if binary.LittleEndian.Uint32(tail[:]) != z.crc.Sum32() {
		return errGzip("the CRC-32 does not fit")
	}
	if binary.LittleEndian.Uint32(tail[4:]) != z.length {
		return errGzip("the length does not fit")
	}
	_, err := z.in.Peek(1)
	switch {
	case errors.Is(err, io.EOF):
		return io.EOF
	case err != nil:
		return err
	case z.single:
		return errGzip("something follows the member")
	}
	return z.begin()
}
