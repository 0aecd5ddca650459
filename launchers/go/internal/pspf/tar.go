package pspf

import (
	"sync/atomic"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/layout"
)

// Totals counts what slots decode to, by any number of workers. It refuses what exceeds the limits of a package (§11).
type Totals struct {
	bytes, members atomic.Int64
}

// Bytes is the sum of the lengths of regular files.
func (t *Totals) Bytes() int64 { return t.bytes.Load() }

// Members is the number of members of any kind.
func (t *Totals) Members() int64 { return t.members.Load() }

func (t *Totals) member() error {
	if t.members.Add(1) > layout.MaxMembers {
		return code.New(code.PspfLimit, "the package has more than 2 million members")
	}
	return nil
}

// content counts bytes of files. n was compared with nothing yet, so it is not added before it was.
func (t *Totals) content(n int64) error {
	if n > layout.MaxUnpackedBytes || t.bytes.Add(n) > layout.MaxUnpackedBytes {
		return code.New(code.PspfLimit, "the package unpacks to more than 64 GiB")
	}
	return nil
}

// tarState is what the next byte of an archive belongs to.
type tarState uint8

const (
	inHeader  tarState = iota // of a member or record
	inRecord                  // of a pax header or a long name
	inData                    // of a regular file
	inPadding                 // behind a record or a file
	inEnd                     // the second of the two zero blocks
	ended
)

// tarReader reads an archive (§10) that is fed in pieces of any size. In a slot of frames there is one for each run.
type tarReader struct {
	what    string // names the archive in errors
	strict  bool
	sink    TarSink
	totals  *Totals
	offset  int64 // of the archive, or of the run
	state   tarState
	block   [layout.TarBlock]byte
	have    int   // bytes in block
	left    int64 // bytes of record or data that are to come
	padding int64
	seen    int64 // bytes of the file that is in data
	record  []byte
	kind    byte // of the record
	named   recordNames
}

// newTarReader reads an archive from a member boundary on.
func newTarReader(what string, strict bool, sink TarSink, totals *Totals) *tarReader {
	return &tarReader{what: what, strict: strict, sink: sink, totals: totals}
}

func (t *tarReader) fail(c code.Code, message string) error {
	return code.New(c, t.what+": "+message+" (near byte "+decimal(t.offset)+" of its content)")
}

func (t *tarReader) malformed(message string) error { return t.fail(code.PspfTar, message) }

// atBoundary reports whether a frame may end here: between two members, with no record that waits for its member.
func (t *tarReader) atBoundary() bool {
	return t.state == inHeader && t.have == 0 && !t.named.waiting() || t.state == ended
}

// insideFile reports whether data of a file is to come.
func (t *tarReader) insideFile() bool { return t.state == inData }

// rest is the number of bytes up to the end of the padding of the file that is being read.
func (t *tarReader) rest() int64 {
	switch t.state {
	case inData:
		return t.left + t.padding
	case inPadding:
		return t.padding
	}
	return 0
}

// feed reads the next bytes of the archive.
func (t *tarReader) feed(piece []byte) error {
	for len(piece) > 0 {
		var n int
		var err error
		switch t.state {
		case inHeader, inEnd:
			n, err = t.header(piece)
		case inRecord:
			n = int(min(t.left, int64(len(piece))))
			t.record = append(t.record, piece[:n]...)
			if t.left -= int64(n); t.left == 0 {
				err = t.endRecord()
			}
		case inData:
			n = int(min(t.left, int64(len(piece))))
			if err = t.sink.Data(piece[:n]); err != nil {
				return err
			}
			t.seen += int64(n)
			if t.left -= int64(n); t.left == 0 {
				err = t.endFile()
			}
		case inPadding:
			n, err = t.pad(piece)
		case ended:
			n, err = t.behindEnd(piece)
		}
		if err != nil {
			return err
		}
		t.offset += int64(n)
		piece = piece[n:]
	}
	return nil
}

// finish is called where the archive must have ended.
func (t *tarReader) finish() error {
	if t.state != ended {
		return t.malformed("it ends before its two zero blocks")
	}
	return nil
}

func (t *tarReader) header(piece []byte) (int, error) {
	n := copy(t.block[t.have:], piece)
	if t.have += n; t.have < layout.TarBlock {
		return n, nil
	}
	t.have = 0
	zero := t.block == [layout.TarBlock]byte{}
	switch {
	case t.state == inEnd && zero:
		t.state = ended
		return n, nil
	case t.state == inEnd:
		return n, t.malformed("one zero block stands alone")
	case zero && t.named.waiting():
		return n, t.malformed("a record has no member")
	case zero:
		t.state = inEnd
		return n, nil
	}
	return n, t.member()
}

func (t *tarReader) behindEnd(piece []byte) (int, error) {
	if t.strict {
		return 0, t.malformed("something follows its two zero blocks")
	}
	for _, b := range piece {
		if b != 0 {
			return 0, t.malformed("something that is not zero follows its two zero blocks")
		}
	}
	return len(piece), nil
}

func (t *tarReader) pad(piece []byte) (int, error) {
	n := int(min(t.padding, int64(len(piece))))
	if t.strict {
		for _, b := range piece[:n] {
			if b != 0 {
				return n, t.malformed("padding is not zero")
			}
		}
	}
	if t.padding -= int64(n); t.padding == 0 {
		t.state = inHeader
	}
	return n, nil
}

// expectPadding goes on behind size bytes of record or data.
func (t *tarReader) expectPadding(size int64) {
	t.state = inHeader
	if t.padding = -size & (layout.TarBlock - 1); t.padding > 0 {
		t.state = inPadding
	}
}

// member acts upon the header in block.
func (t *tarReader) member() error {
	h, err := t.parseHeader()
	if err != nil {
		return err
	}
	if h.isRecord {
		return t.beginRecord(h)
	}
	m, size, err := t.resolve(h)
	if err != nil {
		return err
	}
	t.named = recordNames{}
	if m == nil {
		return nil
	}
	if err := t.totals.member(); err != nil {
		return err
	}
	if m.Kind == RegularFile {
		if err := t.totals.content(size); err != nil {
			return err
		}
	}
	if err := t.sink.Begin(m); err != nil {
		return err
	}
	if size == 0 {
		return t.sink.End()
	}
	t.state, t.left, t.seen = inData, size, 0
	t.padding = -size & (layout.TarBlock - 1)
	return nil
}

func (t *tarReader) endFile() error {
	t.state = inHeader
	if t.padding > 0 {
		t.state = inPadding
	}
	return t.sink.End()
}
