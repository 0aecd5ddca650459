package folder

// The calls of the other systems, by which what is built upon them compiles
// here too. Each answers [ErrNotHere] or its like.

// Dir is an open folder.
type Dir struct{}

// File is an open file.
type File struct{}

func Root() (*Dir, error)                               { return nil, ErrNotHere }
func OpenPath(string) (*Dir, error)                     { return nil, ErrNotHere }
func (*Dir) Descriptor() int                            { return 0 }
func (*Dir) Close()                                     {}
func (*Dir) Pass(string) (*Dir, error)                  { return nil, ErrNotHere }
func (*Dir) Open(string) (*Dir, error)                  { return nil, ErrNotHere }
func (*Dir) Again() (*Dir, error)                       { return nil, ErrNotHere }
func (*Dir) Make(string, uint32) error                  { return ErrNotHere }
func (*Dir) Create(string, uint32) (*File, error)       { return nil, ErrNotHere }
func (*Dir) OpenOrCreate(string, uint32) (*File, error) { return nil, ErrNotHere }
func (*Dir) Read(string) (*File, error)                 { return nil, ErrNotHere }
func (*Dir) Stat(string) (Stat, error)                  { return Stat{}, ErrNotHere }
func (*Dir) Self() (Stat, error)                        { return Stat{}, ErrNotHere }
func StatPath(string) (Stat, error)                     { return Stat{}, ErrNotHere }
func StatLink(string) (Stat, error)                     { return Stat{}, ErrNotHere }
func StatDescriptor(int) (Stat, error)                  { return Stat{}, ErrNotHere }
func (*Dir) ReadLink(string) (string, error)            { return "", ErrNotHere }
func (*Dir) Symlink(string, string) error               { return ErrNotHere }
func (*Dir) Unlink(string) error                        { return ErrNotHere }
func (*Dir) RemoveEmpty(string) error                   { return ErrNotHere }
func (*Dir) Rename(string, *Dir, string) error          { return ErrNotHere }
func (*Dir) Chmod(uint32) error                         { return ErrNotHere }
func (*Dir) Sync() error                                { return ErrNotHere }
func (*File) Write([]byte) (int, error)                 { return 0, ErrNotHere }
func (*File) Read([]byte) (int, error)                  { return 0, ErrNotHere }
func (*File) ReadAt([]byte, int64) (int, error)         { return 0, ErrNotHere }
func (*File) Stat() (Stat, error)                       { return Stat{}, ErrNotHere }
func (*File) Chmod(uint32) error                        { return ErrNotHere }
func (*File) Touch() error                              { return ErrNotHere }
func (*File) Descriptor() int                           { return 0 }
func (*File) Close() error                              { return ErrNotHere }
func DeniesWrite(string) bool                           { return false }
func EffectiveUser() uint32                             { return 0 }
func (*File) Lock(bool) error                           { return ErrNotHere }
func (*File) TryLock(bool) (bool, error)                { return false, ErrNotHere }
func CannotLock(error) bool                             { return false }
func (*File) PassOn(int) bool                           { return false }
func (*Dir) Names() ([]string, error)                   { return nil, ErrNotHere }
func (*Dir) RemoveAll(string) error                     { return ErrNotHere }
func (*Dir) OnFileSystem() (FileSystem, error)          { return FileSystem{}, ErrNotHere }
func (*File) OnFileSystem() (FileSystem, error)         { return FileSystem{}, ErrNotHere }
func OnFileSystem(int) (FileSystem, error)              { return FileSystem{}, ErrNotHere }
func (*Dir) Clear()                                     {}
