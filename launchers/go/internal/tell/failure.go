package tell

import (
	"errors"
	"strings"

	"flavorpack-native/launchers/go/internal/code"
)

// Described is the message of a failure with what led to it, on one line, without the code. No part is said twice.
func Described(err error) string {
	var made strings.Builder
	for err != nil {
		text := err.Error()
		cause := errors.Unwrap(err)
		// Errors of the system's packages hold the text of their cause already.
		for cause != nil && strings.HasSuffix(text, cause.Error()) && !isOurs(err) {
			cause = errors.Unwrap(cause)
		}
		if made.Len() > 0 && text != "" {
			made.WriteString(": ")
		}
		made.WriteString(text)
		err = cause
	}
	return made.String()
}

func isOurs(err error) bool {
	_, ours := err.(*code.Error)
	return ours
}

// Coded is the code of a failure; what has none broke a rule of the launcher.
func Coded(err error) code.Code {
	if found := code.Of(err); found != "" {
		return found
	}
	return code.LaunchPanic
}

// Teller says things under the name of an application.
type Teller struct {
	app      string
	log      *Log
	progress *Progress
}

// New begins to tell under the base name of the package path.
func New(app string, log *Log) *Teller { return &Teller{app: app, log: log} }

// Rename tells under another name from here on: the package's, once the signature held.
func (t *Teller) Rename(app string) { t.app = app }

// App is the name that is told under.
func (t *Teller) App() string { return t.app }

// Log is where the log goes.
func (t *Teller) Log() *Log { return t.log }

// Failure tells why the launcher stops, and returns its exit code (LAUNCH.md 10.1, 11).
func (t *Teller) Failure(err error) int {
	t.Quiet()
	found := Coded(err)
	message := Described(err) + " [" + string(found) + "]"
	t.log.failure(message)
	t.line("error", message)
	var ours *code.Error
	hint := found.Hint()
	if errors.As(err, &ours) {
		hint = ours.NextStep()
	}
	if hint != "" {
		t.line("hint", hint)
	}
	return found.Launcher()
}

// Notice tells something that does not stop a start.
func (t *Teller) Notice(text string) {
	t.Quiet()
	t.line("notice", text)
}

// Shown writes text of a failed program to standard error, line by line.
func (t *Teller) Shown(text string) {
	t.Quiet()
	var made []byte
	for line := range strings.Lines(text) {
		made = AppendEscaped(made, strings.TrimRight(line, "\r\n"))
		made = append(made, '\n')
	}
	toStandardError(made)
}

func (t *Teller) line(kind, text string) {
	made := AppendEscaped(nil, t.app)
	made = append(made, ": "...)
	made = append(made, kind...)
	made = append(made, ": "...)
	made = AppendEscaped(made, text)
	toStandardError(append(made, '\n'))
}
