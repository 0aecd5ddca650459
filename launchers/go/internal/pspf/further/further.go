// Package further undoes bzip2 and xz, which launchers refuse (LAUNCH.md 16.9) and builders write.
//
// A program that calls [Learn] reads slots of every chain. One that does not has neither decoder in it, nor the tables
// that they make whenever a program begins.
package further

import (
	"bufio"
	"compress/bzip2"
	"io"

	"github.com/ulikunitz/xz"

	"flavorpack-native/launchers/go/internal/pspf"
)

// ahead is how far the xz decoder reads from its gate.
const ahead = 64 << 10

// Learn makes the reader undo bzip2 and xz too. It is called once, before anything is read.
func Learn() {
	pspf.Learn(pspf.Bzip2, func(in *bufio.Reader) (io.Reader, error) { return bzip2.NewReader(in), nil })
	pspf.Learn(pspf.Xz, func(in *bufio.Reader) (io.Reader, error) {
		return xz.NewReader(bufio.NewReaderSize(newXzGate(in), ahead))
	})
}
