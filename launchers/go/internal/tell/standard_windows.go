package tell

import "os"

func toStandardError(text []byte) { _, _ = os.Stderr.Write(text) }
