package tool

import "flavorpack-native/launchers/go/internal/code"

func notYet() error { return code.New(code.LaunchPanic, "not wired yet") }

func extract(*session) error   { return notYet() }
func slot(*session) error      { return notYet() }
func warm(*session) error      { return notYet() }
func repair(*session) error    { return notYet() }
func doctor(*session) error    { return notYet() }
func uninstall(*session) error { return notYet() }
