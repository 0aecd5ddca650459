// Package validation names what one start puts up with (LAUNCH.md 9, STORE.md 16).
//
// It answers the questions of the table of STORE.md 16.1 and nothing else. It does not say who may lower validation:
// tools never do (LAUNCH.md 9.3), and what a lowered start keeps is nothing, whatever the level (S3).
package validation

// Level is a value of FLAVOR_VALIDATION.
type Level uint8

// The levels from the strictest to the one that looks at least. Strict is the zero value, and the default.
const (
	Strict Level = iota
	Full
	Standard
	Relaxed
	Minimal
	None
)

var names = [...]string{Strict: "strict", Full: "full", Standard: "standard", Relaxed: "relaxed", Minimal: "minimal", None: "none"}

// Parse reads a value of the variable; unset and empty mean strict.
func Parse(text string) (Level, bool) {
	if text == "" {
		return Strict, true
	}
	for level, name := range names {
		if name == text {
			return Level(level), true
		}
	}
	return Strict, false
}

// String gives the word of the variable.
func (l Level) String() string { return names[l] }

// Lowered says whether a start of this level keeps nothing.
func (l Level) Lowered() bool { return l >= Standard }

// Answer is what a start does about something that is wrong.
type Answer uint8

// The answers of the table.
const (
	Refuse Answer = iota // the start ends
	Tell                 // the start says so and goes on
	Ignore               // nothing is looked at
)

// Rendering answers for bytes that the signed metadata determines (S6).
func (l Level) Rendering() Answer {
	if l.Lowered() {
		return Tell
	}
	return Refuse
}

// Launcher answers for the digest of the launcher.
func (l Level) Launcher() Answer {
	switch l {
	case Standard, Relaxed:
		return Tell
	case Minimal, None:
		return Ignore
	default:
		return Refuse
	}
}

// Signature answers for the signature and for a key that the metadata does not name.
func (l Level) Signature() Answer {
	if l >= Relaxed {
		return Tell
	}
	return Refuse
}

// Digests answers for the digests of frames and slots, and for a foreign slot that states none in full.
func (l Level) Digests() Answer {
	if l >= Minimal {
		return Ignore
	}
	return Refuse
}
