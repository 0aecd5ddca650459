package builder

import (
	"compress/gzip"

	"github.com/klauspost/compress/zstd"
)

// level says how hard a slot is compressed (FORMAT.md §4): 3, 9 or 19.
type level int

// usualLevel is the one of a slot that states none.
const usualLevel level = 9

func (l level) known() bool { return l == 3 || l == 9 || l == 19 }

// gzip is the level of gzip, and of bzip2, which has the same.
func (l level) gzip() int {
	if l == 3 {
		return 3
	}
	return gzip.BestCompression
}

// xzWindow is the dictionary of the preset.
func (l level) xzWindow() int {
	switch l {
	case 3:
		return 4 << 20
	case 19:
		return 32 << 20
	default:
		return 8 << 20
	}
}

func (l level) zstd() zstd.EncoderLevel { return zstd.EncoderLevelFromZstd(int(l)) }

// leastContent is what the last frames of a tree may hold (FORMAT.md §9).
const leastContent = 1 << 20

// frameContent is what a writer lets a frame hold at most (FORMAT.md §9).
func (l level) frameContent() int {
	if l == 19 {
		return 8 << 20
	}
	return 4 << 20
}
