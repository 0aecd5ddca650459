package launch

import "testing"

func TestVersionsAreComparedAsNumbersAndAnythingElseIsNotJudged(t *testing.T) {
	parts := func(version string) [3]uint32 {
		parts, ok := versionParts(version)
		if !ok {
			t.Fatalf("%q is a version", version)
		}
		return parts
	}
	if !older(parts("2.9"), parts("2.28")) || parts("11") != parts("11.0.0") || !older(parts("10.16"), parts("11")) {
		t.Error("2.9 is before 2.28, 11 is 11.0.0, 10.16 is before 11")
	}
	for _, none := range []string{"", "2.", ".2", "+2", "-2", "2.3.4.5", "two", "4294967296"} {
		if _, ok := versionParts(none); ok {
			t.Errorf("%q is no version", none)
		}
	}
}
