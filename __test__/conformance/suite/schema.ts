// The form of case files. A file that is not of this form is refused before anything runs, with the place of the mistake;
// unknown keys are mistakes. `cases/README.md` says what everything means.

import { z } from 'zod';

const Mode = z.string().regex(/^[0-7]{4}$/);
const Hex = z.string().regex(/^([0-9a-f]{2})*$/);
const Signal = z.enum(['HUP', 'INT', 'QUIT', 'KILL', 'USR1', 'USR2', 'PIPE', 'TERM', 'CHLD', 'STOP', 'CONT']);
const Owner = z.enum(['user', 'root', 'other']);

/** A text, bytes, or a text many times. */
const Bytes = z.union([
  z.string(),
  z.strictObject({ hex: Hex }),
  z.strictObject({ repeat: z.string(), times: z.int().positive() }),
]);
export type Bytes = z.infer<typeof Bytes>;

const Member = z.strictObject({
  path: z.string(),
  type: z.enum(['file', 'folder', 'link', 'hardlink', 'device', 'pipe']),
  text: z.string().optional(),
  target: z.string().optional(),
  mode: Mode.optional(),
});
export type Member = z.infer<typeof Member>;

const SlotFile = z.union([
  z.null(),
  z.string(),
  z.strictObject({ text: z.string(), mode: Mode }),
  z.strictObject({ link: z.string() }),
  z.strictObject({ zeros: z.int().positive() }),
  z.strictObject({ probe: z.literal(true) }),
]);
export type SlotFile = z.infer<typeof SlotFile>;

const Slot = z.strictObject({
  id: z.string(),
  role: z.enum(['runtime', 'dependencies', 'application', 'data']).default('data'),
  share: z.boolean(),
  lifecycle: z.string().optional(),
  platform: z.string().optional(),
  files: z.record(z.string(), SlotFile).optional(),
  members: z.array(Member).optional(),
  claims: z.strictObject({ bytes: z.int().optional(), members: z.int().optional() }).optional(),
});

const Command = z.strictObject({
  argv: z.array(z.string()),
  env: z.record(z.string(), z.string()).optional(),
  cwd: z.string().optional(),
});

/** What a package is made of. */
export const Recipe = z.strictObject({
  name: z.string(),
  version: z.string(),
  description: z.string().optional(),
  key: z.string().default('conformance cases, not a secret'),
  slots: z.array(Slot),
  workenv: z
    .strictObject({
      unpack: z.array(z.strictObject({ slot: z.int(), into: z.string() })).default([]),
      links: z
        .array(z.strictObject({ path: z.string(), slot: z.int(), to: z.string(), kind: z.enum(['symlink', 'copy']) }))
        .default([]),
      files: z.array(z.strictObject({ path: z.string(), content: z.string(), mode: Mode })).default([]),
      path: z.array(z.string()).default([]),
    })
    .prefault({}),
  commands: z.record(z.string(), Command),
  default: z.string(),
  environment: z
    .strictObject({
      unset: z.array(z.string()).optional(),
      pass: z.array(z.string()).optional(),
      map: z.record(z.string(), z.string()).optional(),
      set: z.record(z.string(), z.string()).optional(),
    })
    .optional(),
  execution: z.record(z.string(), z.string()).optional(),
  signed: z.json().optional(),
});
export type Recipe = z.infer<typeof Recipe>;

/** A change of a finished file. `at` below zero counts from its end. */
const Edit = z.strictObject({
  at: z.union([z.int(), z.string()]).optional(),
  xor: Hex.optional(),
  write: Bytes.optional(),
  truncate: z.int().optional(),
  append: Bytes.optional(),
  repair: z.boolean().optional(),
});
export type Edit = z.infer<typeof Edit>;

const PackageWish = z.union([
  z.string(),
  z.strictObject({
    recipe: z.string(),
    change: z.json().optional(),
    edits: z.array(Edit).optional(),
    own: z.boolean().optional(),
    file: z.string().optional(),
  }),
]);
export type PackageWish = z.infer<typeof PackageWish>;

/** Something done to the machine; exactly one of the first group of keys says what. */
const Action = z
  .strictObject({
    folder: z.string().optional(),
    file: z.string().optional(),
    link: z.string().optional(),
    remove: z.string().optional(),
    copy: z.string().optional(),
    rename: z.string().optional(),
    touch: z.string().optional(),
    chmod: z.string().optional(),
    chown: z.string().optional(),
    edit: z.string().optional(),
    seal: z.string().optional(),
    settle: z.string().optional(),
    remember: z.string().optional(),
    lock: z.string().optional(),
    content: Bytes.optional(),
    mode: Mode.optional(),
    owner: Owner.optional(),
    to: z.string().optional(),
    time: z.string().optional(),
    as: z.string().optional(),
    hard: z.literal(true).optional(),
    edits: z.array(Edit).optional(),
  })
  .refine((action) => actionOf(action) !== undefined, 'does nothing, or several things');
export type Action = z.infer<typeof Action>;

export const ACTIONS = [
  'folder',
  'file',
  'link',
  'remove',
  'copy',
  'rename',
  'touch',
  'chmod',
  'chown',
  'edit',
  'seal',
  'settle',
  'remember',
  'lock',
] as const;

/** What an action does. */
export function actionOf(action: Partial<Record<(typeof ACTIONS)[number], unknown>>) {
  const found = ACTIONS.filter((name) => action[name] !== undefined);
  return found.length === 1 ? found[0] : undefined;
}

const TextExpectation = z.union([
  z.string(),
  z.strictObject({
    contains: z.array(z.string()).optional(),
    lacks: z.array(z.string()).optional(),
    matches: z.string().optional(),
    json: z.json().optional(),
    hex: Hex.optional(),
    sha256: z.string().optional(),
  }),
]);
export type TextExpectation = z.infer<typeof TextExpectation>;

/** Bytes at a place of a file. */
const Field = z.strictObject({
  at: z.int(),
  text: z.string().optional(),
  hex: z.union([Hex, z.string().regex(/^<.+>$/)]).optional(),
  u32: z.union([z.int(), z.string()]).optional(),
  u64: z.union([z.int(), z.string()]).optional(),
});

const FileExpectation = z.union([
  z.enum(['absent', 'present', 'folder', 'file', 'link']),
  z.strictObject({
    kind: z.enum(['folder', 'file', 'link']).optional(),
    mode: Mode.optional(),
    owner: Owner.optional(),
    text: z.string().optional(),
    contains: z.array(z.string()).optional(),
    lacks: z.array(z.string()).optional(),
    size: z.int().optional(),
    links: z.int().optional(),
    target: z.string().optional(),
    count: z.int().optional(),
    entries: z.union([z.int(), z.array(z.string())]).optional(),
    untouched: z.string().optional(),
    same: z.string().optional(),
    differs: z.string().optional(),
    fields: z.array(Field).optional(),
    sealed: z.literal(true).optional(),
    recent: z.literal(true).optional(),
  }),
]);
export type FileExpectation = z.infer<typeof FileExpectation>;

const Expectation = z.strictObject({
  exit: z.union([z.int(), z.array(z.int())]).optional(),
  signal: Signal.optional(),
  error: z.string().optional(),
  stdout: TextExpectation.optional(),
  stderr: TextExpectation.optional(),
  report: z.json().optional(),
  path: z.enum(['warm', 'cold']).optional(),
  files: z.record(z.string(), FileExpectation).optional(),
  changes: z.array(z.string()).optional(),
});
export type Expectation = z.infer<typeof Expectation>;

const Start = z.strictObject({
  file: z.string().optional(),
  name: Bytes.optional(),
  args: z.array(Bytes).optional(),
  env: z.record(z.string(), z.union([Bytes, z.null()])).optional(),
  variables: z.array(Bytes).optional(),
  cwd: z.string().optional(),
  stdin: z.union([Bytes, z.null()]).optional(),
  umask: Mode.optional(),
  close: z.array(z.int()).optional(),
  ignore: z.array(Signal).optional(),
  block: z.array(Signal).optional(),
  tool: z.boolean().optional(),
  times: z.int().optional(),
  signal: Signal.optional(),
  waiting: z.string().optional(),
});
export type Start = z.infer<typeof Start>;

/** What is done, what is started then, what must be so afterwards. */
export interface Step {
  do?: Action[] | undefined;
  start?: Start | undefined;
  meanwhile?: Step[] | undefined;
  expect?: Expectation | undefined;
}
const Step: z.ZodType<Step> = z.lazy(() =>
  z.strictObject({
    do: z.array(Action).optional(),
    start: Start.optional(),
    meanwhile: z.array(Step).optional(),
    expect: Expectation.optional(),
  }),
);

const Case = z.strictObject({
  name: z.string().min(10),
  rules: z.array(z.string().regex(/^((LAUNCH|STORE) \d+\.\d+|FORMAT \d+|[SB]\d+)$/)).min(1),
  users: z.enum(['both', 'root', 'unprivileged']).default('both'),
  slow: z.boolean().optional(),
  package: PackageWish.default('demo'),
  packages: z.record(z.string(), PackageWish).optional(),
  machine: z.array(Action).optional(),
  env: z.record(z.string(), z.union([Bytes, z.null()])).optional(),
  steps: z.array(Step).min(1),
});
export type Case = z.infer<typeof Case>;

/** A file of cases. */
export const CaseFile = z.strictObject({ about: z.string(), cases: z.array(Case).min(1) });

/** Recipes that cases name. */
export const Recipes = z.record(z.string(), z.json());
