// Package layout holds every number and name of the PSPF/2025 file that FORMAT.md fixes, once.
//
// It guarantees that no other package writes an offset, a size, a marker or a limit of the format by itself. It
// deliberately reads and writes nothing: the index block and the slot table are read in internal/pspf.
// Offsets are in bytes, integers in the file are little-endian.
package layout

// The trailer is the last bytes of the file (FORMAT.md §1, §2).
const (
	StartMarker      = "\xf0\x9f\x93\xa6"
	EndMarker        = "\xf0\x9f\xaa\x84"
	MarkerSize       = 4
	IndexSize        = 8192
	TrailerSize      = MarkerSize + IndexSize + MarkerSize
	FormatVersion    = 0x2025_0001
	DescriptorSize   = 64
	DefaultAlignment = 8
	PublicKeySize    = 32
	SignatureSize    = 64
	DigestSize       = 32
)

// Fields of the index block (§2), as offsets from its first byte.
const (
	IndexFormatVersion    = 0
	IndexChecksum         = 4
	IndexPackageSize      = 8
	IndexLauncherSize     = 16
	IndexMetadataOffset   = 24
	IndexMetadataSize     = 32
	IndexSlotTableOffset  = 40
	IndexSlotTableSize    = 48
	IndexSlotCount        = 56
	IndexFlags            = 60
	IndexPublicKey        = 64
	IndexMetadataChecksum = 96
	IndexSignature        = 128
	IndexZeros            = 192
	IndexZerosEnd         = 640
	IndexAccessMode       = 640
	IndexCacheStrategy    = 641
	IndexPageSize         = 644
	IndexMaxMemory        = 648
	IndexMinMemory        = 656
	IndexStreamChunkSize  = 688
	IndexCapabilities     = 832
	IndexCompatibility    = 856
	IndexProtocolVersion  = 860
	IndexAttestationKey   = 1376
	IndexAttestationSBOM  = 1440
	IndexAttestationRules = 1504
)

// Values that a package of ours has in the fields above.
const (
	AccessMode            = 2
	CacheStrategy         = 1
	PageSize              = 4096
	MaxMemory             = 134217728
	MinMemory             = 8388608
	StreamChunkSize       = 65536
	CapabilityMappable    = 1 << 0
	CapabilityPageAligned = 1 << 1
	CapabilitySigned      = 1 << 7
	ProtocolVersion       = 1
)

// Fields of a slot descriptor (§3), as offsets from its first byte.
const (
	DescriptorID           = 0
	DescriptorNameHash     = 8
	DescriptorOffset       = 16
	DescriptorStored       = 24
	DescriptorOriginalSize = 32
	DescriptorOperations   = 40
	DescriptorChecksum     = 48
	DescriptorPurpose      = 56
	DescriptorLifecycle    = 57
	DescriptorPriority     = 58
	DescriptorPermissions  = 62
)

// Limits (§11).
const (
	MaxMetadata       = 8 << 20
	MaxSlots          = 4096
	MaxUnpackedBytes  = 64 << 30
	MaxMembers        = 2_000_000
	MaxPath           = 1024
	MaxComponents     = 64
	MaxComponent      = 255
	MaxTarRecord      = 64 << 10
	MaxOperations     = 8
	MaxFrameContent   = 32 << 20
	MaxFrameStored    = 33 << 20
	MaxDecodedAtOnce  = 8 << 20 // what a worker may hold of a frame (STORE.md 5.2)
	MaxWindow         = 8 << 20
	MaxForeignWindow  = 128 << 20
	MaxXzMemory       = 128 << 20
	MaxRatio          = 1000
	RatioFreeContent  = 1 << 30
	MaxDepth          = 32
	MaxInteger        = 1<<53 - 1
	SplitSize         = 16 << 20 // S of §9
	TarBlock          = 512
	FrameTarPerMember = 128 << 10 // §9: what headers of a member may add to the content
	FrameTarEnd       = 1024
)

// Stored metadata, foreign too, has a 1024th more room than its JSON (§11): what deflate adds where it stores.
const (
	StoredBlock       = 65535
	MaxStoredMetadata = MaxMetadata + MaxMetadata/1024
)

// FormatName is the value of the metadata's `format`, MetadataVersion that of `format_version` in ours.
const (
	FormatName      = "PSPF/2025"
	MetadataVersion = "1.0.0"
)
