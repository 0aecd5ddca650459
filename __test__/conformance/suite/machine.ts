// The machine of one case: a folder with a home in it, the case's packages, what the case lays there, and the texts
// between angle brackets that stand for its paths and numbers.

import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { User } from '../packaged.js';
import { ARCH, bytesOf, edited, type Facts, fingerprintOf, type Made, OS } from './packages.js';
import { type Action, actionOf, type Bytes } from './schema.js';
import { held } from './start.js';
import { seal } from './store-file.js';
import { matching, type Snapshot, snapshot } from './tree.js';

/** Longer than the two seconds of STORE.md 9.5. */
const SETTLED_MS = 2100;
const OTHER = 65_533;

/** One machine with one user. */
export class Machine {
  readonly root: string;
  readonly home: string;
  readonly remembered = new Map<string, Snapshot>();
  private readonly held: (() => void)[] = [];
  private readonly places = new Map<string, Made>();

  constructor(
    readonly user: User,
    private readonly launcher: string,
  ) {
    this.root = mkdtempSync(join(tmpdir(), 'flavor-case-'));
    this.home = join(this.root, 'home');
    mkdirSync(this.home, { mode: 0o700 });
    chmodSync(this.root, 0o755);
    for (const path of [this.root, this.home]) this.own(path);
  }

  /** Gives the machine a package, in its own folder `apps` or where it was made. */
  install(name: string, made: Made, own: boolean): void {
    let { path } = made;
    if (own) {
      const folder = join(this.root, 'apps');
      if (!existsSync(folder)) mkdirSync(folder, { mode: 0o755 });
      path = join(folder, made.file);
      cpSync(made.path, path);
      chmodSync(path, 0o755);
      for (const place of [folder, path]) this.own(place);
    }
    this.places.set(name, { ...made, path });
  }

  /** The user's id. */
  get uid(): number {
    return this.user.uid ?? process.getuid?.() ?? 0;
  }

  /** Replaces what stands between angle brackets, from the inside out. */
  expand(text: string, more: Readonly<Record<string, string>> = {}): string {
    const inner = /<([a-z][a-z0-9]*)(?::([^<>]*))?>/;
    for (let found = inner.exec(text); found !== null; found = inner.exec(text)) {
      const [whole, word = '', rest] = found;
      text = text.replace(whole, () => more[word] ?? this.meaning(word, rest));
    }
    return text;
  }

  /** Bytes whose text may hold names in angle brackets. */
  bytes(bytes: Bytes): Buffer {
    return typeof bytes === 'string' ? Buffer.from(this.expand(bytes)) : bytesOf(bytes);
  }

  /** Paths that a pattern means; a path without `*` means itself, there or not. */
  paths(pattern: string): string[] {
    const path = this.expand(pattern);
    return path.includes('*') ? matching(path) : [path];
  }

  private made(name = 'package'): Made {
    const made = this.places.get(name);
    if (made === undefined) throw new Error(`the case has no package \`${name}\``);
    return made;
  }

  private meaning(word: string, rest: string | undefined): string {
    const v1 = join(this.home, '.cache/flavor/v1');
    const ofPackage = (found: (facts: Facts) => string) => found(this.made(rest).facts);
    const number = () => Number(rest);
    const env = ({ environment }: Facts) => environment;
    const meanings: Record<string, () => string> = {
      root: () => this.root,
      home: () => this.home,
      store: () => dirname(v1),
      v1: () => v1,
      launcher: () => this.launcher,
      package: () => this.made(rest).path,
      file: () => basename(this.made(rest).path),
      env: () => join(v1, 'envs', ofPackage(env)),
      envname: () => ofPackage(env),
      slot: () => join(v1, 'slots', this.made().facts.keys[number()] ?? '?'),
      key: () => this.made().facts.keys[number()] ?? '?',
      digest16: () => ofPackage((facts) => facts.digest16),
      signature16: () => ofPackage((facts) => facts.signature16),
      fingerprint: () => ofPackage((facts) => facts.fingerprint),
      fingerprint16: () => ofPackage((facts) => facts.fingerprint.slice(0, 16)),
      publickey: () => ofPackage((facts) => facts.publicKey),
      metadata: () => ofPackage((facts) => facts.json),
      keyof: () => fingerprintOf(rest ?? ''),
      receipt: () => join(v1, 'receipts', this.receiptName(rest)),
      receiptname: () => this.receiptName(rest),
      device: () => String(statSync(rest ?? '', { bigint: true }).dev),
      inode: () => String(statSync(rest ?? '', { bigint: true }).ino),
      size: () => String(statSync(rest ?? '').size),
      boot: () => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim().replaceAll('-', ''),
      uid: () => String(this.uid),
      os: () => OS,
      arch: () => ARCH,
    };
    const meaning = meanings[word];
    if (meaning === undefined) throw new Error(`\`<${word}>\` stands for nothing`);
    return meaning();
  }

  private receiptName(name: string | undefined): string {
    const { path, facts } = this.made(name);
    const { dev, ino } = statSync(path, { bigint: true });
    return `${facts.signature16}-${dev}-${ino}`;
  }

  /** Does something to the machine. */
  async act(action: Action): Promise<void> {
    const kind = actionOf(action);
    if (kind === undefined) throw new Error('an action that does nothing');
    const found = this.paths(action[kind] ?? '');
    if (found.length === 0) throw new Error(`there is no ${action[kind]}`);
    for (const path of found) await this.actOn(kind, path, action);
  }

  private async actOn(kind: NonNullable<ReturnType<typeof actionOf>>, path: string, action: Action): Promise<void> {
    const to = action.to === undefined ? '' : this.expand(action.to);
    const created = (mode?: string) => {
      if (mode !== undefined) chmodSync(path, Number.parseInt(mode, 8));
      this.own(path, action.owner);
    };
    const actions: Record<typeof kind, () => void | Promise<void>> = {
      folder: () => {
        this.folders(dirname(path));
        if (!existsSync(path)) mkdirSync(path);
        created(action.mode ?? '0755');
      },
      file: () => {
        this.folders(dirname(path));
        writeFileSync(path, this.bytes(action.content ?? ''));
        created(action.mode ?? '0644');
      },
      link: () => {
        this.folders(dirname(path));
        if (action.hard === true) linkSync(to, path);
        else symlinkSync(to, path);
        if (action.hard !== true) created();
      },
      remove: () => rmSync(path, { recursive: true }),
      copy: () => {
        rmSync(to, { recursive: true, force: true });
        cpSync(path, to, { recursive: true, verbatimSymlinks: true });
        this.own(to, action.owner);
      },
      rename: () => renameSync(path, to),
      touch: () => {
        const time = action.time === undefined ? new Date() : new Date(action.time);
        utimesSync(path, time, time);
      },
      chmod: () => chmodSync(path, Number.parseInt(action.mode ?? '', 8)),
      chown: () => this.own(path, action.owner),
      edit: () => {
        const changed = edited(readFileSync(path), this.expandedEdits(action.edits ?? []));
        writeFileSync(path, changed);
      },
      seal: () => {
        const bytes = readFileSync(path);
        seal(bytes);
        writeFileSync(path, bytes);
      },
      settle: async () => {
        const { mtimeMs, ctimeMs } = statSync(path);
        await sleep(Math.max(0, Math.max(mtimeMs, ctimeMs) + SETTLED_MS - Date.now()));
      },
      remember: () => void this.remembered.set(action.as ?? '', snapshot(path)),
      lock: async () => void this.held.push(await held(path)),
    };
    await actions[kind]();
  }

  private expandedEdits(edits: NonNullable<Action['edits']>): NonNullable<Action['edits']> {
    return edits.map((edit) => (typeof edit.write === 'string' ? { ...edit, write: this.expand(edit.write) } : edit));
  }

  private folders(path: string): void {
    if (existsSync(path)) return;
    this.folders(dirname(path));
    mkdirSync(path, { mode: 0o755 });
    chmodSync(path, 0o755);
    this.own(path);
  }

  private own(path: string, owner: Action['owner'] = 'user'): void {
    if (process.getuid?.() !== 0) return;
    const id = { user: this.uid, root: 0, other: OTHER }[owner];
    if (lstatSync(path).isSymbolicLink()) lchownSync(path, id, id);
    else if (lstatSync(path).uid !== id) {
      // Giving a file away takes its special mode bits.
      const { mode } = lstatSync(path);
      chownSync(path, id, id);
      chmodSync(path, mode & 0o7777);
    }
  }

  [Symbol.dispose](): void {
    for (const release of this.held) release();
    rmSync(this.root, { recursive: true, force: true });
  }
}
