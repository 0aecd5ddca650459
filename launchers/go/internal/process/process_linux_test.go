package process

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// asParent makes the test binary a launcher that waits for a shell command.
const asParent = "FLAVOR_TEST_PROCESS_PARENT"

func TestMain(m *testing.M) {
	if command := os.Getenv(asParent); command != "" {
		os.Exit(waitForShell(command))
	}
	os.Exit(m.Run())
}

func waitForShell(command string) int {
	parent, err := BecomeParent()
	if err != nil {
		return 99
	}
	pid, err := Start(&Child{Path: "/bin/sh", Argv: []string{"sh", "-c", command}, Environment: os.Environ(), Input: -1, Output: -1, Umask: -1})
	if err != nil {
		return 98
	}
	ReleaseStandard()
	end, err := parent.Wait(pid)
	if err != nil {
		return 97
	}
	Finish(end)
	return 96
}

// waiting starts the test binary as a parent of a shell command that prints its process id first.
func waiting(t *testing.T, command string) (launcher *exec.Cmd, child int, output *bufio.Reader) {
	t.Helper()
	launcher = exec.Command(os.Args[0])
	launcher.Env = append(os.Environ(), asParent+"=echo $$; "+command)
	launcher.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	read, err := launcher.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := launcher.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Kill(-launcher.Process.Pid, unix.SIGKILL) })
	output = bufio.NewReader(read)
	line, err := output.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	child, err = strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	return launcher, child, output
}

// state is the letter of /proc/PID/stat, or "" for a process that is gone.
func state(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	text := string(stat)
	return text[strings.LastIndexByte(text, ')')+2:][:1]
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for range 1000 {
		if holds() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal(what)
}

func TestAParentEndsAsItsProgramEnded(t *testing.T) {
	for command, want := range map[string]string{
		"exit 0": "", "exit 7": "exit status 7", "exit 255": "exit status 255",
		"kill -TERM $$": "signal: terminated", "kill -KILL $$": "signal: killed", "kill -USR1 $$": "signal: user defined signal 1",
		"kill -ABRT $$": "signal: aborted",
	} {
		launcher, _, _ := waiting(t, command)
		got := ""
		if err := launcher.Wait(); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: the parent ended with %q, expected %q", command, got, want)
		}
	}
}

func TestSignalsOfOthersReachTheProgram(t *testing.T) {
	for _, signal := range []unix.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGUSR1, unix.SIGWINCH, unix.SIGURG, unix.SIGALRM} {
		launcher, _, output := waiting(t, fmt.Sprintf("trap 'exit 40' %d; echo ready; while :; do sleep 0.01; done", signal))
		if line, err := output.ReadString('\n'); err != nil || line != "ready\n" {
			t.Fatal(line, err)
		}
		if err := unix.Kill(launcher.Process.Pid, signal); err != nil {
			t.Fatal(err)
		}
		if err := launcher.Wait(); err == nil || err.Error() != "exit status 40" {
			t.Errorf("%v: the parent ended with %v", signal, err)
		}
	}
}

func TestTheParentStopsAndContinuesWithTheProgram(t *testing.T) {
	launcher, child, _ := waiting(t, "while :; do sleep 0.01; done")
	pid := launcher.Process.Pid
	for range 3 {
		if err := unix.Kill(child, unix.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the parent does not stop with its program", func() bool { return state(pid) == "T" })
		if err := unix.Kill(pid, unix.SIGCONT); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the program does not continue with the parent", func() bool { return state(child) != "T" && state(pid) != "T" })
	}
}

func TestTheProgramDoesNotOutliveAKilledParent(t *testing.T) {
	launcher, child, _ := waiting(t, "while :; do sleep 0.01; done")
	if err := unix.Kill(launcher.Process.Pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = launcher.Wait()
	eventually(t, "the program lives on", func() bool { letter := state(child); return letter == "" || letter == "Z" })
}

func TestWhoeverReadsTheProgramsOutputDoesNotWaitForTheParent(t *testing.T) {
	_, _, output := waiting(t, "echo all; exec >/dev/null; sleep 60")
	ended := make(chan string)
	go func() {
		rest, _ := io.ReadAll(output)
		ended <- string(rest)
	}()
	select {
	case rest := <-ended:
		if rest != "all\n" {
			t.Errorf("read %q", rest)
		}
	case <-time.After(10 * time.Second):
		t.Error("the parent holds the end of the program's output")
	}
}

func TestCapturedKeepsTheEndOfWhatWasPrintedAndWaitsForTheProgramOnly(t *testing.T) {
	run := func(command string) (string, End) {
		output, end, err := Captured(&Child{Path: "/bin/sh", Argv: []string{"sh", "-c", command}, Umask: 0o027})
		if err != nil {
			t.Fatal(err)
		}
		return output, end
	}
	if output, end := run("echo out; echo err >&2; cat; umask; exit 3"); output != "out\nerr\n0027\n" || end.Code != 3 {
		t.Errorf("got %q, %v", output, end)
	}
	long, _ := run("i=0; while [ $i -lt 5000 ]; do echo line $i; i=$((i+1)); done")
	if len(long) > shownBytes || !strings.HasSuffix(long, "line 4999\n") {
		t.Errorf("kept %d bytes, ending with %q", len(long), long[max(0, len(long)-20):])
	}
	begun := time.Now()
	if output, _ := run("sleep 30 & echo done"); output != "done\n" || time.Since(begun) > 20*time.Second {
		t.Errorf("got %q after %v: what the program left behind was waited for", output, time.Since(begun))
	}
}

func TestAProgramThatCannotBeStartedIsTheSystemsError(t *testing.T) {
	if _, err := Start(&Child{Path: "/nowhere", Argv: []string{"x"}, Input: -1, Output: -1, Umask: -1}); err != unix.ENOENT {
		t.Errorf("got %v", err)
	}
	if _, err := Start(&Child{Path: "/bin/sh", Argv: []string{"a\x00b"}, Input: -1, Output: -1, Umask: -1}); err == nil {
		t.Error("a zero byte in an argument is accepted")
	}
}
