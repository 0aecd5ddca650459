package tell

import (
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"flavorpack-native/launchers/go/internal/group"
)

const (
	progressAfter = 300 * time.Millisecond
	progressEvery = 100 * time.Millisecond
)

// Progress is the line that a cold start draws on a terminal when it takes longer than 300 ms (LAUNCH.md 10.5).
type Progress struct {
	done, all atomic.Uint64
	stop      chan struct{}
	drawing   group.Group
	once      sync.Once
}

// Begin starts to watch the clock, if standard error is a terminal whose foreground group is the launcher's. all is the
// number of bytes that the start will have worked through at its end.
func (t *Teller) Begin(begun time.Time) {
	if t.progress != nil || !inForeground() {
		return
	}
	progress := &Progress{stop: make(chan struct{})}
	t.progress = progress
	if t.log != nil {
		t.log.quiet = t.Quiet
	}
	app := t.app
	progress.drawing.Go(func() { progress.draw(app, begun) })
}

// Expect says how many bytes the start will have worked through at its end.
func (t *Teller) Expect(all uint64) {
	if t.progress != nil {
		t.progress.all.Store(all)
	}
}

// Advance counts bytes that are done. It may be called by any goroutine.
func (t *Teller) Advance(count uint64) {
	if t.progress != nil {
		t.progress.done.Add(count)
	}
}

// Quiet erases the line for good, before anything else is printed or started.
func (t *Teller) Quiet() {
	if t.progress != nil {
		t.progress.once.Do(func() {
			close(t.progress.stop)
			t.progress.drawing.Wait()
		})
	}
}

func (p *Progress) draw(app string, begun time.Time) {
	timer := time.NewTimer(progressAfter - time.Since(begun))
	defer timer.Stop()
	width := 0
	for {
		select {
		case <-p.stop:
			if width > 0 {
				toStandardError(erased(width))
			}
			return
		case <-timer.C:
		}
		line := p.line(app, time.Since(begun))
		next := len([]rune(string(line)))
		made := append([]byte{'\r'}, line...)
		for range max(0, width-next) {
			made = append(made, ' ')
		}
		toStandardError(made)
		width = max(width, next)
		timer.Reset(progressEvery)
	}
}

func (p *Progress) line(app string, elapsed time.Duration) []byte {
	percent := uint64(0)
	if all := p.all.Load(); all > 0 {
		percent = min(p.done.Load()*100/all, 100)
	}
	line := AppendEscaped(nil, app)
	line = append(line, ": unpacking for the first start, "...)
	line = strconv.AppendUint(line, percent, 10)
	line = append(line, "% ("...)
	line = strconv.AppendInt(line, int64(elapsed/time.Second), 10)
	return append(line, " s)"...)
}

func erased(width int) []byte {
	made := []byte{'\r'}
	for range width {
		made = append(made, ' ')
	}
	return append(made, '\r')
}
