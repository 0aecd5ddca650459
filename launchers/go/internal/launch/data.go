package launch

import (
	"flavorpack-native/launchers/go/internal/plan"
	"flavorpack-native/launchers/go/internal/pspf"
	"flavorpack-native/launchers/go/internal/store"
	"flavorpack-native/launchers/go/internal/store/place"
)

// dataPlaces are the folders of the user that slots of lifecycle `persistent` and `config` are copied to (STORE.md 18).
type dataPlaces struct {
	paths map[int]string
	// conditions are what a receipt relies on: the variables that were asked, and each folder being there (18.4).
	conditions []plan.Condition
}

// dataPlaces finds the folders by the variables of now. A place that no variable names is refused (LAUNCH.md 14.1).
func (s *Start) dataPlaces(p *pspf.Package, roles *Roles) (*dataPlaces, error) {
	found := &dataPlaces{paths: map[int]string{}}
	asked := map[string]bool{}
	lookup := s.Lookup()
	for _, data := range roles.Data {
		slot := &p.Slots()[data.Slot]
		base, variables, named := place.DataFolder(lookup, data.Config)
		for _, name := range variables {
			if !asked[name] {
				asked[name] = true
				found.conditions = append(found.conditions, s.asNow(name))
			}
		}
		if !named {
			return nil, lifecycleError(data.Slot, slot, "no variable names a folder for it, set XDG_DATA_HOME and XDG_CONFIG_HOME, or HOME")
		}
		path := store.DataPath(base, p, slot.Entry.ID)
		found.paths[data.Slot] = path
		found.conditions = append(found.conditions, plan.Condition{Kind: plan.Directory, Name: path})
	}
	return found, nil
}

// asNow is the condition that a variable is as it is at this start.
func (s *Start) asNow(name string) plan.Condition {
	if value, set := s.Variables.Get(name); set {
		return plan.Condition{Kind: plan.SetTo, Name: name, Value: value}
	}
	return plan.Condition{Kind: plan.NotSet, Name: name}
}

// developerConditions keep a receipt from holding when developers' slots come or go (LAUNCH.md 14.2).
func (s *Start) developerConditions(roles *Roles) []plan.Condition {
	if !roles.HasDeveloper {
		return nil
	}
	return []plan.Condition{s.asNow("FLAVOR_DEV")}
}
