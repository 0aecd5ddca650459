/**
 * The terminal contract: stdout carries results, stderr everything else; with `--json` both carry one object per
 * line. Texts that come from files or packages are shown with control characters escaped.
 */

import type { FlavorError } from '../errors.js';
import { formatSize, printable } from '../printable.js';
import type { ProgressEvent } from '../progress.js';

export { formatSize, printable };

/** Version of the JSON objects. */
const SCHEMA = 1;

/** How a command talks. */
export interface OutputOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly color: boolean;
}

/** Where a command writes. */
export interface Streams {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
}

/** Writes what one command has to say. */
export class Output {
  readonly #options: OutputOptions;
  readonly #streams: Streams;
  readonly #command: string;
  #transient = false;

  constructor(command: string, options: OutputOptions, streams: Streams = process) {
    this.#command = command;
    this.#options = options;
    this.#streams = streams;
  }

  /** The result: an object with `--json`, lines otherwise. */
  result(object: Readonly<Record<string, unknown>>, lines: readonly string[]): void {
    this.#clear();
    if (this.#options.json) this.#json(this.#streams.stdout, { type: 'result', command: this.#command, ...object });
    else for (const line of lines) this.#streams.stdout.write(`${line}\n`);
  }

  /** Something worth knowing about a result. Not said with `--quiet` or `--json`, where the object says it. */
  note(text: string): void {
    if (!this.#options.quiet && !this.#options.json) this.#line(this.#paint('2', `flavor: note: ${printable(text)}`));
  }

  warning(message: string): void {
    if (this.#options.json) this.#json(this.#streams.stderr, { type: 'warning', message });
    else if (!this.#options.quiet) this.#line(`flavor: ${this.#paint('33', 'warning')}: ${printable(message)}`);
  }

  error(error: FlavorError): void {
    const { code, message, hints, path, offset } = error;
    if (this.#options.json) {
      this.#json(this.#streams.stderr, { type: 'error', code, message, hints, path, offset });
      return;
    }
    this.#line(`flavor: ${this.#paint('31', 'error')}: ${printable(message)} [${code}]`);
    for (const hint of hints) this.#line(`flavor: ${this.#paint('36', 'hint')}: ${printable(hint)}`);
    if (this.#options.verbose) for (const line of causeLines(error)) this.#line(line);
  }

  /** Progress: a line per finished stage, and on a terminal one that is overwritten. */
  progress(event: ProgressEvent): void {
    if (event.type === 'warning') {
      this.warning(event.message);
      return;
    }
    if (event.type === 'output') {
      this.#programOutput(event.program, event.text);
      return;
    }
    if (this.#options.quiet) return;
    if (event.type === 'bytes') {
      if (event.total > 0) this.#overwrite(`${event.detail} ${Math.floor((event.done / event.total) * 100)} %`);
      return;
    }
    const { stage, state, detail, ms, target } = event;
    if (this.#options.json) {
      this.#json(this.#streams.stdout, { type: 'stage', command: this.#command, target, stage, state, detail, ms });
    } else if (state === 'start') {
      this.#overwrite(target === undefined ? detail : `${target}: ${detail}`);
    } else {
      const time = this.#options.verbose && ms !== undefined ? [`(${(ms / 1000).toFixed(1)} s)`] : [];
      const words = [...(detail === '' ? [] : [printable(detail)]), ...time];
      const label = target === undefined ? `${stage}:` : `${target} ${stage}:`;
      if (words.length > 0) this.#line(`flavor: ${this.#paint('2', label)} ${words.join(' ')}`);
    }
  }

  /** What a failed program said belongs to its error: it is shown with `--quiet`, too. */
  #programOutput(program: string, text: string): void {
    if (this.#options.json) {
      this.#json(this.#streams.stderr, { type: 'output', program, text });
      return;
    }
    for (const line of text.split('\n')) this.#line(`${this.#paint('2', '  |')} ${printable(line)}`);
  }

  #overwrite(text: string): void {
    const { stderr } = this.#streams;
    if (this.#options.json || stderr.isTTY !== true) return;
    const width = Math.max(20, (stderr.columns ?? 80) - 1);
    stderr.write(`\r\u001B[K${printable(text).slice(0, width)}`);
    this.#transient = true;
  }

  #clear(): void {
    if (this.#transient) this.#streams.stderr.write('\r\u001B[K');
    this.#transient = false;
  }

  #line(text: string): void {
    this.#clear();
    this.#streams.stderr.write(`${text}\n`);
  }

  #json(stream: NodeJS.WritableStream, object: Readonly<Record<string, unknown>>): void {
    this.#clear();
    const { type, ...rest } = object;
    stream.write(`${JSON.stringify({ type, schema: SCHEMA, ...rest })}\n`);
  }

  #paint(code: string, text: string): string {
    return this.#options.color ? `\u001B[${code}m${text}\u001B[0m` : text;
  }
}

function* causeLines(error: Error): Generator<string> {
  for (let { cause } = error; cause !== undefined; ) {
    const text = cause instanceof Error ? cause.message : String(cause);
    const [first = '', ...more] = text.split('\n');
    yield `  caused by: ${printable(first)}`;
    for (const line of more) yield `    ${printable(line)}`;
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  if ((error as FlavorError).code === 'ERR_FLAVOR_INTERNAL') {
    const { cause } = error;
    const stack = cause instanceof Error ? cause.stack : error.stack;
    for (const line of (stack ?? '').split('\n').slice(1)) yield `  ${printable(line.trim())}`;
  }
}
