package main

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/group"
	"flavorpack-native/launchers/go/internal/tell"
)

// asBroken makes the test binary a launcher whose worker breaks a rule.
const asBroken = "FLAVOR_TEST_BROKEN_WORKER"

func TestMain(m *testing.M) {
	if os.Getenv(asBroken) != "" {
		os.Exit(told(tell.New("demo", nil), brokenWorker))
	}
	os.Exit(m.Run())
}

func brokenWorker() error {
	var workers group.Group
	var nothing map[string]int
	for range 3 {
		workers.Go(func() { nothing["x"] = 1 })
	}
	workers.Wait()
	return nil
}

func TestAPanicOfAWorkerIsAnInternalErrorAndNotTheRuntimes(t *testing.T) {
	launcher := exec.Command(os.Args[0])
	launcher.Env = append(os.Environ(), asBroken+"=1")
	var printed strings.Builder
	launcher.Stderr = &printed
	err := launcher.Run()
	var ended *exec.ExitError
	if !errors.As(err, &ended) || ended.ExitCode() != 101 {
		t.Errorf("the launcher ended with %v, expected exit code 101", err)
	}
	text := printed.String()
	if !strings.HasPrefix(text, "demo: error: ") || !strings.Contains(text, "["+string(code.LaunchPanic)+"]") || strings.Contains(text, "goroutine") {
		t.Errorf("it printed %q", text)
	}
}
