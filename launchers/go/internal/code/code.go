// Package code holds the error codes of the project and the one type that carries them.
//
// It guarantees that every failure of this module has a code of crates/pspf/errors.json, and that an exit code is
// decided by the code and never by the text. It deliberately prints nothing and knows no format.
package code

import (
	"errors"
	"strconv"
)

//go:generate go run generate.go

// Code is the stable name of a failure.
type Code string

// row is what errors.json says of a code.
type row struct {
	code     Code
	cli      uint8
	launcher uint8
	hint     string
}

func (c Code) row() *row {
	low, high := 0, len(rows)
	for low < high {
		middle := (low + high) / 2
		if rows[middle].code < c {
			low = middle + 1
		} else {
			high = middle
		}
	}
	if low < len(rows) && rows[low].code == c {
		return &rows[low]
	}
	return nil
}

// Known reports whether errors.json has the code.
func (c Code) Known() bool { return c.row() != nil }

// Launcher is the exit code of a launcher that stops with c; 101 for a code that is in no table.
func (c Code) Launcher() int {
	if r := c.row(); r != nil {
		return int(r.launcher)
	}
	return 101
}

// CLI is the exit code of `flavor` for c; 70 for a code that is in no table.
func (c Code) CLI() int {
	if r := c.row(); r != nil {
		return int(r.cli)
	}
	return 70
}

// Hint is the next step that errors.json names for c, or "".
func (c Code) Hint() string {
	if r := c.row(); r != nil {
		return r.hint
	}
	return ""
}

// Error is a failure with a code. Its text never contains the text of its cause: whoever prints it decides.
type Error struct {
	Code    Code
	Message string
	// Offset is the byte of the file, or of the signed JSON where the message says so; nil where no byte is meant.
	Offset *int64
	// Hint replaces that of the code where it is not empty.
	Hint  string
	Cause error
}

// New returns an error without offset and cause.
func New(c Code, message string) *Error { return &Error{Code: c, Message: message} }

// At returns an error about the byte at offset.
func At(c Code, offset int64, message string) *Error {
	return &Error{Code: c, Message: message, Offset: &offset}
}

// Wrap returns an error that cause led to.
func Wrap(c Code, message string, cause error) *Error {
	return &Error{Code: c, Message: message, Cause: cause}
}

// Error is the message, with the offset where there is one.
func (e *Error) Error() string {
	if e.Offset != nil {
		return e.Message + " (byte " + strconv.FormatInt(*e.Offset, 10) + ")"
	}
	return e.Message
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// NextStep is the hint of this error, or else that of its code.
func (e *Error) NextStep() string {
	if e.Hint != "" {
		return e.Hint
	}
	return e.Code.Hint()
}

// Of is the code of the first *Error in the chain of err, or "" where there is none.
func Of(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}
