package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/strictjson"
)

// logger writes lines to standard error or to FLAVOR_LOG_PATH. A failure is always told on standard error.
type logger struct {
	out   io.Writer
	file  *os.File
	level int
	json  bool
}

// levels, the most talkative first; a line is written if its level is not before the chosen one.
var levels = []string{"trace", "debug", "info", "warn", "error", "off"}

func newLog() *logger {
	return &logger{out: os.Stderr, level: slices.Index(levels, "warn")}
}

func (l *logger) close() {
	if l.file != nil {
		_ = l.file.Close()
	}
}

// set takes a level such as `info`, `json` or `json:debug`.
func (l *logger) set(text string) bool {
	json := text == "json" || strings.HasPrefix(text, "json:")
	name := strings.TrimPrefix(strings.TrimPrefix(text, "json"), ":")
	if !json {
		name = text
	}
	if name == "" && json {
		name = "info"
	}
	level := slices.Index(levels, strings.ToLower(name))
	if level < 0 {
		return false
	}
	l.level, l.json = level, json
	return true
}

func (l *logger) configure(option *string) error {
	if path := os.Getenv("FLAVOR_LOG_PATH"); path != "" {
		file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return code.Wrap(code.FlavorOutput, "the log cannot be written: "+path, err)
		}
		l.file, l.out = file, file
	}
	if option != nil {
		if !l.set(*option) {
			return usage("--log-level " + strconv.Quote(*option) + ", expected trace, debug, info, warn, error, off or json:LEVEL")
		}
		return nil
	}
	for _, variable := range [...]string{"FLAVOR_BUILDER_LOG_LEVEL", "FLAVOR_LOG_LEVEL"} {
		if text := os.Getenv(variable); text != "" {
			if !l.set(text) {
				l.warn(variable + " is " + strconv.Quote(text) + ", which is no log level")
			}
			return nil
		}
	}
	return nil
}

func (l *logger) debug(message string) { l.line("debug", "debug", message) }
func (l *logger) info(message string)  { l.line("info", "info", message) }
func (l *logger) warn(message string)  { l.line("warn", "warning", message) }

func (l *logger) line(level, word, message string) {
	if slices.Index(levels, level) < l.level {
		return
	}
	if l.json {
		_, _ = l.out.Write(append(strictjson.Canonical(map[string]any{"level": level, "message": message}), '\n'))
		return
	}
	_, _ = fmt.Fprintf(l.out, "flavor-go-builder: %s: %s\n", word, message)
}

// fail tells what ended the build.
func (l *logger) fail(err error) {
	_, _ = fmt.Fprintf(os.Stderr, "flavor-go-builder: error: %s [%s]\n", err, code.Of(err))
	var failure *code.Error
	if !errors.As(err, &failure) {
		return
	}
	for cause := failure.Cause; cause != nil; cause = errors.Unwrap(cause) {
		_, _ = fmt.Fprintf(os.Stderr, "  cause: %s\n", cause)
	}
	if hint := failure.NextStep(); hint != "" {
		_, _ = fmt.Fprintf(os.Stderr, "flavor-go-builder: hint: %s\n", hint)
	}
}
