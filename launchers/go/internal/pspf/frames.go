package pspf

import (
	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/layout"
)

// checkFrames checks the frame table of a slot of ours (§9): it covers the slot exactly, and holds no number from
// which too much would be allocated.
func checkFrames(slot *Slot) error {
	frames := slot.Flavor.Frames
	wrong := func(message string) error {
		return code.New(code.PspfFrameTable, "the frame table of slot "+decimal(slot.Position)+": "+message)
	}
	if !slot.Chain.HasFrames() {
		if frames != nil {
			return wrong("there is one, and the chain `" + slot.Chain.String() + "` does not end with zstd")
		}
		return nil
	}
	if len(frames) == 0 {
		return wrong("it is missing or empty, and the chain `" + slot.Chain.String() + "` ends with zstd")
	}
	var stored, content adder
	for i := range frames {
		switch frame := &frames[i]; {
		case frame.Stored == 0:
			return wrong("frame " + decimal(i) + " has no bytes")
		case frame.Stored > layout.MaxFrameStored:
			return wrong(expected("frame "+decimal(i)+" is too long", decimal(frame.Stored), "at most 33 MiB"))
		case frame.Content > layout.MaxFrameContent:
			return wrong(expected("frame "+decimal(i)+" holds too much", decimal(frame.Content), "at most 32 MiB"))
		}
		stored.add(frames[i].Stored)
		content.add(frames[i].Content)
	}
	if stored.at != slot.Size {
		return wrong(expected("it does not cover the slot", decimal(stored.at)+" bytes", decimal(slot.Size)))
	}
	most := int64(layout.MaxUnpackedBytes)
	switch {
	case slot.Chain.IsFramedTree():
		most = slot.Flavor.Bytes + layout.FrameTarEnd + slot.Flavor.Members*layout.FrameTarPerMember
	case len(slot.Chain) == 1:
		most = slot.Flavor.Bytes
	}
	if content.at > most {
		return wrong(expected("its frames hold more than the slot can", decimal(content.at), "at most "+decimal(most)))
	}
	return nil
}

// Run is a sequence of frames that one worker decodes (§9): from First, Count of them, stored at Offset.
type Run struct {
	First, Count int
	Offset       int64
}

// Runs are the runs of a slot with frames. A frame belongs to the run of the frame before it exactly when that one
// may end inside a member.
func (s *Slot) Runs() []Run {
	var runs []Run
	offset := s.Offset
	frames := s.Flavor.Frames
	for i := range frames {
		if i > 0 && mayEndInside(frames[i-1].Content, i-1 == runs[len(runs)-1].First) {
			runs[len(runs)-1].Count++
		} else {
			runs = append(runs, Run{First: i, Count: 1, Offset: offset})
		}
		offset += frames[i].Stored
	}
	return runs
}

func mayEndInside(content int64, first bool) bool {
	return content > layout.SplitSize || content == layout.SplitSize && !first
}
