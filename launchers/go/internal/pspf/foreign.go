package pspf

import (
	"encoding/binary"
	"sort"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/layout"
)

// foreignSlots reads the slot table of a package of another builder (§12, 5 to 9): offset, size and operations of each
// descriptor, which no signature covers.
func (p *Package) foreignSlots() ([]Slot, error) {
	x := p.index
	if len(p.metadata.Slots) > x.SlotCount {
		return nil, refuse(code.PspfIndex, x.SlotTableOffset,
			expected("the slot table has fewer slots than the metadata", decimal(x.SlotCount), decimal(len(p.metadata.Slots))))
	}
	table := make([]byte, x.SlotTableSize)
	if err := readAt(p.src, table, x.SlotTableOffset); err != nil {
		return nil, err
	}
	first := x.SlotTableOffset + x.SlotTableSize
	if x.SlotCount == 0 {
		first = x.MetadataOffset + x.MetadataSize
	}
	all := make([]Slot, x.SlotCount)
	for i := range all {
		descriptor := table[i*layout.DescriptorSize:]
		at := x.SlotTableOffset + int64(i)*layout.DescriptorSize
		offset := binary.LittleEndian.Uint64(descriptor[layout.DescriptorOffset:])
		size := binary.LittleEndian.Uint64(descriptor[layout.DescriptorStored:])
		chain, err := UnpackChain(binary.LittleEndian.Uint64(descriptor[layout.DescriptorOperations:]))
		if err != nil {
			return nil, err
		}
		if size > 0 && (offset < uint64(first) || offset > uint64(x.TrailerOffset()) || size > uint64(x.TrailerOffset())-offset) {
			return nil, refuse(code.PspfRegion, at+layout.DescriptorOffset,
				expected("slot "+decimal(i)+" leaves the place of slots", decimal(size)+" bytes at "+decimal(offset), "between "+decimal(first)+" and "+decimal(x.TrailerOffset())))
		}
		all[i] = Slot{Position: i, Size: int64(size), Chain: chain}
		if size > 0 {
			all[i].Offset = int64(offset)
		}
	}
	if err := disjoint(all); err != nil {
		return nil, err
	}
	slots := all[:len(p.metadata.Slots)]
	for i := range slots {
		slots[i].Entry = &p.metadata.Slots[i]
		slots[i].Digest, slots[i].HasDigest = fullDigest(slots[i].Entry.Checksum)
	}
	return slots, nil
}

// disjoint refuses slots that share a byte.
func disjoint(all []Slot) error {
	sorted := make([]*Slot, 0, len(all))
	for i := range all {
		if all[i].Size > 0 {
			sorted = append(sorted, &all[i])
		}
	}
	sort.Slice(sorted, func(i, j int) bool { return sorted[i].Offset < sorted[j].Offset })
	for i := 1; i < len(sorted); i++ {
		if before := sorted[i-1]; sorted[i].Offset < before.Offset+before.Size {
			return refuse(code.PspfRegion, sorted[i].Offset,
				"slots "+decimal(before.Position)+" and "+decimal(sorted[i].Position)+" overlap")
		}
	}
	return nil
}
