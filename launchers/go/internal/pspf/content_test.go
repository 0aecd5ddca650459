package pspf

import (
	"bytes"
	"context"
	"testing"

	"flavorpack-native/launchers/go/internal/names"
)

// verify does what `flavor verify` does with a package of ours or of another builder.
func verify(file []byte, workers int) error {
	ctx := context.Background()
	p, err := Open(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return err
	}
	if p.Flavor() != nil {
		if err := p.VerifyLauncher(ctx); err != nil {
			return err
		}
	}
	trees := make([]*Tree, len(p.Slots()))
	for n := range p.Slots() {
		if p.Slots()[n].Entry.ID == "_attestation" {
			continue // nothing of it is executed (S21)
		}
		if err := p.VerifyStored(ctx, n); err != nil {
			return err
		}
	}
	for n := range p.Slots() {
		if p.Slots()[n].Entry.ID == "_attestation" {
			continue
		}
		if trees[n], err = p.VerifySlot(ctx, n, workers, names.Fold); err != nil {
			return err
		}
	}
	return p.JudgeComposition(trees, names.Fold)
}

func TestEveryVectorVerifiesAsTheTableSays(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			if testing.Short() && v.Name == "limit-ratio" {
				t.Skip("it decodes more than a GiB")
			}
			file := v.bytes(t)
			for _, workers := range []int{1, 3} {
				err := verify(file, workers)
				if got := outcome(err); got != v.Outcome {
					t.Errorf("%d workers: got %s (%v), expected %s", workers, got, err, v.Outcome)
				}
			}
		})
	}
}

// brokenSink breaks a rule of its own at the first content.
type brokenSink struct{ TarSink }

func (brokenSink) Begin(*Member) error { return nil }
func (brokenSink) Data([]byte) error   { panic("a broken sink") }
func (brokenSink) End() error          { return nil }

func TestAPanicOfAWorkerArisesWhereASlotIsDecoded(t *testing.T) {
	for _, v := range vectors(t) {
		if v.Name != "good-worked-example" {
			continue
		}
		file := v.bytes(t)
		p, err := Open(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		for _, workers := range []int{1, 4} {
			func() {
				defer func() {
					if got := recover(); got != "a broken sink" {
						t.Errorf("%d workers: decoding panicked with %v", workers, got)
					}
				}()
				_, err := p.DecodeSlot(t.Context(), 0, workers, func() TarSink { return brokenSink{} })
				t.Errorf("%d workers: decoding ended with %v", workers, err)
			}()
		}
		return
	}
	t.Fatal("the vector is missing")
}
