package tool

import (
	"context"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/launch"
	"flavorpack-native/launchers/go/internal/layout"
	"flavorpack-native/launchers/go/internal/pspf"
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
	opened, last, err := pspf.OpenSteps(s.start.File, int64(s.start.Stat.Size))
	if err == nil {
		s.took(opened)
	}
	for _, step := range stepsBefore(last) {
		detail := "as it must be"
		if err == nil {
			detail = s.opened(step)
		}
		if !add(string(step), detail, nil) {
			return
		}
	}
	if err != nil {
		add(string(last), "", err)
		return
	}
	if !add(string(last), s.opened(last), nil) {
		return
	}
	detail, err := s.launcherOrigin(context.Background())
	if !add("launcher", detail, err) {
		return
	}
	if !s.slotChecks(add) {
		return
	}
	if err := s.start.Unchanged(); err != nil {
		add("file", "", err)
		return
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

// slotChecks compares the digests of slots, after it looked whether a foreign package has all of them.
func (s *session) slotChecks(add func(name, detail string, err error) bool) bool {
	slots := s.pkg.Slots()
	if s.isForeign() {
		var without error
		for n := range slots {
			if slot := &slots[n]; !slot.HasDigest && !isUnchecked(slot) && without == nil {
				without = code.New(code.PspfForeign, "the signed metadata has no full SHA-256 of "+launch.SlotTitle(n, slot))
			}
		}
		if !add("slots", "each has a full SHA-256", without) {
			return false
		}
	}
	for n := range slots {
		detail := number(slots[n].Size) + " bytes as signed"
		var err error
		if isUnchecked(&slots[n]) {
			detail = "not checked, the signed metadata has no full SHA-256 of it"
		} else {
			err = s.pkg.VerifyStored(context.Background(), n)
		}
		if !add(launch.SlotTitle(n, &slots[n]), detail, err) {
			return false
		}
	}
	return true
}

// isUnchecked tells a slot that no start unpacks, and that needs no digest therefore (STORE.md 8.8).
func isUnchecked(slot *pspf.Slot) bool {
	return !slot.HasDigest && (slot.Entry.ID == "_attestation" || slot.Entry.SelfRef && slot.Size == 0)
}

// stepsBefore are the steps of opening that held if one of them was the last.
func stepsBefore(last pspf.Step) []pspf.Step {
	ours := []pspf.Step{pspf.StepTrailer, pspf.StepIndex, pspf.StepMetadata, pspf.StepSignature, pspf.StepJSON, pspf.StepSignerKey, pspf.StepRendering}
	if last == pspf.StepSlotTable {
		return ours[:5]
	}
	return ours[:slices.Index(ours, last)]
}

// opened describes a step that held.
func (s *session) opened(step pspf.Step) string {
	x := s.pkg.Index()
	switch step {
	case pspf.StepTrailer:
		return "at byte " + number(x.TrailerOffset()) + " of " + number(x.PackageSize)
	case pspf.StepIndex:
		return number(int64(x.SlotCount)) + " slots, " + number(x.PackageSize) + " bytes"
	case pspf.StepMetadata:
		return number(x.MetadataSize) + " bytes stored, " + number(int64(len(s.pkg.JSON()))) + " bytes of JSON"
	case pspf.StepSignature:
		signer := s.pkg.Signer()
		return "Ed25519, key " + hex.EncodeToString(signer[:])
	case pspf.StepJSON:
		return s.pkg.Metadata().Name + " " + s.pkg.Metadata().Version
	case pspf.StepSignerKey:
		return "the signed metadata names this key"
	case pspf.StepSlotTable:
		return number(x.SlotTableSize) + " bytes, which no signature covers"
	default:
		return number(x.MetadataSize+x.SlotTableSize+layout.TrailerSize) + " bytes as the signature determines them"
	}
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
