// A launcher works on all cores for less than a second: it needs no limit of the control group, whose files the runtime
// would keep open, and no goroutine that reads them again.
//
//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0

// Command flavor-go-launcher stands at the head of a package and starts its program (launchers/LAUNCH.md).
//
// This file is the order of LAUNCH.md 1 and 2: an elevated start is refused before any variable is read, the launcher
// opens its own file once, and what is no package starts nothing. Everything else is in internal/launch and
// internal/tool. It is linked with `-E flavorpack-native/launchers/go/internal/process.entry`, which records what the
// language's runtime changes before main (internal/process).
package main

import (
	"fmt"
	"os"
	"time"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/environment"
	"flavorpack-native/launchers/go/internal/launch"
	"flavorpack-native/launchers/go/internal/process"
	_ "flavorpack-native/launchers/go/internal/stack"
	"flavorpack-native/launchers/go/internal/tell"
	"flavorpack-native/launchers/go/internal/tool"
)

func main() { os.Exit(begin()) }

// begin returns only if the launcher does not become its program: with the exit code of a tool or of a failure.
func begin() int {
	begun := time.Now()
	self := launch.SelfPath()
	name := launch.BaseName(self)
	if process.Elevated() {
		return tell.New(name, nil).
			Failure(code.New(code.LaunchElevated, "the file was started with more rights than whoever started it has"))
	}
	process.OccupyStandard()
	variables := environment.Given()
	log, unusable := tell.Open(variables.Value("FLAVOR_LOG_LEVEL"), variables.Value("FLAVOR_LOG_PATH"), os.Getpid(), begun)
	if unusable {
		tell.New("flavor-launcher", nil).Notice("the file that FLAVOR_LOG_PATH names cannot be used as a log; nothing is logged")
	}
	start := &launch.Start{Begun: begun, Variables: variables, Teller: tell.New(name, log)}
	if len(os.Args) > 0 {
		start.Typed, start.Arguments = os.Args[0], os.Args[1:]
	}
	return told(start.Teller, func() error { return run(start, self) })
}

// told gives the exit code of what work ends with. A panic is one as well: goroutines leave theirs to the one that waits
// for them (internal/group).
func told(teller *tell.Teller, work func() error) (exit int) {
	defer func() {
		if broken := recover(); broken != nil {
			exit = teller.Failure(code.New(code.LaunchPanic, fmt.Sprint(broken)))
		}
	}()
	if err := work(); err != nil {
		return teller.Failure(err)
	}
	return 0
}

func run(start *launch.Start, self string) error {
	err := start.ReadLevel()
	if err != nil {
		return err
	}
	start.Opened = time.Now()
	if start.File, start.Path, err = launch.OpenSelf(self); err != nil {
		return code.Wrap(code.LaunchOpen, "cannot open the package file `"+start.Path+"`", err)
	}
	readable := start.Read()
	if start.Variables.Value("FLAVOR_LAUNCHER_CLI") == "1" {
		return tool.Run(start, readable)
	}
	if readable != nil {
		return readable
	}
	return start.Run()
}
