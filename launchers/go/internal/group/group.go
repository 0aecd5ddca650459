// Package group runs work in goroutines that belong to the one that waits for them.
//
// It guarantees that a panic in any of them arises again in the goroutine that waits, after all of them have ended. So a
// broken rule of the program's own ends it as it would have there: what deferred calls put away is put away, and the exit
// code is the documented one (LAUNCH.md 11, FORMAT.md §13) and not the runtime's. It deliberately neither stops the others
// nor limits how many there are: whoever has much to do asks Broken now and then.
package group

import (
	"sync"
	"sync/atomic"
)

// Group is work that is waited for together. The zero value is ready.
type Group struct {
	all    sync.WaitGroup
	broken atomic.Pointer[broken]
}

type broken struct{ value any }

// Go does work in a goroutine of its own.
func (g *Group) Go(work func()) {
	g.all.Add(1)
	go func() {
		defer g.all.Done()
		g.Do(work)
	}()
}

// Do does work in the goroutine that calls it; a panic is left for Wait all the same.
func (g *Group) Do(work func()) {
	defer func() {
		if value := recover(); value != nil {
			g.broken.CompareAndSwap(nil, &broken{value})
		}
	}()
	work()
}

// Broken tells whether something panicked.
func (g *Group) Broken() bool { return g.broken.Load() != nil }

// Wait waits for all that was begun, and panics as the first of it did.
func (g *Group) Wait() {
	g.all.Wait()
	if first := g.broken.Load(); first != nil {
		panic(first.value)
	}
}
