package builder

import (
	"encoding/hex"
	"time"

	"flavorpack-native/launchers/go/internal/layout"
	"flavorpack-native/launchers/go/internal/strictjson"
)

// Version is that of the project; a test compares it with package.json.
const Version = "0.1.0"

// slotFacts is what the assembler finds out about a slot.
type slotFacts struct {
	stored  int64
	digest  [32]byte
	bytes   int64
	members int64
	frames  []frameFacts
}

type frameFacts struct {
	stored, content int64
	digest          [32]byte
}

// document is the canonical JSON of the package (FORMAT.md §5, §6, §13).
func document(p *plan, launcher *launcherFile, key [32]byte, slots []slotFacts, at time.Time) []byte {
	kind, version := "other", "unknown"
	target := launcher.target
	if p.flavor != nil {
		kind, version = p.flavor.launcher["kind"].(string), p.flavor.launcher["version"].(string)
		target = p.flavor.target
	}
	digest := hex.EncodeToString(launcher.digest[:])
	block := map[string]any{
		"schema":   1,
		"target":   target,
		"launcher": map[string]any{"kind": kind, "version": version, "size": launcher.size, "sha256": digest},
		"signer":   map[string]any{"key": hex.EncodeToString(key[:])},
	}
	if p.flavor != nil {
		if p.flavor.alignment != 0 {
			block["alignment"] = p.flavor.alignment
		}
		if p.flavor.workenv != nil {
			block["workenv"] = p.flavor.workenv
		}
		if p.flavor.commands != nil {
			block["commands"], block["default"] = p.flavor.commands, p.flavor.byDefault
		}
	}
	entries, ours := make([]any, 0, len(slots)), make([]any, 0, len(slots))
	for i := range slots {
		entries = append(entries, slotEntry(i, &p.slots[i], &slots[i]))
		ours = append(ours, flavorSlot(&p.slots[i], &slots[i]))
	}
	block["slots"] = ours
	tool := "launcher"
	switch kind {
	case "rust":
		tool = "flavor-rs-launcher"
	case "go":
		tool = "flavor-go-launcher"
	}
	all := map[string]any{
		"format":         layout.FormatName,
		"format_version": layout.MetadataVersion,
		"package":        map[string]any{"name": p.name, "version": p.version, "description": p.description},
		"execution":      p.execution,
		"runtime":        p.runtime,
		"setup_commands": p.setup,
		"slots":          entries,
		"extensions":     map[string]any{"x-flavor": block},
		"build": map[string]any{
			"tool": "flavorpack-native", "tool_version": Version, "deterministic": true,
			"timestamp": at.UTC().Format("2006-01-02T15:04:05Z"),
			"platform":  map[string]any{"os": target["os"], "arch": target["arch"], "host": ""},
		},
		"launcher": map[string]any{
			"tool": tool, "tool_version": version, "size": launcher.size, "checksum": "sha256:" + digest, "capabilities": []any{},
		},
		"compatibility": map[string]any{"min_format_version": layout.MetadataVersion, "features": []any{}},
		"verification": map[string]any{
			"integrity_seal": map[string]any{"required": true, "algorithm": "ed25519"}, "signed": true, "require_verification": true,
		},
	}
	if p.validation != nil {
		all["cache_validation"] = p.validation
	}
	if p.workenv != nil {
		all["workenv"] = p.workenv
	}
	return strictjson.Canonical(all)
}

func slotEntry(position int, slot *planSlot, facts *slotFacts) map[string]any {
	entry := map[string]any{
		"slot": position, "id": slot.id, "source": slot.id, "target": slot.target, "size": facts.stored,
		"checksum": "sha256:" + hex.EncodeToString(facts.digest[:]), "operations": slot.chain.String(),
		"purpose": slot.purpose, "lifecycle": slot.lifecycle, "permissions": slot.permissions, "resolution": slot.resolution,
	}
	if slot.platform != "" {
		entry["platform"] = slot.platform
	}
	if slot.isSelf {
		entry["source"], entry["self_ref"] = "$SELF", true
	}
	return entry
}

func flavorSlot(slot *planSlot, facts *slotFacts) map[string]any {
	entry := map[string]any{
		"role": slot.role, "share": slot.share,
		"unpacked": map[string]any{"bytes": facts.bytes, "members": facts.members},
	}
	if facts.frames != nil {
		frames := make([]any, 0, len(facts.frames))
		for i := range facts.frames {
			frames = append(frames, map[string]any{
				"stored": facts.frames[i].stored, "content": facts.frames[i].content,
				"sha256": hex.EncodeToString(facts.frames[i].digest[:]),
			})
		}
		entry["frames"] = frames
	}
	return entry
}
