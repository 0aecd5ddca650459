package builder

import (
	"strings"
	"testing"
)

func TestASlotMayHaveALevelOfItsOwn(t *testing.T) {
	root := project(t)
	sizes := map[string]int{}
	for _, level := range []string{"", `, "level": 3`, `, "level": 9`, `, "level": 19`, `, "level": null`} {
		plan := strings.Replace(plainPlan, `"operations": "tar",`, `"operations": "tar.zst"`+level+`,`, 1)
		sizes[level] = len(build(t, options(root, plan)))
	}
	if sizes[""] != sizes[`, "level": 9`] || sizes[""] != sizes[`, "level": null`] {
		t.Error("the usual level is not 9:", sizes)
	}
}
