package pspf

import (
	"bufio"
	"errors"
	"io"

	"github.com/klauspost/compress/zstd"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/layout"
	"flavorpack-native/launchers/go/internal/pspf/gate"
)

// learned are the decoders of operations that only some programs undo. It is written before anything is read.
var learned [1 << 8]func(in *bufio.Reader) (io.Reader, error)

// Learn teaches the reader an operation that is not its own: internal/pspf/further.
func Learn(operation Operation, open func(in *bufio.Reader) (io.Reader, error)) {
	learned[operation] = open
}

// CanUndo tells whether this program undoes every operation of a chain (LAUNCH.md 16.9).
func (c Chain) CanUndo() bool {
	for _, operation := range c {
		if (operation == Bzip2 || operation == Xz) && learned[operation] == nil {
			return false
		}
	}
	return true
}

// Broken is why the input of an operation is refused; its text is for messages.
type Broken string

func (b Broken) Error() string { return string(b) }

// Undo gives the content that a chain without tar was applied to, from what it made of it: stage by stage, from the
// last to the first, each within the limits of §4 and §11. what names the input in errors. Whoever is done closes it.
func Undo(in io.Reader, chain Chain, maxWindow uint64, what string) io.ReadCloser {
	u := &undone{}
	source := &countedReader{in: in, fault: &u.fault}
	u.out = source
	for i := len(chain) - 1; i >= 0; i-- {
		if chain[i] == Tar {
			break
		}
		s := &stage{operation: chain[i], in: source, maxWindow: maxWindow, what: what, fault: &u.fault}
		u.stages = append(u.stages, s)
		u.out = s
		source = &countedReader{in: s, fault: &u.fault}
	}
	return u
}

// undone is the end of a row of stages.
type undone struct {
	out    io.Reader
	stages []*stage
	fault  error
}

func (u *undone) Read(into []byte) (int, error) {
	n, err := u.out.Read(into)
	// Decoders wrap, rename and swallow errors of their input; the first one is the one that is meant.
	if err != nil && u.fault != nil {
		return n, u.fault
	}
	return n, err
}

func (u *undone) Close() error {
	for _, s := range u.stages {
		if s.zstd != nil {
			s.zstd.Close()
		}
	}
	return nil
}

// countedReader counts the bytes that a stage took, and keeps the first error that is not the end.
type countedReader struct {
	in    io.Reader
	taken int64
	fault *error
}

func (c *countedReader) Read(into []byte) (int, error) {
	n, err := c.in.Read(into)
	c.taken += int64(n)
	if err != nil && !errors.Is(err, io.EOF) && *c.fault == nil {
		*c.fault = err
	}
	return n, err
}

// stage undoes one operation.
type stage struct {
	operation Operation
	in        *countedReader
	maxWindow uint64
	what      string
	fault     *error
	out       io.Reader
	zstd      *zstd.Decoder
	given     int64
}

const stageBuffer = 64 << 10 // how far a stage may read ahead (§11)

func (s *stage) Read(into []byte) (int, error) {
	if s.out == nil {
		if err := s.begin(); err != nil {
			return 0, s.refuse(err)
		}
	}
	n, err := s.out.Read(into)
	s.given += int64(n)
	if s.given > layout.RatioFreeContent && s.given/layout.MaxRatio > s.in.taken {
		return 0, code.New(code.PspfLimit, s.what+": "+s.operation.String()+" gives more than 1000 times the bytes that it takes")
	}
	if err != nil && err != io.EOF {
		err = s.refuse(err)
	}
	return n, err
}

func (s *stage) begin() error {
	in := bufio.NewReaderSize(s.in, stageBuffer)
	if _, err := in.Peek(1); err != nil {
		return gate.Unexpected(err)
	}
	switch s.operation {
	case Gzip:
		s.out = newGzipReader(in, false)
	case Bzip2, Xz:
		if learned[s.operation] == nil {
			return Broken("this program cannot undo it")
		}
		out, err := learned[s.operation](in)
		if err != nil {
			return err
		}
		s.out = out
	case Zstd:
		decoder, err := newZstdDecoder(s.maxWindow)
		if err != nil {
			return err
		}
		s.zstd = decoder
		s.out = decoder
		return decoder.Reset(newZstdGate(in, s.maxWindow))
	case Tar:
	}
	return nil
}

// newZstdDecoder decodes in the goroutine that reads, with the memory of one window.
func newZstdDecoder(maxWindow uint64) (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow),
		zstd.WithDecodeAllCapLimit(true))
}

// refuse makes a failure of this stage of err, unless it came from before it.
func (s *stage) refuse(err error) error {
	if *s.fault != nil {
		return *s.fault
	}
	return code.Wrap(code.PspfEncoding, s.what+" does not decode as "+s.operation.String()+reason(err), err)
}

// reason is what the gates say, which is no text of a cause but of ours.
func reason(err error) string {
	var (
		gzip   errGzip
		zstd   errZstd
		broken Broken
	)
	switch {
	case errors.As(err, &gzip):
		return ": " + string(gzip)
	case errors.As(err, &zstd):
		return ": " + string(zstd)
	case errors.As(err, &broken):
		return ": " + string(broken)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return ": it ends too early"
	}
	return ""
}
