package group

import (
	"sync/atomic"
	"testing"
)

// panicOf is what waiting panics with.
func panicOf(g *Group) (value any) {
	defer func() { value = recover() }()
	g.Wait()
	return nil
}

func TestAPanicInAGoroutineArisesWhereItIsWaitedForAfterAllEnded(t *testing.T) {
	var g Group
	var ended atomic.Int64
	release := make(chan struct{})
	for range 3 {
		g.Go(func() {
			<-release
			ended.Add(1)
		})
	}
	g.Go(func() {
		defer close(release)
		panic("a broken rule")
	})
	if got := panicOf(&g); got != "a broken rule" {
		t.Errorf("waiting panicked with %v", got)
	}
	if ended.Load() != 3 || !g.Broken() {
		t.Errorf("%d of 3 others ended, broken: %v", ended.Load(), g.Broken())
	}
}

func TestOneOfSeveralPanicsIsKeptAndWorkOfTheCallerCounts(t *testing.T) {
	var g Group
	g.Do(func() { panic(1) })
	g.Do(func() { panic(2) })
	if got := panicOf(&g); got != 1 {
		t.Errorf("waiting panicked with %v", got)
	}
}

func TestWorkThatEndsWellIsWaitedForQuietly(t *testing.T) {
	var g Group
	done := make([]bool, 8)
	for n := range done {
		g.Go(func() { done[n] = true })
	}
	if got := panicOf(&g); got != nil || g.Broken() {
		t.Errorf("waiting panicked with %v", got)
	}
	for n := range done {
		if !done[n] {
			t.Errorf("%d was not waited for", n)
		}
	}
}
