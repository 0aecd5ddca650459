package launch

import (
	"flavorpack-native/launchers/go/internal/store/place"
	"flavorpack-native/launchers/go/internal/store/receipt"
	"flavorpack-native/launchers/go/internal/tell"
	"flavorpack-native/launchers/go/internal/trust"
)

// FindReceipt looks for a valid receipt in each place that exists, in order (LAUNCH.md 3.1). It creates nothing.
func (s *Start) FindReceipt() (receipt.Answer, *place.Root) {
	lookup := s.Lookup()
	question := &receipt.Question{Package: s.asPackage(), Sources: trust.Paths(lookup), Now: s.Opened, Lookup: lookup}
	doubted := false
	last := "there is no place for a store"
	for _, path := range place.Paths(lookup) {
		root, err := place.Open(path)
		if err != nil {
			last = tell.Described(err)
			s.noReceipt(path, last)
			continue
		}
		answer := receipt.Find(root, question)
		if answer.Receipt != nil {
			return answer, root
		}
		s.noReceipt(path, answer.Reason)
		doubted = doubted || answer.Doubted
		last = answer.Reason
		root.Close()
	}
	return receipt.Answer{Doubted: doubted, Reason: last}, nil
}

func (s *Start) noReceipt(path, reason string) {
	if log := s.Log(); log.Tells(tell.Debug) {
		log.Line(tell.Debug, "no receipt in `"+path+"`: "+reason)
	}
}

// warm starts what a receipt vouches for (LAUNCH.md 3).
func (s *Start) warm(found *receipt.Receipt, root *place.Root) error {
	if log := s.Log(); log.Tells(tell.Info) {
		log.Line(tell.Info, "warm start: receipt of `"+found.Workenv()+"`")
	}
	found.Stamp(s.Opened)
	s.Teller.Rename(found.PackageName())
	if found.EachStart() {
		return s.warmEachStart(found, root)
	}
	chosen, err := s.chooser().choose(found.Len(), found.CommandName, found.Default())
	if err != nil {
		return err
	}
	command := found.Command(chosen)
	program, err := s.make(&command, found.Workenv(), s.Arguments)
	if err != nil {
		return err
	}
	s.Log().Phase("start", s.Begun)
	return program.replace(found.Hold)
}
