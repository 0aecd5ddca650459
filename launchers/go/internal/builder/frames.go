package builder

import (
	"crypto/sha256"
	"runtime"

	"github.com/klauspost/compress/zstd"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/group"
	"flavorpack-native/launchers/go/internal/layout"
)

// frameWriter is the last stage of a chain that ends with zstd: what is written to it is cut into frames, which all
// cores compress and which are stored in their order. As a cutter it ends frames where members begin.
type frameWriter struct {
	out     *slotWriter
	pending []byte
	split   bool  // pending holds the end of a split file
	content int   // what a frame may hold
	limit   int64 // of the frame that has begun, where frames end at members
	members bool  // frames end where the cutter says, not after so many bytes
	closed  int
	frames  []frameFacts // of the goroutine that stores, until it has ended

	jobs    chan job
	ordered chan chan compressed
	workers group.Group
	storing group.Group
	failure error // of storing, until it has ended
	failed  chan struct{}
}

type job struct {
	content []byte
	result  chan compressed
}

type compressed struct {
	stored  []byte
	content int64
	digest  [32]byte
}

// mostWorkers keeps the memory of all of them within what FORMAT.md §13 allows: each holds a frame of up to 16 MiB, what
// it becomes, and the tables of an encoder.
const mostWorkers = 4

// newEncoder gives zstd frames without checksums, with windows of at most 8 MiB.
func newEncoder(level level) (*zstd.Encoder, error) {
	encoder, err := zstd.NewWriter(nil,
		zstd.WithEncoderLevel(level.zstd()), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false),
		zstd.WithWindowSize(layout.MaxWindow), zstd.WithZeroFrames(true), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, code.Wrap(code.FlavorInternal, "the zstd encoder cannot be made", err)
	}
	return encoder, nil
}

func newFrameWriter(out *slotWriter, level level, members bool) (*frameWriter, error) {
	workers := min(runtime.GOMAXPROCS(0), mostWorkers)
	f := &frameWriter{
		out: out, content: level.frameContent(), members: members,
		jobs: make(chan job), ordered: make(chan chan compressed, workers),
		failed: make(chan struct{}),
	}
	for range workers {
		encoder, err := newEncoder(level)
		if err != nil {
			return nil, err
		}
		f.workers.Go(func() {
			defer func() { _ = encoder.Close() }()
			for j := range f.jobs {
				f.workers.Do(func() { j.compress(encoder) })
			}
		})
	}
	f.storing.Go(func() {
		f.storing.Do(f.store)
		// Whoever writes must not wait for what a panic left undone.
		for result := range f.ordered {
			<-result
		}
	})
	return f, nil
}

// compress gives a result in any case: whoever stores waits for it.
func (j job) compress(encoder *zstd.Encoder) {
	var made compressed
	defer func() { j.result <- made }()
	stored := encoder.EncodeAll(j.content, nil)
	made = compressed{stored, int64(len(j.content)), sha256.Sum256(stored)}
}

// store writes the frames in their order.
func (f *frameWriter) store() {
	for result := range f.ordered {
		frame := <-result
		if f.failure != nil {
			continue
		}
		f.frames = append(f.frames, frameFacts{int64(len(frame.stored)), frame.content, frame.digest})
		if _, f.failure = f.out.Write(frame.stored); f.failure != nil {
			close(f.failed)
		}
	}
}

// Write takes content, and ends frames by itself unless a cutter does.
func (f *frameWriter) Write(content []byte) (int, error) {
	total := len(content)
	for len(content) > 0 {
		n := len(content)
		if !f.members {
			n = min(n, f.content-len(f.pending))
		}
		f.pending = append(f.pending, content[:n]...)
		content = content[n:]
		if !f.members && len(f.pending) == f.content {
			if err := f.closeFrame(); err != nil {
				return 0, err
			}
		}
	}
	return total, nil
}

func (f *frameWriter) closeFrame() error {
	select {
	case <-f.failed:
		return code.New(code.FlavorOutput, "the slots cannot be kept while the package is written")
	default:
	}
	j := job{f.pending, make(chan compressed, 1)}
	f.pending = nil
	f.closed++
	f.ordered <- j.result
	f.jobs <- j
	return nil
}

func (f *frameWriter) before(length, left int64) error {
	if f.split || len(f.pending) > 0 && int64(len(f.pending))+length > f.limit {
		f.split = false
		if err := f.closeFrame(); err != nil {
			return err
		}
	}
	if f.pending == nil {
		f.limit = min(max(left/4, leastContent), int64(f.content))
		const headers = 128 << 10 // §9: what may stand before the content of a split file
		f.pending = make([]byte, 0, min(max(length, int64(f.content)), layout.SplitSize+headers))
	}
	return nil
}

func (f *frameWriter) inside() error {
	f.split = true
	return f.closeFrame()
}

func (f *frameWriter) end() error {
	if f.split {
		f.split = false
		return f.closeFrame()
	}
	return nil
}

// Close ends the last frame; an empty stream is one.
func (f *frameWriter) Close() error {
	var err error
	if len(f.pending) > 0 || f.closed == 0 {
		err = f.closeFrame()
	}
	if failure := f.stop(); err == nil {
		err = failure
	}
	return err
}

// stop waits for what was begun.
func (f *frameWriter) stop() error {
	close(f.jobs)
	close(f.ordered)
	f.workers.Wait()
	f.storing.Wait()
	return f.failure
}
