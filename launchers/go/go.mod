module flavorpack-native/launchers/go

go 1.26.0

require (
	github.com/dsnet/compress v0.0.2-0.20230904184137-39efe44ab707
	github.com/klauspost/compress v1.20.3
	github.com/ulikunitz/xz v0.5.17
	golang.org/x/sys v0.49.0
	golang.org/x/text v0.43.0
)
