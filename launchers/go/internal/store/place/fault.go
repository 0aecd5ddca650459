package place

import (
	"errors"
	"syscall"

	"flavorpack-native/launchers/go/internal/code"
)

// Fault is a call of the system that failed on something of the store. What has a code already keeps it; a full disk
// has its own.
func Fault(message string, err error) error {
	var known *code.Error
	if errors.As(err, &known) {
		return err
	}
	if err == syscall.ENOSPC || err == syscall.EDQUOT {
		return code.Wrap(code.StoreSpace, message, err)
	}
	return code.Wrap(code.StoreIO, message, err)
}
