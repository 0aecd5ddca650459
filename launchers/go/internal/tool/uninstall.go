package tool

import (
	"path"
	"strings"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/store"
	"flavorpack-native/launchers/go/internal/store/folder"
	"flavorpack-native/launchers/go/internal/store/place"
	"flavorpack-native/launchers/go/internal/store/removal"
)

// removed is what an uninstall took away, or would.
type removed struct {
	stores     []string
	gone       []removal.Gone // parallel to stores
	inUse      []string
	kept       []string
	data       []string
	links      []string
	linksGiven string
}

// uninstall removes what starts of this package left (LAUNCH.md 8.9).
func uninstall(s *session) error {
	if err := s.open(); err != nil {
		return err
	}
	dryRun := s.switches["--dry-run"]
	done := &removed{linksGiven: s.values["--links"]}
	data, err := s.dataPaths()
	if err != nil {
		return err
	}
	if err := s.clearStores(done, dryRun); err != nil {
		return err
	}
	if len(done.inUse) == 0 {
		if err := s.clearUsers(done, data, dryRun); err != nil {
			return err
		}
	}
	if err := s.sayRemoved(done, dryRun); err != nil {
		return err
	}
	if len(done.inUse) > 0 {
		return code.New(code.StoreInUse, "a program is running from what was to be removed: "+strings.Join(done.inUse, ", "))
	}
	return nil
}

// clearStores goes through every place that counts.
func (s *session) clearStores(done *removed, dryRun bool) error {
	target := s.target()
	for _, path := range place.Paths(s.start.Lookup()) {
		root, err := place.Open(path)
		if err != nil {
			continue
		}
		result, err := removal.Uninstall(root, target, dryRun)
		at := root.Path
		root.Close()
		if err != nil {
			return err
		}
		for _, gone := range result.Gone {
			done.stores, done.gone = append(done.stores, at), append(done.gone, gone)
		}
		done.inUse = append(done.inUse, result.InUse...)
		done.kept = append(done.kept, result.Kept...)
	}
	return nil
}

// target names what belongs to the package; it follows from its signed metadata (STORE.md 14.8).
func (s *session) target() *removal.Target {
	if store.IsPrivate(s.pkg) {
		return &removal.Target{Private: store.PrivateEnvironmentName(s.pkg), WithPrivate: s.switches["--data"]}
	}
	target := &removal.Target{
		Environments: []string{store.EnvironmentName(s.pkg, ""), store.EnvironmentName(s.pkg, "-dev")},
	}
	slots := s.pkg.Slots()
	for n := range slots {
		if !slots[n].Flavor.Share || slots[n].Entry.SelfRef {
			continue
		}
		// What has no key cannot be in a store.
		if key, err := store.Key(&slots[n]); err == nil {
			target.Keys = append(target.Keys, key)
		}
	}
	return target
}

// clearUsers removes data and links, as far as they were asked for. Where data is a link, the link goes.
func (s *session) clearUsers(done *removed, data []string, dryRun bool) error {
	for _, at := range data {
		gone, err := removeData(at, dryRun)
		if err != nil {
			return code.Wrap(code.StoreData, "cannot remove `"+at+"`", err)
		}
		if gone {
			done.data = append(done.data, at)
		}
	}
	if done.linksGiven == "" {
		return nil
	}
	in, err := folder.OpenPath(done.linksGiven)
	if place.Missing(err) {
		return nil
	}
	if err != nil {
		return code.Wrap(code.StoreIO, "cannot open the folder `"+done.linksGiven+"`", err)
	}
	defer in.Close()
	for _, name := range s.ownLinks(in) {
		if !dryRun {
			if err := in.Unlink(name); err != nil {
				return code.Wrap(code.StoreIO, "cannot remove the link `"+name+"`", err)
			}
		}
		done.links = append(done.links, strings.TrimRight(done.linksGiven, "/")+"/"+name)
	}
	return nil
}

// dataPaths are the folders of the user's data, by the variables of now, if they are to go.
func (s *session) dataPaths() ([]string, error) {
	if !s.switches["--data"] || store.IsPrivate(s.pkg) {
		return nil, nil
	}
	roles, err := s.start.DecideRoles(s.pkg)
	if err != nil {
		return nil, err
	}
	named, err := s.start.DataPaths(s.pkg, roles)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, data := range roles.Data {
		if at, there := named[data.Slot]; there {
			paths = append(paths, at)
		}
	}
	return paths, nil
}

func removeData(at string, dryRun bool) (bool, error) {
	if _, err := folder.StatLink(at); place.Missing(err) {
		return false, nil
	}
	// The folder itself may be a link; the way to it is walked like that of a store.
	end, err := place.Way{Owner: place.OwnerOrRoot()}.Walk(path.Dir(at))
	if err != nil {
		return false, err
	}
	defer end.Close()
	in, err := end.Dir.Open(end.Name)
	if err != nil {
		return false, err
	}
	defer in.Close()
	if dryRun {
		return true, nil
	}
	return true, in.RemoveAll(path.Base(at))
}

func (s *session) sayRemoved(done *removed, dryRun bool) error {
	if s.json() {
		listed := make([]*object, len(done.gone))
		for n, gone := range done.gone {
			listed[n] = part().string("store", done.stores[n]).string("kind", gone.Kind).string("name", gone.Name).number("bytes", int64(gone.Bytes))
		}
		return s.print(record("uninstall").truth("dry_run", dryRun).objects("removed", listed).strings("data", done.data).
			strings("links", done.links).strings("in_use", done.inUse).strings("kept", done.kept))
	}
	verb := "removed: "
	if dryRun {
		verb = "would remove: "
	}
	var lines []string
	for n, gone := range done.gone {
		lines = append(lines, verb+gone.Kind+" "+gone.Name+" in "+done.stores[n]+" ("+number(int64(gone.Bytes))+" bytes)")
	}
	for _, path := range done.data {
		lines = append(lines, verb+"data "+path)
	}
	for _, path := range done.links {
		lines = append(lines, verb+"link "+path)
	}
	for _, path := range done.inUse {
		lines = append(lines, "in use: "+path)
	}
	for _, path := range done.kept {
		lines = append(lines, "kept, as programs keep files there: "+path+" (`--data` removes it)")
	}
	if len(lines) == 0 {
		lines = append(lines, "there is nothing of "+s.start.Teller.App()+" to remove")
	}
	for _, line := range lines {
		if err := s.say(line); err != nil {
			return err
		}
	}
	return nil
}
