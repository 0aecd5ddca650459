package launch

import "os"

// executable says whether a path leads to a file.
func executable(path string) bool {
	about, err := os.Stat(path)
	return err == nil && about.Mode().IsRegular()
}
