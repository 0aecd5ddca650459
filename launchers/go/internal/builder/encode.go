package builder

import (
	"compress/gzip"
	"crypto/sha256"
	"hash"
	"io"
	"os"

	"github.com/dsnet/compress/bzip2"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/pspf"
)

// slotWriter keeps the stored bytes of one slot, hashed and counted, in the file where slots wait for the metadata
// that has to stand before them.
type slotWriter struct {
	out    *os.File
	hashed hash.Hash
	size   int64
}

func newSlotWriter(out *os.File) *slotWriter { return &slotWriter{out: out, hashed: sha256.New()} }

func (s *slotWriter) Write(stored []byte) (int, error) {
	n, err := s.out.Write(stored)
	s.hashed.Write(stored[:n])
	s.size += int64(n)
	if err != nil {
		err = code.Wrap(code.FlavorOutput, "the slots cannot be kept while the package is written", err)
	}
	return n, err
}

// encoder is a chain of encoders, the first operation first.
type encoder struct {
	io.Writer
	stages []io.Closer
	frames *frameWriter
}

// encode applies the operations of chain behind tar to what is written, as hard as level says. members says that the
// frames of the last operation are cut at members.
func encode(chain pspf.Chain, level level, out *slotWriter, members bool) (*encoder, error) {
	e := &encoder{Writer: out}
	for i := len(chain) - 1; i >= 0; i-- {
		if chain[i] == pspf.Tar {
			break
		}
		if i == len(chain)-1 && chain[i] == pspf.Zstd {
			frames, err := newFrameWriter(out, level, members)
			if err != nil {
				return nil, err
			}
			e.frames, e.Writer = frames, frames
			e.stages = append(e.stages, frames)
			continue
		}
		stage, err := newStage(chain[i], level, e.Writer)
		if err != nil {
			return nil, err
		}
		e.Writer = stage
		e.stages = append(e.stages, stage)
	}
	return e, nil
}

// newStage encodes as FORMAT.md §4 says of the level.
func newStage(operation pspf.Operation, level level, out io.Writer) (io.WriteCloser, error) {
	switch operation {
	case pspf.Gzip:
		return gzip.NewWriterLevel(out, level.gzip())
	case pspf.Bzip2:
		return bzip2.NewWriter(out, &bzip2.WriterConfig{Level: level.gzip()})
	case pspf.Xz:
		return xz.WriterConfig{DictCap: level.xzWindow(), CheckSum: xz.CRC64}.NewWriter(out)
	case pspf.Zstd:
		return zstd.NewWriter(out, zstd.WithEncoderLevel(level.zstd()), zstd.WithEncoderConcurrency(1),
			zstd.WithEncoderCRC(false), zstd.WithWindowSize(4<<20), zstd.WithZeroFrames(true))
	case pspf.Tar:
	}
	return nil, code.New(code.FlavorInternal, "an operation that has no encoder")
}

// Close ends every stage, the first one first, so that what a stage still holds goes through those behind it. All are
// closed, whatever fails: the frames' workers have to end.
func (e *encoder) Close() error {
	var first error
	for i := len(e.stages) - 1; i >= 0; i-- {
		if err := e.stages[i].Close(); first == nil {
			first = err
		}
	}
	return first
}
