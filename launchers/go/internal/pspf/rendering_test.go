package pspf

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/layout"
)

func threeSlots(t *testing.T) []byte {
	t.Helper()
	file, err := os.ReadFile(filepath.Join(vectorsFolder, "packages", "rendering-three-slots.pspf"))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// rechecked makes length and checksum of an index block fit again.
func rechecked(file []byte) []byte {
	block := file[len(file)-layout.TrailerSize+layout.MarkerSize:][:layout.IndexSize]
	binary.LittleEndian.PutUint64(block[layout.IndexPackageSize:], uint64(len(file)))
	binary.LittleEndian.PutUint32(block[layout.IndexChecksum:], indexChecksum(block))
	return file
}

func openLax(file []byte) (*Package, error) {
	return OpenWith(bytes.NewReader(file), int64(len(file)), Tolerance{Rendering: true})
}

func TestSlotsLieWhereTheMetadataDeterminesItWhateverTheTableSays(t *testing.T) {
	file := threeSlots(t)
	strict, err := Open(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	table := strict.Index().SlotTableOffset
	binary.LittleEndian.PutUint64(file[table+layout.DescriptorOffset:], uint64(strict.Slots()[1].Offset))
	binary.LittleEndian.PutUint64(file[table+layout.DescriptorSize+layout.DescriptorOffset:], 1<<62)
	lax, err := openLax(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(lax.PutUpWith()) != 1 || code.Of(lax.PutUpWith()[0]) != code.PspfRendering {
		t.Errorf("put up with %v", lax.PutUpWith())
	}
	for n := range lax.Slots() {
		if got, want := lax.Slots()[n].Offset, strict.Slots()[n].Offset; got != want {
			t.Errorf("slot %d lies at %d, expected %d", n, got, want)
		}
		if err := lax.VerifyStored(t.Context(), n); err != nil {
			t.Errorf("slot %d: %v", n, err)
		}
	}
}

func TestAFileThatIsShorterThanItsMetadataDeterminesIsRefusedAtEveryLevel(t *testing.T) {
	file := threeSlots(t)
	at := len(file) - layout.TrailerSize
	for name, c := range map[string]struct {
		file    []byte
		refused bool
	}{
		"a byte less":     {slices.Delete(slices.Clone(file), at-1, at), true},
		"without a slot":  {slices.Delete(slices.Clone(file), at-8, at), true},
		"a byte too much": {slices.Insert(slices.Clone(file), at, 0), false},
	} {
		_, err := openLax(rechecked(c.file))
		if got := outcome(err); (got == string(code.PspfRendering)) != c.refused || (err != nil) != c.refused {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestStoredMetadataIsLimitedBeforeItIsRead(t *testing.T) {
	for stored, want := range map[uint64]string{8396800: "ok", 8396801: string(code.PspfLimit)} {
		var trailer Trailer
		file := threeSlots(t)
		copy(trailer[:], file[len(file)-layout.TrailerSize:])
		block := trailer[layout.MarkerSize : layout.MarkerSize+layout.IndexSize]
		size := int64(64 << 20)
		binary.LittleEndian.PutUint64(block[layout.IndexPackageSize:], uint64(size))
		binary.LittleEndian.PutUint64(block[layout.IndexMetadataSize:], stored)
		binary.LittleEndian.PutUint64(block[layout.IndexSlotTableOffset:], 32<<20)
		binary.LittleEndian.PutUint32(block[layout.IndexChecksum:], indexChecksum(block))
		if _, err := parseIndex(&trailer, size); outcome(err) != want {
			t.Errorf("%d bytes: got %v, expected %s", stored, err, want)
		}
	}
}
