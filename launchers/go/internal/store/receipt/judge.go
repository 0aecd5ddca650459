package receipt

import (
	"encoding/binary"
	"time"

	"flavorpack-native/launchers/go/internal/plan"
	"flavorpack-native/launchers/go/internal/store/folder"
	"flavorpack-native/launchers/go/internal/store/place"
	"flavorpack-native/launchers/go/internal/store/record"
	"flavorpack-native/launchers/go/internal/store/use"
)

// Question is what a start knows when it looks for its receipt.
type Question struct {
	Package *Package
	// Sources are the paths of the trust files that this start names, in their order (LAUNCH.md 13.2).
	Sources []string
	Now     time.Time
	Lookup  place.Lookup
}

// Answer is what was found. The zero value means that there is no receipt for this start, for Reason.
type Answer struct {
	// Receipt is there if it is valid. It holds its work environment.
	Receipt *Receipt
	// Doubted: the receipt fits in everything but its stat list, so the store is to be compared with the package (6.5).
	Doubted bool
	// Reason says why there is no valid receipt; for the log.
	Reason string
}

// Receipt is a valid receipt.
type Receipt struct {
	// Hold keeps the work environment from being removed.
	Hold *use.Hold

	contents *contents
	file     *folder.File
	stamp    int64
}

// Find looks for the receipt of a package in one store and judges it (9.4).
func Find(root *place.Root, q *Question) Answer {
	byPath := q.Package.OutOfReach()
	file, err := root.Receipts.Read(q.Package.Name(byPath))
	if err != nil {
		return Answer{Reason: "there is none"}
	}
	answer := judge(root, q, file, byPath)
	if answer.Receipt == nil {
		_ = file.Close()
	}
	return answer
}

func judge(root *place.Root, q *Question, file *folder.File, byPath bool) Answer {
	stat, err := file.Stat()
	if err != nil || !record.Trusted(&stat) || stat.Size > MaxSize {
		return Answer{Reason: "it is not a file that a store holds"}
	}
	raw := make([]byte, stat.Size+1)
	n, err := file.ReadAt(raw, 0)
	if err != nil || uint64(n) != stat.Size {
		return Answer{Reason: "it cannot be read"}
	}
	c, ok := decode(raw[:n])
	if !ok {
		return Answer{Reason: "it is malformed"}
	}
	if reason := c.contradicts(root, q, byPath); reason != "" {
		return Answer{Reason: reason}
	}
	environment, ok := within(root, c.text(c.raw[atWorkenv:]))
	if !ok {
		return Answer{Reason: "its work environment is not one of this store"}
	}
	hold, ok := use.Join(root, environment)
	if !ok {
		return Answer{Reason: "its work environment has no lock"}
	}
	if path := c.changed(root); path != "" {
		hold.End()
		return Answer{Doubted: true, Reason: "`" + path + "` is not as it was"}
	}
	if name := c.unmet(q.Lookup); name != "" {
		hold.End()
		return Answer{Reason: "`" + name + "` is not as it was"}
	}
	return Answer{Receipt: &Receipt{Hold: hold, contents: c, file: file, stamp: stat.MtimeSeconds}}
}

// contradicts compares a to g of 9.4, and says what does not fit.
func (c *contents) contradicts(root *place.Root, q *Question, byPath bool) string {
	if string(c.bytes(c.raw[atRoot:])) != root.Path {
		return "it is of a store at another path"
	}
	if boot := c.boot(); boot != record.Durable && boot != record.ThisBoot() {
		return "it is of another boot"
	}
	seconds, nanoseconds := int64(c.u64(atCreated)), c.u32(atCreated+8)
	now := q.Now.Unix()
	if now < seconds || (now == seconds && uint32(q.Now.Nanosecond()) < nanoseconds) {
		return "it is from the future"
	}
	if expiry := int64(c.u64(atExpiry)); expiry != 0 && now >= expiry {
		return "a pin that it relies on has expired"
	}
	if c.byPath() != byPath {
		return "the package is known in another way"
	}
	if byPath {
		if string(c.bytes(c.raw[atPath:])) != q.Package.Path || c.u64(atPackage+16) != q.Package.Stat.Size {
			return "it is of another file"
		}
	} else if identity(c.raw[atPackage:]) != q.Package.Stat.Identity {
		return "the package file is another one or was changed"
	}
	if *c.trailer() != *q.Package.Trailer {
		return "the package has another trailer"
	}
	if !c.trusts(q.Sources) {
		return "the trust files are not as they were"
	}
	return ""
}

// trusts compares the trust files (9.4 g).
func (c *contents) trusts(paths []string) bool {
	if c.sources.len() != len(paths) {
		return false
	}
	for n, path := range paths {
		entry := c.sources.entry(n)
		if string(c.bytes(entry)) != path {
			return false
		}
		if binary.LittleEndian.Uint32(entry[8:]) == 0 {
			if _, err := folder.StatLink(path); !place.Missing(err) {
				return false
			}
			continue
		}
		if stat, err := folder.StatPath(path); err != nil || stat.Identity != identity(entry[12:]) {
			return false
		}
	}
	return true
}

// changed compares the stat list (9.4 h, 9.9) and names the first entry that does not hold.
func (c *contents) changed(root *place.Root) string {
	readOnly, asked := false, false
	for n := range c.stats.len() {
		entry := c.stats.entry(n)
		path := c.text(entry)
		stat, err := folder.StatPath(path)
		if err != nil {
			return path
		}
		found := stated(&stat)
		recorded := identity(entry[8:])
		if found == recorded {
			continue
		}
		if !asked {
			disk, err := root.Dir.OnFileSystem()
			readOnly, asked = err == nil && disk.ReadOnly, true
		}
		self, err := root.Dir.Self()
		if !readOnly || err != nil || found.Device != self.Device || found.Size != recorded.Size {
			return path
		}
	}
	return ""
}

// stated is what a stat list has of a file: a directory's size is not compared, so it is 0.
func stated(stat *folder.Stat) folder.Identity {
	found := stat.Identity
	if stat.Kind == folder.Directory {
		found.Size = 0
	}
	return found
}

// unmet names the first condition that does not hold (9.4 i).
func (c *contents) unmet(lookup place.Lookup) string {
	for n := range c.conditions.len() {
		entry := c.conditions.entry(n)
		name := c.text(entry[4:])
		switch plan.ConditionKind(binary.LittleEndian.Uint32(entry)) {
		case plan.NotSet:
			if _, set := lookup(name); set {
				return name
			}
		case plan.SetTo:
			if value, set := lookup(name); !set || value != c.text(entry[12:]) {
				return name
			}
		case plan.Directory:
			if stat, err := folder.StatPath(name); err != nil || stat.Kind != folder.Directory {
				return name
			}
		}
	}
	return ""
}

// within is the name of a work environment that lies in the store.
func within(root *place.Root, path string) (string, bool) {
	begin := root.Path + "/v1/envs/"
	if len(path) <= len(begin) || path[:len(begin)] != begin {
		return "", false
	}
	name := path[len(begin):]
	for at := range len(name) {
		if name[at] == '/' || name[at] == 0 {
			return "", false
		}
	}
	return name, name != "." && name != ".."
}

// day is the age at which the stamp of a receipt is renewed (9.6).
const day = 24 * 60 * 60

// Stamp renews the stamp of last use if it is older than a day. Failing to is nobody's error (9.6).
func (r *Receipt) Stamp(now time.Time) {
	if now.Unix()-r.stamp > day {
		_ = r.file.Touch()
	}
}

// EachStart says that each start needs content of the package (LAUNCH.md 3.4).
func (r *Receipt) EachStart() bool { return r.contents.u32(atFlags)&flagEachStart != 0 }

// Workenv is the path of the work environment.
func (r *Receipt) Workenv() string { return r.contents.text(r.contents.raw[atWorkenv:]) }

// PackageName is the name of the package.
func (r *Receipt) PackageName() string { return r.contents.text(r.contents.raw[atName:]) }

// Len is the number of commands.
func (r *Receipt) Len() int { return r.contents.commands.len() }

// Default is the position of the command that runs unless another is asked for.
func (r *Receipt) Default() int { return int(r.contents.u32(atDefault)) }

// CommandName is the name of a command, without the rest of it.
func (r *Receipt) CommandName(n int) string { return r.contents.text(r.contents.commands.entry(n)) }

// Command is a command whole.
func (r *Receipt) Command(n int) plan.Command { return r.contents.command(n) }
