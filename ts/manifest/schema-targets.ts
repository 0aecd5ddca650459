/**
 * The names of targets, apart from the schema that lets a manifest use them: the command line needs them before it knows
 * whether there is a manifest to read.
 */

/** Targets that packages can be built for. */
export const TARGETS = [
  'linux_amd64',
  'linux_arm64',
  'linux_amd64_musl',
  'linux_arm64_musl',
  'darwin_amd64',
  'darwin_arm64',
  'windows_amd64',
  'windows_arm64',
] as const;
