/**
 * What went wrong when uv could not resolve or install something, told by uv's own words: its exit codes do not tell
 * causes apart. Each failure names the requirement, what was found and expected, and the next step.
 */

import type { ErrorCode } from '../error-codes.js';
import { FlavorError } from '../errors.js';
import { type Target, targetName } from '../platform.js';
import { outputCause, type ProcessOutcome } from './process.js';
import { requirementName } from './requirements.js';

/** What the failed command was about. */
export interface FailureContext {
  /** Requirements as the project writes them. */
  readonly requirements: readonly string[];
  readonly target: Target;
  /** The system that the manifest asks for, such as `glibc 2.17`. */
  readonly floor?: string | undefined;
  /** Whether the network was forbidden by us or the user. */
  readonly offline: boolean;
  /** Turns paths of copies into the user's. */
  readonly original: (text: string) => string;
}

interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hints: readonly string[];
}

/** uv's words about a failure. */
interface UvWords {
  /** The line that begins with `error:`. */
  readonly error: string;
  readonly causes: readonly string[];
  readonly hints: readonly string[];
  /** The line in which a compiler or linker said what is wrong; those behind it only show the place. */
  readonly compiler: string | undefined;
}

const COMPILER_ERROR =
  /:\d+: (fatal )?error: |: fatal error: |\bld\S*: (cannot find|library .*not found) |: undefined reference to /;

/** The failure of a uv command as an error of ours. */
export function dependencyError(outcome: ProcessOutcome, context: FailureContext): FlavorError {
  const words = uvWords(context.original(outcome.stderr));
  const { code, message, hints } = describeFailure(words, outcome, context);
  return new FlavorError(code, message, { hints, cause: outputCause(outcome) });
}

function describeFailure(words: UvWords, outcome: ProcessOutcome, context: FailureContext): Failure {
  return (
    hashFailure(words) ??
    wheelFailure(words, context) ??
    offlineFailure(words, context) ??
    buildFailure(words) ??
    networkFailure(words) ??
    resolutionFailure(words, context) ?? {
      code: 'ERR_FLAVOR_DEPENDENCY',
      message: `${named(words, context)} could not be installed${after(firstCause(words) || `uv ended with ${outcome.exitCode ?? 'a signal'}`)}`,
      hints: words.hints.length > 0 ? words.hints : ['with `--verbose` everything that uv says is shown'],
    }
  );
}

function hashFailure({ error, causes }: UvWords): Failure | undefined {
  const text = [error, ...causes].find((line) => /hash mismatch for/i.test(line));
  if (text !== undefined) {
    const what = /Hash mismatch for [`"']?([^`"'\s]+)/i.exec(text)?.[1] ?? 'a distribution';
    const digest = (label: string): string =>
      new RegExp(`${label}:\\s*(\\w+:[0-9a-f]+)`, 'i').exec(text)?.[1] ?? 'unknown';
    return {
      code: 'ERR_FLAVOR_HASH',
      message: `the file of \`${what}\` does not have the digest that is locked (got ${digest('Computed')}, expected ${digest('Expected')})`,
      hints: ['if the new file is meant, lock again; if not, the index serves a file that was changed'],
    };
  }
  const missing =
    /no trusted hash was provided for: (.+)$/.exec(error)?.[1] ?? /none were provided for: (.+)$/.exec(error)?.[1];
  return missing === undefined ? undefined : missingHash(missing.replaceAll('`', ''));
}

/** A requirement without a digest among others that have one. */
export function missingHash(what: string): Failure {
  return {
    code: 'ERR_FLAVOR_HASH',
    message: `\`${what}\` has no digest in the requirements files, and all must have one when any has`,
    hints: ['`uv pip compile --generate-hashes` writes requirements with digests, also of what they depend on'],
  };
}

function wheelFailure({ error, causes, hints }: UvWords, { floor, target }: FailureContext): Failure | undefined {
  const text = [error, ...causes, ...hints].join(' ');
  const patterns = [
    /Package `([^`]+)` can't be installed because it (?:is marked as `--no-build`|doesn't have a source distribution or wheel)/,
    /Because (\S+?)(?:==\S+)? has no (?:usable )?wheels/,
    /Wheels are required for `([^`]+)`/,
  ];
  const name = patterns.map((pattern) => pattern.exec(text)?.[1]).find((match) => match !== undefined);
  if (name === undefined) return undefined;
  const forbidden = /no-build|building from source is disabled/.test(text);
  return {
    code: 'ERR_FLAVOR_NO_WHEEL',
    message: `\`${name}\` has no wheel for ${targetName(target)}${floor === undefined ? '' : ` with ${floor}`}${forbidden ? ', and it may not be built from source' : ''}`,
    hints: [
      forbidden
        ? `unset UV_NO_BUILD to build it here, or give a wheel of it with \`--find-links\``
        : `${floor === undefined ? '' : 'raise `tool.flavor.floor`, or '}choose a version of it that has one, or build a wheel on ${targetName(target)} and give it with \`--find-links\``,
    ],
  };
}

function offlineFailure(words: UvWords, context: FailureContext): Failure | undefined {
  const text = [words.error, ...words.causes, ...words.hints].join(' ');
  if (!/network was disabled|Network connectivity is disabled|was not found in the cache/.test(text)) return undefined;
  return {
    code: 'ERR_FLAVOR_DEPENDENCY',
    message: `${named(words, context)} could not be had offline${after(missingName(text))}`,
    hints: ['build once without `--offline`, or name a folder of wheels with `--find-links`'],
  };
}

function buildFailure(words: UvWords): Failure | undefined {
  const what = /Failed to build `([^`]+)`/.exec([words.error, ...words.causes].join('\n'))?.[1];
  if (what === undefined) return undefined;
  return {
    code: 'ERR_FLAVOR_DEPENDENCY',
    message: `\`${what}\` could not be built from source${after(buildExplanation(words))}`,
    hints: [
      'with `--verbose` the output of the build is shown',
      'a version that has a wheel needs no build; one of your own can be given with `--find-links`',
    ],
  };
}

/** The end of what a back end printed, where its error stands; else uv's last word. */
export function buildExplanation({ error, causes, compiler }: UvWords): string {
  if (compiler !== undefined) return compiler;
  const said = causes.find((cause) => /\[std(?:err|out)\]/.test(cause))?.replace(/^.*\[std(?:err|out)\]\s*/, '');
  const text = said ?? causes.at(-1) ?? error;
  return text.length > 300 ? `… ${text.slice(-300)}` : text;
}

function networkFailure({ error, causes, hints }: UvWords): Failure | undefined {
  const text = [error, ...causes, ...hints].join(' ');
  if (/401 Unauthorized|403 Forbidden/.test(text)) {
    return {
      code: 'ERR_FLAVOR_INDEX',
      message: `the package index refuses the credentials${after(addressOf(text))}`,
      hints: ['set the address with name and password in UV_DEFAULT_INDEX, or UV_INDEX_<NAME>_USERNAME and _PASSWORD'],
    };
  }
  if (!/^(Failed to fetch|Request failed)|error sending request|Could not connect|timed out/.test(text))
    return undefined;
  return {
    code: 'ERR_FLAVOR_INDEX',
    message: `the package index cannot be reached${after([addressOf(text), causes.at(-1) ?? ''].filter((part) => part !== '').join(': '))}`,
    hints: [
      'check the address in UV_DEFAULT_INDEX; behind a proxy, set HTTPS_PROXY and SSL_CERT_FILE',
      'with `--offline` only what uv has in its cache is used',
    ],
  };
}

function resolutionFailure(words: UvWords, context: FailureContext): Failure | undefined {
  const text = [words.error, ...words.causes].join(' ');
  const unknown = /Because (\S+) was not found in the (?:package registry|provided package locations)/.exec(text)?.[1];
  if (unknown !== undefined) {
    return {
      code: 'ERR_FLAVOR_DEPENDENCY',
      message: `${named(words, context)} could not be resolved: no index has a distribution \`${unknown}\``,
      hints: words.hints.length > 0 ? words.hints : ['check the name, and the index settings if it is a private one'],
    };
  }
  if (/Couldn't parse requirement|Failed to parse/.test(words.error)) {
    return {
      code: 'ERR_FLAVOR_DEPENDENCY',
      message: `${named(words, context)}: not a requirement${after(firstCause(words).replace(/\s*\^+$/, ''))}`,
      hints: ['requirements look like `name`, `name>=1.2`, `name[extra]==1.2.3` or `name @ https://…`'],
    };
  }
  if (!/No solution found|resolving dependencies|Git operation failed|Distribution not found/.test(text)) {
    return undefined;
  }
  return {
    code: 'ERR_FLAVOR_DEPENDENCY',
    message: `${named(words, context)} could not be resolved${after(firstCause(words))}`,
    hints:
      words.hints.length > 0 ? words.hints : ['change the versions that the project asks for, or the index settings'],
  };
}

/** The requirements that uv's words mention, all of them if none is. */
function named({ error, causes }: UvWords, { requirements }: FailureContext): string {
  const folded = [error, ...causes]
    .join(' ')
    .toLowerCase()
    .replaceAll(/[-_.]+/g, '-');
  const mentioned = requirements.filter((requirement) =>
    new RegExp(`(^|[^a-z0-9-])${requirementName(requirement)}([^a-z0-9-]|$)`).test(folded),
  );
  const chosen = mentioned.length > 0 ? mentioned : requirements;
  return chosen.length === 0 ? 'the dependencies' : chosen.map((requirement) => `\`${requirement}\``).join(', ');
}

function missingName(text: string): string {
  const name = /(\S+) was not found in the cache/.exec(text)?.[1];
  return name === undefined ? '' : `\`${name.replaceAll('`', '')}\` is not in uv's cache`;
}

function addressOf(text: string): string {
  return /https?:\/\/[^\s)`]+/.exec(text)?.[0].replace(/\/\/[^/@]*@/, '//') ?? '';
}

function firstCause({ error, causes }: UvWords): string {
  return causes[0] ?? error;
}

function after(text: string): string {
  return text === '' ? '' : `: ${text}`;
}

/** uv's blocks (`error:`, `cause:`, `hint:`), each joined into one line. */
export function uvWords(stderr: string): UvWords {
  const blocks: { readonly kind: string; text: string }[] = [];
  for (const line of stderr.split('\n')) {
    const start = /^\s*(error|cause|hint|warning): (.*)$/.exec(line) ?? /^\s*(?:×|╰─▶|├─▶)()\s*(.*)$/.exec(line);
    const last = blocks.at(-1);
    if (start !== null) blocks.push({ kind: start[1] || 'cause', text: start[2] ?? '' });
    else if (last !== undefined && /^\s+\S/.test(line)) last.text = `${last.text} ${line.trim()}`;
  }
  const compiler = stderr
    .split('\n')
    .find((line) => COMPILER_ERROR.test(line))
    ?.trim()
    .slice(0, 300);
  const tidy = (text: string): string => text.trim().replaceAll(/\s+/g, ' ').replace(/\.$/, '');
  const texts = (kind: string): string[] => blocks.filter((block) => block.kind === kind).map(({ text }) => tidy(text));
  return { error: texts('error')[0] ?? '', causes: texts('cause'), hints: texts('hint'), compiler };
}
