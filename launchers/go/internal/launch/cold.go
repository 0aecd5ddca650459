package launch

import (
	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/store/receipt"
)

func (s *Start) cold(doubted bool) error {
	return code.New(code.LaunchPanic, "cold starts are not wired yet")
}

func (s *Start) warmEachStart(found *receipt.Receipt) error { return s.cold(false) }
