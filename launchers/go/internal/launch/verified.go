package launch

import (
	"context"
	"strings"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/pspf"
	"flavorpack-native/launchers/go/internal/tell"
	"flavorpack-native/launchers/go/internal/trust"
	"flavorpack-native/launchers/go/internal/validation"
)

// The origin of a launcher (LAUNCH.md 13.12).
const (
	Vouched    = "unknown, vouched for by the signer"
	NotCovered = "not covered"
)

// verified is a package that was opened as the level of the start says, and whose signer may start it.
type verified struct {
	pkg *pspf.Package
	// signed: the signature holds, by the key that the metadata names.
	signed   bool
	sources  *trust.Files
	decision *trust.Decision
	// putUp are the names of the checks that failed and are put up with.
	putUp []string
}

// open opens the package as a level says (LAUNCH.md 4.2). The trailer is the one that the start has looked at.
func (s *Start) open(level validation.Level) (*verified, error) {
	begun := s.Opened
	lax := pspf.Tolerance{
		Rendering: level.Rendering() == validation.Tell,
		Signature: level.Signature() == validation.Tell,
		Digests:   level.Digests() == validation.Ignore,
	}
	opened, err := pspf.OpenWith(s.File, int64(s.Stat.Size), lax)
	if err != nil {
		return nil, err
	}
	if *opened.Trailer() != s.Trailer {
		return nil, code.New(code.LaunchChanged, "the trailer of the package is another one than before")
	}
	v := &verified{pkg: opened}
	v.signed = true
	for _, failure := range opened.PutUpWith() {
		name := putUpName(code.Of(failure))
		if name == "signature" || name == "signer-key" {
			v.signed = false
		}
		v.putUp = append(v.putUp, name)
	}
	s.Teller.Rename(opened.Metadata().Name)
	s.Log().Phase("open", begun)
	return v, nil
}

// checkTarget refuses packages for another platform or a newer system (LAUNCH.md 4.4). Foreign ones state none.
func checkTarget(p *pspf.Package) error {
	flavor := p.Flavor()
	if flavor == nil {
		return nil
	}
	target := flavor.Target
	if target.OS != OS || target.Arch != Arch {
		return code.New(code.LaunchTarget, "the package was built for "+target.OS+"_"+target.Arch+", this is "+OS+"_"+Arch)
	}
	if lack := lacking(target.Floor); lack != "" {
		return code.New(code.LaunchTarget, lack)
	}
	return nil
}

func putUpName(failed code.Code) string {
	switch failed {
	case code.PspfSignature:
		return "signature"
	case code.PspfSignerKey:
		return "signer-key"
	}
	return "rendering"
}

// trust makes the decision about the signer (LAUNCH.md 13). Nobody signed what a lowered start puts up with.
func (s *Start) trust(v *verified) error {
	var err error
	if v.sources, err = trust.Read(s.Lookup(), s.Opened); err != nil {
		return err
	}
	var key *[32]byte
	if v.signed {
		key = &v.pkg.Index().PublicKey
	}
	v.decision, err = v.sources.Decide(v.pkg.Metadata().Name, key, s.Opened)
	return err
}

// checkLauncher compares the launcher with its signed digest (LAUNCH.md 4.6). Foreign packages state none.
func (s *Start) checkLauncher(v *verified, level validation.Level) error {
	origin := NotCovered
	answer := level.Launcher()
	if v.pkg.Flavor() != nil && answer != validation.Ignore {
		err := v.pkg.VerifyLauncher(context.Background())
		switch {
		case err == nil:
			origin = Vouched
		case answer == validation.Refuse || code.Of(err) != code.PspfLauncherDigest:
			return err
		default:
			v.putUp = append(v.putUp, "launcher")
		}
	}
	if log := s.Log(); log.Tells(tell.Debug) {
		log.Line(tell.Debug, "launcher: "+origin)
	}
	return nil
}

// notices tells once what a cold start has to say of the package (LAUNCH.md 9.3, 13.9).
func (s *Start) notices(v *verified, level validation.Level) {
	if level.Lowered() {
		text := "FLAVOR_VALIDATION=" + level.String() + " lowers the checks of this start, which keeps nothing"
		if len(v.putUp) > 0 {
			text += "; put up with: " + strings.Join(v.putUp, ", ")
		}
		s.Teller.Notice(text)
	}
	if v.decision.PubliclyKnown {
		s.Teller.Notice("the package is signed with a publicly known key, so anybody can have made it")
	}
}
