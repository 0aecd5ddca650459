package tell

import (
	"strconv"
	"strings"
	"time"
)

// Level is how much a log tells; each level includes those before it.
type Level uint8

// The levels of LAUNCH.md 10.3.
const (
	Off Level = iota
	Error
	Warn
	Info
	Debug
	Trace
)

var levels = [...]string{Off: "", Error: "error", Warn: "warn", Info: "info", Debug: "debug", Trace: "trace"}

// Log is where a start tells what it does. A nil Log tells nothing.
type Log struct {
	level Level
	json  bool
	begun time.Time
	// file is the descriptor of FLAVOR_LOG_PATH; -1: standard error.
	file int
	pid  int
	// quiet is called before a line goes to standard error.
	quiet func()
}

// parseLevel reads FLAVOR_LOG_LEVEL.
func parseLevel(text string) (level Level, json bool) {
	text = strings.ToLower(text)
	if text == "json" {
		return Info, true
	}
	text, json = strings.CutPrefix(text, "json:")
	if text == "warning" {
		text = "warn"
	}
	for level, name := range levels {
		if name != "" && name == text {
			return Level(level), json
		}
	}
	return Off, false
}

// Open makes the log that two variables ask for, nil for none. notice is true if the log of FLAVOR_LOG_PATH cannot be
// used; nothing is logged then.
func Open(level, path string, pid int, begun time.Time) (log *Log, notice bool) {
	parsed, json := parseLevel(level)
	if path != "" && level == "" {
		parsed = Info
	}
	if parsed == Off {
		return nil, false
	}
	log = &Log{level: parsed, json: json, begun: begun, file: -1, pid: pid}
	if path != "" {
		file, ok := openLog(path)
		if !ok {
			return nil, true
		}
		log.file = file
	}
	return log, false
}

// Tells says whether lines of a level are written, so that texts are made only where somebody reads them.
func (l *Log) Tells(level Level) bool { return l != nil && level <= l.level }

// Line writes one line.
func (l *Log) Line(level Level, text string) {
	if !l.Tells(level) {
		return
	}
	elapsed := time.Since(l.begun)
	var made []byte
	if l.json {
		made = append(made, `{"time_ms":`...)
		made = strconv.AppendInt(made, time.Now().UnixMilli(), 10)
		made = append(made, `,"level":"`...)
		made = append(made, levels[level]...)
		made = append(made, `","pid":`...)
		made = strconv.AppendInt(made, int64(l.pid), 10)
		made = append(made, `,"elapsed_us":`...)
		made = strconv.AppendInt(made, elapsed.Microseconds(), 10)
		made = append(made, `,"message":`...)
		made = AppendJSON(made, Escaped(text))
		made = append(made, '}')
	} else {
		made = append(made, "flavor-launcher: "...)
		made = append(made, levels[level]...)
		made = append(made, ": "...)
		made = AppendEscaped(made, text)
		made = append(made, " ("...)
		made = appendMilliseconds(made, elapsed)
		made = append(made, ')')
	}
	made = append(made, '\n')
	if l.file >= 0 {
		writeLog(l.file, made)
		return
	}
	if l.quiet != nil {
		l.quiet()
	}
	toStandardError(made)
}

// failure writes what ends a start, where 10.1 does not show it anyway.
func (l *Log) failure(message string) {
	if l != nil && l.file >= 0 {
		l.Line(Error, message)
	}
}

// Phase tells at debug how long something took.
func (l *Log) Phase(name string, since time.Time) {
	if !l.Tells(Debug) {
		return
	}
	l.Line(Debug, "phase "+name+": "+string(appendMilliseconds(nil, time.Since(since))))
}

func appendMilliseconds(to []byte, elapsed time.Duration) []byte {
	microseconds := elapsed.Microseconds()
	to = strconv.AppendInt(to, microseconds/1000, 10)
	rest := microseconds % 1000
	return append(to, '.', byte('0'+rest/100), byte('0'+rest/10%10), byte('0'+rest%10), ' ', 'm', 's')
}

// AppendJSON appends a text as a JSON string. What is not UTF-8 becomes replacement characters, and what could control a
// terminal is escaped.
func AppendJSON(to []byte, text string) []byte {
	const digits = "0123456789abcdef"
	to = append(to, '"')
	for _, char := range text {
		switch {
		case char == '"' || char == '\\':
			to = append(to, '\\', byte(char))
		case char == '\n':
			to = append(to, `\n`...)
		case char == '\t':
			to = append(to, `\t`...)
		case char == '\r':
			to = append(to, `\r`...)
		case char == '\b':
			to = append(to, `\b`...)
		case char == '\f':
			to = append(to, `\f`...)
		case controls(char):
			to = append(to, '\\', 'u', digits[char>>12&15], digits[char>>8&15], digits[char>>4&15], digits[char&15])
		default:
			to = append(to, string(char)...)
		}
	}
	return append(to, '"')
}
