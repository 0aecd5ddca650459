package tool

import (
	"context"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/launch"
	"flavorpack-native/launchers/go/internal/layout"
	"flavorpack-native/launchers/go/internal/tell"
	"flavorpack-native/launchers/go/internal/trust"
)

// check is one line of `verify`.
type check struct {
	name, detail string
	failed       error
}

// verify checks every byte of the file, until the first failure.
func verify(s *session) error {
	var checks []check
	var failure error
	add := func(name, detail string, err error) bool {
		if err != nil {
			detail, failure = tell.Described(err), err
		}
		made := check{name, detail, err}
		checks = append(checks, made)
		if !s.json() {
			if said := s.say(made.line()); said != nil && failure == nil {
				failure = said
			}
		}
		return failure == nil
	}
	s.checks(add)
	if s.json() {
		listed := make([]*object, len(checks))
		for n := range checks {
			listed[n] = checks[n].object()
		}
		if err := s.print(record("verify").truth("ok", failure == nil).objects("checks", listed)); err != nil {
			return err
		}
	}
	return failure
}

func (c *check) line() string {
	state := "ok     "
	if c.failed != nil {
		state = "FAILED "
	}
	return state + c.name + strings.Repeat(" ", max(1, 21-len(c.name))) + c.detail
}

func (c *check) object() *object {
	o := part().string("name", c.name).truth("ok", c.failed == nil).string("detail", c.detail)
	if c.failed != nil {
		o.string("code", string(tell.Coded(c.failed)))
	}
	return o
}

// checks makes the checks one after another; add says whether to go on.
func (s *session) checks(add func(name, detail string, err error) bool) {
	if err := s.open(); err != nil {
		// Opening stops at the first failure; what it says tells how far it came.
		failed := stepOf(tell.Coded(err))
		for _, name := range openingSteps {
			if name == failed {
				add(name, "", err)
				return
			}
			if !add(name, "as it must be", nil) {
				return
			}
		}
		add(failed, "", err)
		return
	}
	for _, name := range openingSteps {
		if detail := s.opened(name); detail != "" && !add(name, detail, nil) {
			return
		}
	}
	detail, err := s.launcherOrigin(context.Background())
	if !add("launcher", detail, err) {
		return
	}
	slots := s.pkg.Slots()
	for n := range slots {
		if !add(launch.SlotTitle(n, &slots[n]), strconv.FormatInt(slots[n].Size, 10)+" bytes as signed", s.pkg.VerifyStored(context.Background(), n)) {
			return
		}
	}
	decision, err := s.decide()
	if err != nil {
		add("trust", "", err)
		return
	}
	if decision.PubliclyKnown {
		// For `verify` it is a failure in every mode (LAUNCH.md 13.9).
		add("trust", "", code.New(code.TrustPublicKey, "the package is signed with a publicly known key"))
		return
	}
	add("trust", decision.Detail(), nil)
}

// The steps of opening a package (FORMAT.md 12), as `flavor verify` names them.
var openingSteps = [...]string{"trailer", "index", "metadata", "signature", "json", "signer-key", "rendering"}

// stepOf names the step of opening that ends with a code.
func stepOf(failed code.Code) string {
	switch failed {
	case code.PspfNotAPackage, code.PspfIO:
		return "trailer"
	case code.PspfMetadataChecksum, code.PspfMetadataGzip:
		return "metadata"
	case code.PspfSignature:
		return "signature"
	case code.PspfMetadataJson, code.PspfMetadataModel, code.PspfOperations:
		return "json"
	case code.PspfSignerKey:
		return "signer-key"
	case code.PspfRendering, code.PspfFrameTable:
		return "rendering"
	}
	return "index"
}

// opened describes a step that held; empty for one that a foreign package does not have.
func (s *session) opened(step string) string {
	x := s.pkg.Index()
	switch step {
	case "trailer":
		return "at byte " + number(x.TrailerOffset()) + " of " + number(x.PackageSize)
	case "index":
		return number(int64(x.SlotCount)) + " slots, " + number(x.PackageSize) + " bytes"
	case "metadata":
		return number(x.MetadataSize) + " bytes stored, " + number(int64(len(s.pkg.JSON()))) + " bytes of JSON"
	case "signature":
		signer := s.pkg.Signer()
		return "Ed25519, key " + hex.EncodeToString(signer[:])
	case "json":
		return s.pkg.Metadata().Name + " " + s.pkg.Metadata().Version
	}
	if s.isForeign() {
		return ""
	}
	if step == "signer-key" {
		return "the signed metadata names this key"
	}
	return number(x.MetadataSize+x.SlotTableSize+layout.TrailerSize) + " bytes as the signature determines them"
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

// launcherOrigin compares the launcher with its signed digest and says where it is from (LAUNCH.md 13.12).
func (s *session) launcherOrigin(ctx context.Context) (string, error) {
	if s.isForeign() {
		return "not covered: the signed metadata names none", nil
	}
	if err := s.pkg.VerifyLauncher(ctx); err != nil {
		return "", err
	}
	return launch.Vouched, nil
}

// decide makes the decision of a start about the package's signer (LAUNCH.md 13).
func (s *session) decide() (*trust.Decision, error) {
	now := time.Now()
	files, err := trust.Read(s.start.Lookup(), now)
	if err != nil {
		return nil, err
	}
	key := s.pkg.Index().PublicKey
	return files.Decide(s.pkg.Metadata().Name, &key, now)
}
