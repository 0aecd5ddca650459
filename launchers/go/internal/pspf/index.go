package pspf

import (
	"encoding/binary"
	"hash/adler32"
	"io"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/layout"
)

// Index is the index block (FORMAT.md §2), by the fields that readers of every package use. Its checksum, version and
// sizes were checked, its regions lie in the file.
type Index struct {
	PackageSize      int64
	LauncherSize     int64
	MetadataOffset   int64
	MetadataSize     int64
	SlotTableOffset  int64
	SlotTableSize    int64
	SlotCount        int
	PublicKey        [layout.PublicKeySize]byte
	MetadataChecksum [layout.DigestSize]byte
	Signature        [layout.SignatureSize]byte
}

// TrailerOffset is where the trailer begins.
func (x *Index) TrailerOffset() int64 { return x.PackageSize - layout.TrailerSize }

// Trailer is the last 8200 bytes of a package: marker, index block, marker.
type Trailer [layout.TrailerSize]byte

// Signature16 is the first 8 bytes of the signature, which name a package in the store (STORE.md 2.2). The trailer
// need not have been checked beyond its markers.
func (t *Trailer) Signature16() [8]byte {
	return [8]byte(t[layout.MarkerSize+layout.IndexSignature:])
}

// ReadTrailer reads the last 8200 bytes of a file of size bytes and looks at both markers, nothing more.
func ReadTrailer(src io.ReaderAt, size int64, into *Trailer) error {
	if size < layout.TrailerSize {
		return code.New(code.PspfNotAPackage, expected("the file is shorter than a trailer", decimal(size)+" bytes", "at least 8200"))
	}
	if err := readAt(src, into[:], size-layout.TrailerSize); err != nil {
		return err
	}
	if string(into[:layout.MarkerSize]) != layout.StartMarker {
		return refuse(code.PspfNotAPackage, size-layout.TrailerSize, "the trailer does not begin with its marker")
	}
	if string(into[layout.TrailerSize-layout.MarkerSize:]) != layout.EndMarker {
		return refuse(code.PspfNotAPackage, size-layout.MarkerSize, "the file does not end with the marker of a trailer")
	}
	return nil
}

// readAt reads exactly len(into) bytes.
func readAt(src io.ReaderAt, into []byte, offset int64) error {
	n, err := src.ReadAt(into, offset)
	if n == len(into) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	failure := code.Wrap(code.PspfIO, "the package cannot be read", err)
	at := offset + int64(n)
	failure.Offset = &at
	return failure
}

// parseIndex checks the index block and the regions that it names.
func parseIndex(trailer *Trailer, size int64) (*Index, error) {
	block := trailer[layout.MarkerSize : layout.MarkerSize+layout.IndexSize]
	start := size - layout.TrailerSize + layout.MarkerSize
	u32 := func(field int) uint32 { return binary.LittleEndian.Uint32(block[field:]) }
	u64 := func(field int) uint64 { return binary.LittleEndian.Uint64(block[field:]) }
	at := func(field int) int64 { return start + int64(field) }

	if sum := u32(layout.IndexChecksum); !checksumFits(block, sum) {
		return nil, refuse(code.PspfIndexChecksum, at(layout.IndexChecksum),
			expected("the Adler-32 of the index block does not fit", hexadecimal(uint64(sum)), hexadecimal(uint64(indexChecksum(block)))))
	}
	if version := u32(layout.IndexFormatVersion); version != layout.FormatVersion {
		return nil, refuse(code.PspfFormatVersion, at(layout.IndexFormatVersion),
			expected("the format version is another", hexadecimal(uint64(version)), hexadecimal(layout.FormatVersion)))
	}
	if stated := u64(layout.IndexPackageSize); stated != uint64(size) {
		return nil, refuse(code.PspfPackageSize, at(layout.IndexPackageSize),
			expected("the file has another length than its index block says", decimal(size), decimal(stated)))
	}
	count := u32(layout.IndexSlotCount)
	if count > layout.MaxSlots {
		return nil, refuse(code.PspfLimit, at(layout.IndexSlotCount), expected("there are too many slots", decimal(count), "at most 4096"))
	}
	if table := u64(layout.IndexSlotTableSize); table != uint64(count)*layout.DescriptorSize {
		return nil, refuse(code.PspfIndex, at(layout.IndexSlotTableSize),
			expected("the slot table has another size than its slots need", decimal(table), decimal(uint64(count)*layout.DescriptorSize)))
	}
	for i, b := range block[layout.IndexZeros:layout.IndexZerosEnd] {
		if b != 0 {
			return nil, refuse(code.PspfIndex, at(layout.IndexZeros+i), "a byte behind the signature is not zero")
		}
	}

	x := &Index{
		PackageSize:      size,
		SlotCount:        int(count),
		SlotTableSize:    int64(count) * layout.DescriptorSize,
		PublicKey:        [layout.PublicKeySize]byte(block[layout.IndexPublicKey:]),
		MetadataChecksum: [layout.DigestSize]byte(block[layout.IndexMetadataChecksum:]),
		Signature:        [layout.SignatureSize]byte(block[layout.IndexSignature:]),
	}
	// Each region ends where the next may begin, at most; the trailer ends the last one. So every sum below is of
	// numbers that were compared with the length of the file.
	limit := uint64(x.TrailerOffset())
	launcher := u64(layout.IndexLauncherSize)
	metadata, stored := u64(layout.IndexMetadataOffset), u64(layout.IndexMetadataSize)
	switch {
	case launcher > limit:
		return nil, refuse(code.PspfRegion, at(layout.IndexLauncherSize), expected("the launcher reaches into the trailer", decimal(launcher)+" bytes", "at most "+decimal(limit)))
	case metadata < launcher:
		return nil, refuse(code.PspfRegion, at(layout.IndexMetadataOffset), expected("the metadata overlaps the launcher", decimal(metadata), "at least "+decimal(launcher)))
	case metadata > limit || stored > limit-metadata:
		return nil, refuse(code.PspfRegion, at(layout.IndexMetadataOffset), "the metadata reaches into the trailer")
	}
	x.LauncherSize, x.MetadataOffset, x.MetadataSize = int64(launcher), int64(metadata), int64(stored)
	if count > 0 {
		table := u64(layout.IndexSlotTableOffset)
		switch {
		case table < metadata+stored:
			return nil, refuse(code.PspfRegion, at(layout.IndexSlotTableOffset), expected("the slot table overlaps the metadata", decimal(table), "at least "+decimal(metadata+stored)))
		case table > limit || uint64(x.SlotTableSize) > limit-table:
			return nil, refuse(code.PspfRegion, at(layout.IndexSlotTableOffset), "the slot table reaches into the trailer")
		}
		x.SlotTableOffset = int64(table)
	}
	if x.MetadataSize > layout.MaxStoredMetadata {
		return nil, refuse(code.PspfLimit, at(layout.IndexMetadataSize), expected("the stored metadata is too long", decimal(stored), "at most "+decimal(int64(layout.MaxStoredMetadata))))
	}
	return x, nil
}

// indexChecksum is the Adler-32 over the block with its own field zeroed.
func indexChecksum(block []byte) uint32 {
	var copied [layout.IndexSize]byte
	copy(copied[:], block)
	clear(copied[layout.IndexChecksum : layout.IndexChecksum+4])
	return adler32.Checksum(copied[:])
}

// checksumFits also takes what the original's Go builder writes for files of 4 GiB or more: the upper half of the
// package size zeroed too (§12, 2). In a package of ours the rendering refuses it.
func checksumFits(block []byte, sum uint32) bool {
	if sum == indexChecksum(block) {
		return true
	}
	var copied [layout.IndexSize]byte
	copy(copied[:], block)
	clear(copied[layout.IndexPackageSize+4 : layout.IndexPackageSize+8])
	return sum == indexChecksum(copied[:])
}
