package launch

import (
	"strconv"

	"flavorpack-native/launchers/go/internal/process"
	"flavorpack-native/launchers/go/internal/store/use"
	"flavorpack-native/launchers/go/internal/tell"
)

// underParent is a program that the launcher waits for (LAUNCH.md 15).
type underParent struct {
	start   *Start
	program *program
	hold    *use.Hold
	// shutdown gives the commands that run when the program has ended, one by one; the second result is false for none.
	shutdown []shutdownCommand
	// after removes what the start made for itself.
	after func()
}

// shutdownCommand is the command of a shutdown slot (LAUNCH.md 15.5).
type shutdownCommand struct {
	name string
	// make unpacks the slot and makes the program.
	make func() (*program, error)
}

// run runs the program, and ends the launcher as the program ended. It returns only if the program could not be started.
func (u *underParent) run() error {
	u.start.Teller.Quiet()
	limit := process.RestoreFiles()
	if u.hold != nil {
		u.hold.PassOn(limit)
	}
	parent, err := process.BecomeParent()
	if err != nil {
		u.after()
		return notStarted("cannot wait for the program", err)
	}
	pid, err := process.Start(u.program.child())
	if err != nil {
		u.after()
		return notStarted("cannot start `"+u.program.path+"`", err)
	}
	if len(u.shutdown) == 0 {
		process.ReleaseStandard()
	}
	end, err := parent.Wait(pid)
	if err != nil {
		u.after()
		return notStarted("cannot wait for the program", err)
	}
	for n := range u.shutdown {
		u.runShutdown(parent, &u.shutdown[n])
	}
	u.after()
	process.Finish(end)
	return nil
}

// runShutdown runs one command. What goes wrong is one notice and changes nothing of the result.
func (u *underParent) runShutdown(parent *process.Parent, command *shutdownCommand) {
	what := "the shutdown command " + strconv.Quote(command.name)
	made, err := command.make()
	if err != nil {
		u.start.Teller.Notice(what + " did not run: " + tell.Described(err))
		return
	}
	pid, err := process.Start(made.child())
	if err != nil {
		u.start.Teller.Notice(what + " did not run: " + tell.Described(notStarted("cannot start `"+made.path+"`", err)))
		return
	}
	end, err := parent.Wait(pid)
	switch {
	case err != nil:
		u.start.Teller.Notice(what + " is lost: " + err.Error())
	case end.Signal != 0:
		u.start.Teller.Notice(what + " was ended by signal " + strconv.Itoa(end.Signal))
	case end.Code != 0:
		u.start.Teller.Notice(what + " ended with exit code " + strconv.Itoa(end.Code))
	}
}
