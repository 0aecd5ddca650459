package pspf

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"strings"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/layout"
)

// Rendering is everything of a package of ours outside launcher, JSON and slots (§8): a function of the JSON, the
// public key and the signature. Readers compare it with the file, writers write it.
type Rendering struct {
	Metadata       []byte // the gzip member
	MetadataOffset int64
	Table          []byte
	TableOffset    int64
	Slots          []Slot
	Trailer        Trailer
	TrailerOffset  int64
}

// Render lays a package out. document is the signed JSON that m and f were read from.
func Render(document []byte, m *Metadata, f *Flavor, key *[layout.PublicKeySize]byte, signature *[layout.SignatureSize]byte) (*Rendering, error) {
	r := &Rendering{Metadata: storedGzip(document), MetadataOffset: f.Launcher.Size}
	sum := adder{at: f.Launcher.Size}
	sum.add(int64(len(r.Metadata)))
	if len(m.Slots) > 0 {
		sum.align(layout.DefaultAlignment)
		r.TableOffset = sum.at
		sum.add(int64(len(m.Slots)) * layout.DescriptorSize)
	}
	for i := range m.Slots {
		entry, slot := &m.Slots[i], &f.Slots[i]
		chain, err := ParseChain(entry.Operations)
		if err != nil {
			return nil, err
		}
		digest, _ := fullDigest(entry.Checksum)
		sum.align(f.Alignment)
		r.Slots = append(r.Slots, Slot{
			Position: i, Entry: entry, Flavor: slot, Offset: sum.at, Size: entry.Size, Chain: chain, Digest: digest, HasDigest: true,
		})
		sum.add(entry.Size)
		if sum.over {
			break
		}
		if r.Slots[i].OriginalSize() > layout.MaxInteger {
			sum.over = true
		}
	}
	r.TrailerOffset = sum.at
	sum.add(layout.TrailerSize)
	if sum.over {
		return nil, code.New(code.PspfLimit, "the sizes in the signed metadata add up to more than 2^53 - 1")
	}
	for i := range r.Slots {
		descriptor, err := renderDescriptor(&r.Slots[i])
		if err != nil {
			return nil, err
		}
		r.Table = append(r.Table, descriptor[:]...)
	}
	r.renderTrailer(f, key, signature)
	return r, nil
}

// adder adds sizes that nobody compared with anything yet.
type adder struct {
	at   int64
	over bool
}

func (a *adder) add(n int64) {
	if a.over || n > layout.MaxInteger-a.at {
		a.over = true
		return
	}
	a.at += n
}

func (a *adder) align(to int64) { a.add((to - a.at%to) % to) }

// storedGzip is the one form in which metadata is stored (§8, 1).
func storedGzip(document []byte) []byte {
	out := make([]byte, 0, len(document)+5*(len(document)/layout.StoredBlock+1)+18)
	out = append(out, 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff)
	for rest := document; ; {
		block := rest[:min(len(rest), layout.StoredBlock)]
		rest = rest[len(block):]
		final := byte(0)
		if len(rest) == 0 {
			final = 1
		}
		out = append(out, final)
		out = binary.LittleEndian.AppendUint16(out, uint16(len(block)))
		out = binary.LittleEndian.AppendUint16(out, ^uint16(len(block)))
		out = append(out, block...)
		if final == 1 {
			break
		}
	}
	out = binary.LittleEndian.AppendUint32(out, crc32.ChecksumIEEE(document))
	return binary.LittleEndian.AppendUint32(out, uint32(len(document)))
}

func renderDescriptor(slot *Slot) (d [layout.DescriptorSize]byte, err error) {
	permissions, ok := Permissions(slot.Entry.Permissions)
	if !ok {
		return d, code.New(code.PspfMetadataModel, "the signed metadata: the permissions of slot "+decimal(slot.Position)+
			" are not octal digits up to 0777: `"+shown(*slot.Entry.Permissions)+"`")
	}
	id := uint64(slot.Position)
	// The original's Rust launcher takes descriptors that begin like JSON or gzip for these.
	if id&0xff == 0x7b || id&0xffff == 0x8b1f {
		id ^= 0x1_0000_0080
	}
	put := func(field int, value uint64) { binary.LittleEndian.PutUint64(d[field:], value) }
	name := sha256.Sum256([]byte(slot.Entry.ID))
	put(layout.DescriptorID, id)
	copy(d[layout.DescriptorNameHash:], name[:8])
	put(layout.DescriptorOffset, uint64(slot.Offset))
	put(layout.DescriptorStored, uint64(slot.Size))
	put(layout.DescriptorOriginalSize, uint64(slot.OriginalSize()))
	put(layout.DescriptorOperations, slot.Chain.Packed())
	copy(d[layout.DescriptorChecksum:], slot.Digest[:8])
	d[layout.DescriptorPurpose] = purposeCode(slot.Entry.Purpose)
	d[layout.DescriptorLifecycle] = lifecycleCode(slot.Entry.Lifecycle)
	d[layout.DescriptorPriority] = 1
	binary.LittleEndian.PutUint16(d[layout.DescriptorPermissions:], permissions)
	return d, nil
}

// Permissions reads the octal permissions of an entry; absent ones are 0644 (§3).
func Permissions(text *string) (mode uint16, ok bool) {
	if text == nil {
		return 0o644, true
	}
	read, ok := Octal(*text)
	if !ok || read > 0o777 {
		return 0, false
	}
	return uint16(read), true
}

// Octal reads octal digits, also behind `0o`. Of a number above 0777 the last three digits stay, above them 01000.
func Octal(text string) (number uint32, ok bool) {
	digits := strings.TrimPrefix(text, "0o")
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '7' {
			return 0, false
		}
		if number = number<<3 | uint32(digits[i]-'0'); number > 0o777 {
			number = number&0o777 | 0o1000
		}
	}
	return number, digits != ""
}

func purposeCode(word string) byte {
	switch word {
	case "code":
		return 1
	case "config":
		return 2
	case "media":
		return 3
	}
	return 0
}

func lifecycleCode(word string) byte {
	switch word {
	case "init":
		return 0
	case "startup":
		return 1
	case "shutdown":
		return 3
	case "cache", "cached":
		return 4
	case "temporary", "temp", "volatile":
		return 5
	case "lazy":
		return 6
	case "eager":
		return 7
	case "dev":
		return 8
	case "config":
		return 9
	case "platform":
		return 10
	case "attestation":
		return 11
	}
	return 2
}

func (r *Rendering) renderTrailer(f *Flavor, key *[layout.PublicKeySize]byte, signature *[layout.SignatureSize]byte) {
	copy(r.Trailer[:], layout.StartMarker)
	copy(r.Trailer[layout.MarkerSize+layout.IndexSize:], layout.EndMarker)
	block := r.Trailer[layout.MarkerSize : layout.MarkerSize+layout.IndexSize]
	u32 := func(field int, value uint32) { binary.LittleEndian.PutUint32(block[field:], value) }
	u64 := func(field int, value int64) { binary.LittleEndian.PutUint64(block[field:], uint64(value)) }
	digest := sha256.Sum256(r.Metadata)
	fingerprint := sha256.Sum256(key[:])
	capabilities := int64(layout.CapabilityMappable | layout.CapabilitySigned)
	if f.Alignment != layout.DefaultAlignment {
		capabilities |= layout.CapabilityPageAligned
	}
	u32(layout.IndexFormatVersion, layout.FormatVersion)
	u64(layout.IndexPackageSize, r.TrailerOffset+layout.TrailerSize)
	u64(layout.IndexLauncherSize, f.Launcher.Size)
	u64(layout.IndexMetadataOffset, r.MetadataOffset)
	u64(layout.IndexMetadataSize, int64(len(r.Metadata)))
	u64(layout.IndexSlotTableOffset, r.TableOffset)
	u64(layout.IndexSlotTableSize, int64(len(r.Table)))
	u32(layout.IndexSlotCount, uint32(len(r.Slots)))
	copy(block[layout.IndexPublicKey:], key[:])
	copy(block[layout.IndexMetadataChecksum:], digest[:])
	copy(block[layout.IndexSignature:], signature[:])
	block[layout.IndexAccessMode] = layout.AccessMode
	block[layout.IndexCacheStrategy] = layout.CacheStrategy
	u32(layout.IndexPageSize, layout.PageSize)
	u64(layout.IndexMaxMemory, layout.MaxMemory)
	u64(layout.IndexMinMemory, layout.MinMemory)
	u32(layout.IndexStreamChunkSize, layout.StreamChunkSize)
	u64(layout.IndexCapabilities, capabilities)
	u32(layout.IndexCompatibility, layout.FormatVersion)
	u32(layout.IndexProtocolVersion, layout.ProtocolVersion)
	hex.Encode(block[layout.IndexAttestationKey:], fingerprint[:])
	u32(layout.IndexChecksum, indexChecksum(block))
}

// render compares the file with what it has to be, and takes the slots over.
func (p *Package) render(stored []byte) error {
	r, err := Render(p.document, p.metadata, p.flavor, &p.index.PublicKey, &p.index.Signature)
	if err != nil {
		return err
	}
	p.slots = r.Slots
	if err := p.compare(r, stored); err != nil {
		// The slots lie where the metadata determines it, whatever the slot table says; so a file that ends before that
		// is refused at every level (STORE.md 16.4).
		isShorter := p.index.PackageSize < r.TrailerOffset+layout.TrailerSize
		if !p.lax.Rendering || isShorter || code.Of(err) != code.PspfRendering {
			return err
		}
		p.putUp = append(p.putUp, err)
	}
	for i := range p.slots {
		if err := checkFrames(&p.slots[i]); err != nil {
			return err
		}
	}
	return nil
}

func (p *Package) compare(r *Rendering, stored []byte) error {
	x := p.index
	if end := r.TrailerOffset + layout.TrailerSize; end != x.PackageSize {
		return code.New(code.PspfRendering, expected("the file has another length than its signed metadata determines", decimal(x.PackageSize), decimal(end)))
	}
	if at := firstDifference(p.trailer[:], r.Trailer[:]); at >= 0 {
		return notRendered("the trailer", r.TrailerOffset+int64(at))
	}
	// The offsets and sizes of metadata and table are those of the rendering from here on: they are in the trailer.
	if at := firstDifference(stored, r.Metadata); at >= 0 {
		return notRendered("the stored metadata", r.MetadataOffset+int64(at))
	}
	table := make([]byte, len(r.Table))
	if err := readAt(p.src, table, r.TableOffset); err != nil {
		return err
	}
	if at := firstDifference(table, r.Table); at >= 0 {
		return notRendered("the slot table", r.TableOffset+int64(at))
	}
	end := r.MetadataOffset + int64(len(r.Metadata))
	if len(r.Table) > 0 {
		if err := p.gap(end, r.TableOffset); err != nil {
			return err
		}
		end = r.TableOffset + int64(len(r.Table))
	}
	for i := range r.Slots {
		if err := p.gap(end, r.Slots[i].Offset); err != nil {
			return err
		}
		end = r.Slots[i].Offset + r.Slots[i].Size
	}
	return nil
}

// gap checks that the bytes between two regions are zero. Alignment makes gaps shorter than 16 KiB.
func (p *Package) gap(from, to int64) error {
	if from == to {
		return nil
	}
	bytes := make([]byte, to-from)
	if err := readAt(p.src, bytes, from); err != nil {
		return err
	}
	for i, b := range bytes {
		if b != 0 {
			return notRendered("the gap between two regions", from+int64(i))
		}
	}
	return nil
}

func notRendered(what string, offset int64) error {
	return refuse(code.PspfRendering, offset, what+" is not what the signed metadata determines")
}

// firstDifference is where two texts differ, -1 where they do not.
func firstDifference(a, b []byte) int {
	if bytes.Equal(a, b) {
		return -1
	}
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
