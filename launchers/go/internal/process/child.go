package process

// Child is a program that the launcher starts and waits for.
type Child struct {
	Path        string
	Argv        []string
	Environment []string
	// Input and Output replace standard input, and standard output and error, where they are not negative.
	Input, Output int
	// Umask is set before the program starts where it is not negative.
	Umask int
	// Folder is the working folder; empty: the launcher's.
	Folder string
}

// End is how a program ended.
type End struct {
	// Code is the exit code where Signal is 0.
	Code   int
	Signal int
}
