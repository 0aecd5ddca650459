// The program flavor-go-builder assembles a signed PSPF/2025 package from a JSON manifest, with the options, variables
// and exit codes of flavor-rs-builder (crates/pspf/FORMAT.md §13, §15).
//
// It guarantees that the output is as it was after every exit code but 0. It reads the command line, the variables and
// the keys, and prints; what a package is, internal/builder knows.
package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"

	"flavorpack-native/launchers/go/internal/builder"
	"flavorpack-native/launchers/go/internal/code"
)

func main() {
	// FORMAT.md §13 lets a writer have 256 MB. What is in use stays below; this keeps what is not from adding to it.
	const most = 200 << 20
	debug.SetMemoryLimit(most)
	os.Exit(run(os.Args[1:]))
}

// run does everything and gives the exit code.
func run(arguments []string) (exit int) {
	log := newLog()
	defer log.close()
	defer func() {
		if r := recover(); r != nil {
			log.fail(code.New(code.FlavorInternal, fmt.Sprint("an internal rule was broken: ", r)))
			exit = exitCode(code.FlavorInternal)
		}
	}()
	o, err := parseArguments(arguments)
	if err == nil && o.text != "" {
		fmt.Print(o.text)
		return 0
	}
	if err == nil {
		err = log.configure(o.logLevel)
	}
	if err == nil {
		err = build(o, log)
	}
	if err != nil {
		log.fail(err)
		return exitCode(code.Of(err))
	}
	return 0
}

// exitCode is the table of FORMAT.md §13.
func exitCode(c code.Code) int {
	switch c {
	case code.FlavorUsage:
		return 2
	case code.FlavorIO, code.FlavorNotFound, code.FlavorOutput:
		return 106
	case code.FlavorKey:
		return 107
	case code.FlavorPlan, code.FlavorMember, code.FlavorOption:
		return 109
	case code.FlavorLauncher:
		return 110
	case code.FlavorAborted:
		return 130
	case code.FlavorInternal, "":
		return 101
	}
	return 102
}

func build(o *options, log *logger) error {
	manifest, err := os.ReadFile(o.manifest)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return code.Wrap(code.FlavorNotFound, "cannot read the manifest: "+o.manifest, err)
	case err != nil:
		return code.Wrap(code.FlavorIO, "cannot read the manifest: "+o.manifest, err)
	}
	at, err := sourceDate()
	if err != nil {
		return err
	}
	key, err := o.key(log)
	if err != nil {
		return err
	}
	base, err := os.Getwd()
	if err != nil {
		return code.Wrap(code.FlavorIO, "the working folder cannot be found", err)
	}
	workenvBase := base
	if o.workenvBase != "" {
		if workenvBase = o.workenvBase; !filepath.IsAbs(workenvBase) {
			workenvBase = filepath.Join(base, workenvBase)
		}
	}
	log.debug("relative sources are relative to " + base)
	log.debug("{workenv} in sources is " + workenvBase)
	log.debug("the launcher is " + o.launcher)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	result, err := builder.Build(ctx, &builder.Options{
		Manifest: manifest, Output: o.output, Launcher: o.launcher, Key: key,
		Base: base, WorkenvBase: workenvBase, Time: at, Warn: log.warn, Info: log.info,
	})
	if err != nil {
		return err
	}
	log.info("wrote " + o.output + ": " + strconv.FormatInt(result.Size, 10) + " bytes, sha256 " + hex.EncodeToString(result.SHA256[:]) +
		", signed by " + hex.EncodeToString(result.Signer[:]))
	return nil
}

// sourceDate is SOURCE_DATE_EPOCH, or the one time that members have without it.
func sourceDate() (time.Time, error) {
	text, set := os.LookupEnv("SOURCE_DATE_EPOCH")
	if !set || text == "" {
		return time.Unix(builder.DefaultTime, 0), nil
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, code.New(code.FlavorOption, "SOURCE_DATE_EPOCH "+text+", expected seconds since 1970")
	}
	const latest = 1 << 33 // what a header of an archive holds
	if seconds < builder.EarliestTime || seconds >= latest {
		return time.Time{}, code.New(code.FlavorOption, "SOURCE_DATE_EPOCH "+text+", expected a time from 315532800 (1980) on")
	}
	return time.Unix(seconds, 0), nil
}
