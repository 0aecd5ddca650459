package pspf

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"io"

	"github.com/klauspost/compress/zstd"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/layout"
)

// frameDecoder decodes the frames of one slot for one worker. A frame's stored bytes are read once, into a buffer of
// its own, hashed there, and decoded from there (S10, S11).
type frameDecoder struct {
	p       *Package
	slot    *Slot
	stored  []byte
	content []byte // of a frame that is decoded at once
	source  bytes.Reader
	buffer  *bufio.Reader
	decoder *zstd.Decoder
	frame   int
	left    int64 // content of the frame that is to come
}

func newFrameDecoder(p *Package, slot *Slot) (*frameDecoder, error) {
	decoder, err := newZstdDecoder(layout.MaxWindow)
	if err != nil {
		return nil, code.Wrap(code.PspfEncoding, "the zstd decoder cannot be made", err)
	}
	f := &frameDecoder{p: p, slot: slot, decoder: decoder, buffer: bufio.NewReaderSize(nil, 4<<10)}
	// Both buffers are made once, for the longest frame: growing ones would be given new memory again and again.
	var stored, content int64
	for i := range slot.Flavor.Frames {
		frame := &slot.Flavor.Frames[i]
		stored = max(stored, frame.Stored)
		if isDecodedAtOnce(frame) {
			content = max(content, frame.Content)
		}
	}
	f.stored = make([]byte, 0, stored)
	f.content = make([]byte, 0, content+decoderSlack)
	return f, nil
}

// decoderSlack is the room behind the content with which the decoder copies whole words up to the end.
const decoderSlack = 16

// isDecodedAtOnce tells whether a worker may hold all content of a frame (STORE.md 5.2).
func isDecodedAtOnce(frame *Frame) bool { return frame.Content <= layout.MaxDecodedAtOnce }

func (f *frameDecoder) close() { f.decoder.Close() }

func (f *frameDecoder) what() string {
	return "slot " + decimal(f.slot.Position) + ", frame " + decimal(f.frame)
}

// load reads the stored bytes of a frame at offset and compares their digest. The sizes in the frame table were
// compared with the slot, and the slot with the file.
func (f *frameDecoder) load(frame int, offset int64) error {
	f.frame = frame
	entry := &f.slot.Flavor.Frames[frame]
	f.stored = f.stored[:entry.Stored]
	if err := readAt(f.p.src, f.stored, offset); err != nil {
		return err
	}
	if f.p.lax.Digests {
		return nil
	}
	if digest := sha256.Sum256(f.stored); digest != entry.SHA256 {
		return refuse(code.PspfSlotDigest, offset,
			expected("the SHA-256 of "+f.what()+" does not fit", digestText(digest), digestText(entry.SHA256)))
	}
	return nil
}

// whole decodes the loaded frame at once: straight into the buffer that files are written from, without the window that
// Read needs beside it. What it gives has exactly the signed length and is valid until the next call.
func (f *frameDecoder) whole() ([]byte, error) {
	expected := f.slot.Flavor.Frames[f.frame].Content
	if err := checkZstdFrame(f.stored, layout.MaxWindow, uint64(expected)); err != nil {
		return nil, f.broken(err)
	}
	content, err := f.decoder.DecodeAll(f.stored, f.content[:0])
	switch length := int64(len(content)); {
	case errors.Is(err, zstd.ErrDecoderSizeExceeded), err == nil && length > expected:
		return nil, f.tooMuch()
	case err != nil:
		return nil, f.broken(err)
	case length < expected:
		return nil, f.tooLittle(expected - length)
	}
	return content, nil
}

// begin makes the loaded frame what Read gives.
func (f *frameDecoder) begin() error {
	entry := &f.slot.Flavor.Frames[f.frame]
	f.left = entry.Content
	f.source.Reset(f.stored)
	f.buffer.Reset(&f.source)
	frame := newZstdGate(f.buffer, layout.MaxWindow)
	frame.single, frame.content = true, uint64(entry.Content)
	if err := f.decoder.Reset(frame); err != nil {
		return f.broken(err)
	}
	return nil
}

// Read gives the content of the frame, and io.EOF only when it has exactly the signed length.
func (f *frameDecoder) Read(into []byte) (int, error) {
	n, err := f.decoder.Read(into)
	if f.left -= int64(n); f.left < 0 {
		return 0, f.tooMuch()
	}
	switch {
	case errors.Is(err, io.EOF) && f.left > 0:
		return 0, f.tooLittle(f.left)
	case err != nil && !errors.Is(err, io.EOF):
		return n, f.broken(err)
	}
	return n, err
}

func (f *frameDecoder) tooMuch() error {
	return f.wrong("it holds more than its " + decimal(f.slot.Flavor.Frames[f.frame].Content) + " bytes")
}

func (f *frameDecoder) tooLittle(missing int64) error {
	return f.wrong("it holds " + decimal(missing) + " bytes less than the signed metadata says")
}

func (f *frameDecoder) wrong(message string) error {
	return code.New(code.PspfFrame, f.what()+": "+message)
}

func (f *frameDecoder) broken(err error) error {
	return code.Wrap(code.PspfFrame, f.what()+" is not one zstd frame"+reason(err), err)
}

// frameStream is the frames of a slot one after another, as the last stage of a chain that is read as one stream.
type frameStream struct {
	decoder *frameDecoder
	next    int
	offset  int64
	open    bool
	hashed  io.Writer
}

func (s *frameStream) Read(into []byte) (int, error) {
	frames := s.decoder.slot.Flavor.Frames
	for {
		if !s.open {
			if s.next == len(frames) {
				return 0, io.EOF
			}
			if err := s.decoder.load(s.next, s.offset); err != nil {
				return 0, err
			}
			s.offset += frames[s.next].Stored
			s.next++
			if _, err := s.hashed.Write(s.decoder.stored); err != nil {
				return 0, err
			}
			if err := s.decoder.begin(); err != nil {
				return 0, err
			}
			s.open = true
		}
		n, err := s.decoder.Read(into)
		if errors.Is(err, io.EOF) {
			s.open = false
			err = nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}
