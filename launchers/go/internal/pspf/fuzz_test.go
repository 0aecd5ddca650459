package pspf

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/layout"
	"flavorpack-native/launchers/go/internal/strictjson"
)

// What every reader promises of any bytes: it returns, and each refusal has a code of the table.
func refusedByCode(t *testing.T, err error) {
	t.Helper()
	if err != nil && !code.Of(err).Known() {
		t.Errorf("a refusal without a code: %v", err)
	}
}

// seeds are the vectors that are small, decoded too: those of the ratio and of split members hold many MiB.
func seeds(f *testing.F) []vector {
	return slices.DeleteFunc(vectors(f), func(v vector) bool {
		return v.Name == "limit-ratio" || strings.HasPrefix(v.Name, "split-") || len(v.bytes(f)) > 32<<10
	})
}

// FuzzReader changes packages. So that changes reach more than the checksums, what needs no key is repaired first.
func FuzzReader(f *testing.F) {
	for _, v := range seeds(f) {
		f.Add(v.bytes(f))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		refusedByCode(t, verify(file, 2))
		repair(file)
		_, err := OpenWith(bytes.NewReader(file), int64(len(file)), Tolerance{Rendering: true, Signature: true})
		refusedByCode(t, err)
	})
}

// repair puts every checksum right that needs no key: length of the file, digest of the metadata, Adler-32.
func repair(file []byte) {
	if len(file) < layout.TrailerSize {
		return
	}
	block := file[len(file)-layout.TrailerSize+layout.MarkerSize : len(file)-layout.MarkerSize]
	binary.LittleEndian.PutUint64(block[layout.IndexPackageSize:], uint64(len(file)))
	offset := binary.LittleEndian.Uint64(block[layout.IndexMetadataOffset:])
	size := binary.LittleEndian.Uint64(block[layout.IndexMetadataSize:])
	if offset <= uint64(len(file)) && size <= uint64(len(file))-offset {
		digest := sha256.Sum256(file[offset : offset+size])
		copy(block[layout.IndexMetadataChecksum:], digest[:])
	}
	binary.LittleEndian.PutUint32(block[layout.IndexChecksum:], indexChecksum(block))
}

// FuzzDocument changes signed documents.
func FuzzDocument(f *testing.F) {
	for _, v := range seeds(f) {
		file := v.bytes(f)
		if p, err := Open(bytes.NewReader(file), int64(len(file))); err == nil {
			f.Add(p.JSON())
		}
	}
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	public := [layout.PublicKeySize]byte(key.Public().(ed25519.PublicKey))
	f.Fuzz(func(t *testing.T, document []byte) {
		root, err := strictjson.Parse(document, &metadataShape)
		if err != nil {
			refusedByCode(t, profileError(err))
			return
		}
		m, flavor, err := decodeMetadata(root)
		refusedByCode(t, err)
		if flavor != nil {
			_, err = Render(document, m, flavor, &public, &[layout.SignatureSize]byte{})
			refusedByCode(t, err)
		}
	})
}

// FuzzArchive changes archives, and feeds them in pieces of several sizes: the members must not depend on these.
func FuzzArchive(f *testing.F) {
	for _, v := range seeds(f) {
		file := v.bytes(f)
		p, err := Open(bytes.NewReader(file), int64(len(file)))
		if err != nil || v.Layer == "bytes" || p.Flavor() == nil {
			continue
		}
		for n := range p.Slots() {
			if slot := &p.Slots()[n]; slot.Chain.IsFramedTree() {
				f.Add(archiveOf(p, slot), true)
			}
		}
	}
	f.Fuzz(func(t *testing.T, archive []byte, strict bool) {
		members, err := readArchive(archive, strict, len(archive)+1)
		refusedByCode(t, err)
		again, err2 := readArchive(archive, strict, 100)
		if outcome(err) != outcome(err2) || members != again {
			t.Errorf("in one piece %v, %d members; in many %v, %d members", err, members, err2, again)
		}
	})
}

// archiveOf is what the frames of a slot decode to, as far as they do.
func archiveOf(p *Package, slot *Slot) []byte {
	decoder, err := newFrameDecoder(p, slot)
	if err != nil {
		return nil
	}
	defer decoder.close()
	var out bytes.Buffer
	_, _ = out.ReadFrom(&frameStream{decoder: decoder, offset: slot.Offset, hashed: &bytes.Buffer{}})
	return out.Bytes()
}

func readArchive(archive []byte, strict bool, piece int) (int, error) {
	sink := &treeSink{}
	tar := newTarReader("archive", strict, sink, &Totals{})
	for len(archive) > 0 {
		n := min(piece, len(archive))
		if err := tar.feed(archive[:n]); err != nil {
			return len(sink.members), err
		}
		archive = archive[n:]
	}
	return len(sink.members), tar.finish()
}

// FuzzStages feeds bytes to each decoder of a chain.
func FuzzStages(f *testing.F) {
	for _, v := range seeds(f) {
		file := v.bytes(f)
		p, err := Open(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			continue
		}
		for n := range p.Slots() {
			slot := &p.Slots()[n]
			f.Add(file[slot.Offset:slot.Offset+slot.Size], slot.Chain.Packed())
		}
	}
	f.Fuzz(func(t *testing.T, stored []byte, packed uint64) {
		chain, err := UnpackChain(packed)
		if err != nil || len(chain) > 3 {
			return
		}
		content := Undo(bytes.NewReader(stored), chain, layout.MaxWindow, "input")
		defer func() { _ = content.Close() }()
		piece := make([]byte, 32<<10)
		for total := 0; total < 64<<20; {
			n, err := content.Read(piece)
			total += n
			if err != nil {
				if err.Error() != "EOF" {
					refusedByCode(t, err)
				}
				return
			}
		}
	})
}
