/**
 * Words and forms that several tables of the manifest use. What a manifest may say stands here; what it means for
 * the package file is decided where plans are made.
 */

import { z } from 'zod';

/** `module:attribute`, both possibly dotted; extras in brackets are allowed and ignored, as in wheels. */
export const ENTRY_POINT_PATTERN = /^\s*([\w.]+)\s*:\s*([\w.]+)\s*(\[[^\]]*\])?\s*$/;

/** Names of commands: what a file in `bin` can be called on every system. */
export const COMMAND_NAME_PATTERN = /^[A-Za-z0-9_][\w.-]*$/;

/** Versions as PEP 440 has them, in their usual spelling. */
export const VERSION_PATTERN =
  /^(?:\d+!)?\d+(?:\.\d+)*(?:(?:a|b|rc)\d+)?(?:\.post\d+)?(?:\.dev\d+)?(?:\+[a-z0-9]+(?:[._-][a-z0-9]+)*)?$/i;

/** Names of slots are names of folders (STORE.md 18.1). */
export const SLOT_ID_PATTERN = /^(?!\.)[A-Za-z0-9._-]{1,64}$/;

/** Slots that every Python package has. */
export const RESERVED_SLOT_IDS: readonly string[] = ['runtime', 'dependencies', 'application', 'data'];

/** Purposes: the format's words, and those of the guide by the word that is written for them. */
export const PURPOSES: Readonly<Record<string, string>> = {
  data: 'data',
  code: 'code',
  config: 'config',
  media: 'media',
  asset: 'asset',
  library: 'library',
  runtime: 'runtime',
  payload: 'payload',
  tool: 'tool',
  binary: 'binary',
  installer: 'installer',
  'data-files': 'data',
  'application-code': 'code',
  configuration: 'config',
  'static-resources': 'media',
  'python-environment': 'runtime',
};

/** Lifecycles that launchers know (LAUNCH.md 14.1). */
export const LIFECYCLES = [
  'runtime',
  'startup',
  'eager',
  'cache',
  'cached',
  'lazy',
  'init',
  'temporary',
  'temp',
  'volatile',
  'persistent',
  'config',
  'dev',
  'shutdown',
  'platform',
] as const;

/** A word of {@link LIFECYCLES}. */
export type SlotLifecycle = (typeof LIFECYCLES)[number];

/** Systems and machines that a slot can be for. */
export const SLOT_PLATFORMS = ['linux', 'darwin', 'windows'].flatMap((os) => [os, `${os}_amd64`, `${os}_arm64`]);

/** A text that says something. */
export const text = z.string().min(1, { error: 'is empty' });

/** Several of them. */
export const texts = z.array(text);

/** A function of a module. */
export const entryPoint = z.string().regex(ENTRY_POINT_PATTERN, { error: 'is not of the form `module:function`' });

/** Name of an environment variable, or a pattern of names. */
export const variable = z.string().regex(/^[^=\p{Cc}]+$/u, { error: 'is not the name of a variable' });

/** Values of environment variables by name. */
export const variables = z.record(variable, z.string());

/** One of some words. The list is in the message, and the nearest of them in its hint. */
export function wordOf<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.enum(words, { error: `is not one of ${words.join(', ')}` });
}
