package pspf

import (
	"strings"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/layout"
)

// Operation is one stage of a chain, by its code in the slot table (FORMAT.md §4).
type Operation byte

// The operations.
const (
	Tar   Operation = 0x01
	Gzip  Operation = 0x10
	Bzip2 Operation = 0x13
	Xz    Operation = 0x16
	Zstd  Operation = 0x1B
)

var operationNames = [...]struct {
	name  string
	chain []Operation
}{
	{"tar", []Operation{Tar}},
	{"gzip", []Operation{Gzip}}, {"gz", []Operation{Gzip}},
	{"bzip2", []Operation{Bzip2}}, {"bz2", []Operation{Bzip2}},
	{"xz", []Operation{Xz}},
	{"zstd", []Operation{Zstd}}, {"zst", []Operation{Zstd}},
	{"tar.gz", []Operation{Tar, Gzip}}, {"tgz", []Operation{Tar, Gzip}},
	{"tar.bz2", []Operation{Tar, Bzip2}}, {"tbz2", []Operation{Tar, Bzip2}},
	{"tar.xz", []Operation{Tar, Xz}}, {"txz", []Operation{Tar, Xz}},
	{"tar.zst", []Operation{Tar, Zstd}}, {"tzst", []Operation{Tar, Zstd}},
}

// String is the canonical name.
func (o Operation) String() string {
	for _, known := range operationNames {
		if len(known.chain) == 1 && known.chain[0] == o {
			return known.name
		}
	}
	return "?"
}

// Chain is the operations of a slot in the order in which they were applied; none is raw.
type Chain []Operation

// ParseChain reads the text form of a chain.
func ParseChain(text string) (Chain, error) {
	folded := strings.ToLower(text)
	if folded == "" || folded == "raw" || folded == "none" {
		return nil, nil
	}
	var chain Chain
words:
	for _, word := range strings.FieldsFunc(gaps(folded), separates) {
		for _, known := range operationNames {
			if known.name == word {
				chain = append(chain, known.chain...)
				continue words
			}
		}
		return nil, refuseChain(text, "the word `"+shown(strings.TrimPrefix(word, gap))+"` is no operation that has a place here")
	}
	return chain, chain.check(text)
}

// gap stands for an empty word between two separators, which FieldsFunc would pass over.
const gap = "\x00"

func separates(r rune) bool { return r == '|' || r == ',' }

func gaps(text string) string {
	var out strings.Builder
	empty := true
	for _, r := range text {
		if separates(r) && empty {
			out.WriteString(gap)
		}
		out.WriteRune(r)
		empty = separates(r)
	}
	if empty {
		out.WriteString(gap)
	}
	return out.String()
}

// UnpackChain reads the packed form of a chain: the first operation in the lowest byte.
func UnpackChain(packed uint64) (Chain, error) {
	var chain Chain
	for rest := packed; rest != 0; rest >>= 8 {
		operation := Operation(rest & 0xff)
		if operation.String() == "?" {
			return nil, refuseChain(hexadecimal(packed), "the byte "+hexadecimal(uint64(operation))+" is no operation that has a place here")
		}
		chain = append(chain, operation)
	}
	return chain, chain.check(hexadecimal(packed))
}

func (c Chain) check(text string) error {
	if len(c) > layout.MaxOperations {
		return refuseChain(text, "it has more than 8 operations")
	}
	for i, operation := range c {
		if operation == Tar && i > 0 {
			return refuseChain(text, "tar stands behind another operation")
		}
	}
	return nil
}

func refuseChain(text, reason string) error {
	return code.New(code.PspfOperations, "the operation chain `"+shown(text)+"` cannot be undone: "+reason)
}

// Packed is the form of the slot table.
func (c Chain) Packed() uint64 {
	var packed uint64
	for i, operation := range c {
		packed |= uint64(operation) << (8 * i)
	}
	return packed
}

// String is the canonical spelling.
func (c Chain) String() string {
	switch {
	case len(c) == 0:
		return "raw"
	case len(c) == 2 && c[0] == Tar:
		switch c[1] {
		case Gzip:
			return "tar.gz"
		case Bzip2:
			return "tar.bz2"
		case Xz:
			return "tar.xz"
		case Zstd:
			return "tar.zst"
		case Tar:
		}
	}
	names := make([]string, len(c))
	for i, operation := range c {
		names[i] = operation.String()
	}
	return strings.Join(names, "|")
}

// HasTree reports whether what the chain holds is an archive.
func (c Chain) HasTree() bool { return len(c) > 0 && c[0] == Tar }

// HasFrames reports whether a slot of ours with this chain has a frame table.
func (c Chain) HasFrames() bool { return len(c) > 0 && c[len(c)-1] == Zstd }

// IsFramedTree reports whether the chain is tar.zst, whose frames are cut at members.
func (c Chain) IsFramedTree() bool { return len(c) == 2 && c[0] == Tar && c[1] == Zstd }
