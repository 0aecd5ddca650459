// Package gate hands a compressed stream through to its decoder and lets somebody look at its headers first: what a
// format does not allow is refused before a decoder sees it.
//
// It knows no format. What blocks hold, and whether they can be decoded, is the decoder's business.
package gate

import (
	"bufio"
	"io"
)

// Gate is a reader of what it lets through.
type Gate struct {
	In *bufio.Reader
	// Next looks at the next header: it sets Pending and Left, or returns why the stream ends here. It is called when
	// there is nothing of either left.
	Next func() error
	// Pending are header bytes that the decoder gets next.
	Pending []byte
	// Left is how many bytes go through behind them without a look.
	Left int64

	err error
}

// Read gives the bytes that were let through.
func (g *Gate) Read(into []byte) (int, error) {
	for g.err == nil {
		switch {
		case len(g.Pending) > 0:
			n := copy(into, g.Pending)
			g.Pending = g.Pending[n:]
			return n, nil
		case g.Left > 0:
			n, err := g.In.Read(into[:min(int64(len(into)), g.Left)])
			g.Left -= int64(n)
			if err != nil {
				g.err = Unexpected(err)
			}
			if n > 0 {
				return n, nil
			}
		default:
			g.err = g.Next()
		}
	}
	return 0, g.err
}

// Fill reads a header, or a part of it, whole.
func (g *Gate) Fill(header []byte) error {
	_, err := io.ReadFull(g.In, header)
	return Unexpected(err)
}

// Unexpected is err, or what it is that an input ended inside a stream.
func Unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
