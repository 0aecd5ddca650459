package trust

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"flavorpack-native/launchers/go/internal/code"
)

// Decision says why a package may start.
type Decision struct {
	Mode Mode
	// Pins are the names of the pins that let the package pass, with their files; none under integrity.
	Pins []string
	// Expiry is the earliest expiry among them, in seconds since 1970; 0: none (13.10).
	Expiry int64
	// PubliclyKnown: everybody can sign with the key (13.9). Under require such a package never gets here.
	PubliclyKnown bool
}

// Detail is the decision in words, for `verify` (13.11).
func (d *Decision) Detail() string {
	text := "mode " + d.Mode.String()
	if len(d.Pins) > 0 {
		text += ", pinned as " + strings.Join(d.Pins, ", ")
	}
	if d.PubliclyKnown {
		text += ", publicly known key"
	}
	return text
}

// Decide decides about a package by its name and its signer's raw public key; nil stands for nobody: a signature that a
// lowered start puts up with (13.1).
func (f *Files) Decide(name string, key *[32]byte, now time.Time) (*Decision, error) {
	decision := &Decision{Mode: f.Mode(), PubliclyKnown: key != nil && IsPubliclyKnown(key)}
	if decision.Mode == Integrity {
		return decision, nil
	}
	requiring := f.requiring()
	if key == nil {
		return nil, code.New(code.TrustSigner, "`"+requiring.Path+"` requires a pinned signer, and the signature of "+
			strconv.Quote(name)+" does not hold, so nobody signed it")
	}
	fingerprint := sha256.Sum256(key[:])
	signer := hex.EncodeToString(fingerprint[:])
	if decision.PubliclyKnown {
		return nil, code.New(code.TrustPublicKey, "the package "+strconv.Quote(name)+" is signed with the publicly known key "+
			signer+", and `"+requiring.Path+"` requires a pinned signer")
	}
	var about []string
	for at := range f.sources {
		from := &f.sources[at]
		for n := range from.document.pins {
			pin := &from.document.pins[n]
			reason := f.against(from, pin, name, fingerprint, now)
			if reason == "" {
				decision.Pins = append(decision.Pins, strconv.Quote(pin.name)+" in `"+from.Path+"`")
				if pin.expiry != 0 && (decision.Expiry == 0 || pin.expiry < decision.Expiry) {
					decision.Expiry = pin.expiry
				}
			} else if pin.fingerprint == fingerprint || pin.covers(name) {
				about = append(about, "the pin "+strconv.Quote(pin.name)+" in `"+from.Path+"` "+reason)
			}
		}
	}
	if len(decision.Pins) > 0 {
		return decision, nil
	}
	message := "`" + requiring.Path + "` requires a pinned signer, and " + signer + ", who signed " + strconv.Quote(name) +
		", is not pinned for it"
	for _, reason := range about {
		message += "; " + reason
	}
	return nil, code.New(code.TrustSigner, message)
}

// requiring is the first source that says `require`.
func (f *Files) requiring() *source {
	for at := range f.sources {
		if f.sources[at].document.mode == Require {
			return &f.sources[at]
		}
	}
	return nil
}

// against says why a pin does not let a package pass (13.8), or "".
func (f *Files) against(from *source, pin *pin, name string, fingerprint [32]byte, now time.Time) string {
	system := &f.sources[0]
	switch {
	case pin.fingerprint != fingerprint:
		return "is for the key " + hex.EncodeToString(pin.fingerprint[:])
	case !pin.covers(name):
		return "is for other packages: " + strings.Join(pin.packages, ", ")
	case pin.expiry != 0 && now.Unix() >= pin.expiry:
		return "expired on " + pin.expires
	case !from.system && system.document.mode == Require && !system.document.userKeys:
		return "does not count, as `" + system.Path + "` does not admit the user's keys"
	}
	return ""
}
