/**
 * The environment of child processes. Everything of the user's index, proxy and certificate settings passes;
 * nothing that holds or names key material does (security.md S25), and nothing that would bend the Python that
 * we start towards another installation.
 */

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Whether a variable that switches something is on, as uv understands it. */
export function isOn(value: string | undefined): boolean {
  return !['', '0', 'false', undefined].includes(value?.toLowerCase());
}

/** Variables of ours that hold key material or lead to it. */
const SECRET = /^FLAVOR_.*(SEED|KEY|SIGN)/i;

/** Variables that move an interpreter's idea of where its library is. */
const PYTHON_BENDING = new Set([
  'PYTHONPATH',
  'PYTHONHOME',
  'PYTHONPLATLIBDIR',
  'PYTHONEXECUTABLE',
  'PYTHONPYCACHEPREFIX',
  'PYTHONOPTIMIZE',
  'PYTHONSTARTUP',
  'PYTHONINSPECT',
  '__PYVENV_LAUNCHER__',
  'VIRTUAL_ENV',
  'CONDA_PREFIX',
]);

/** Variables that hold credentials of package indexes, in addresses or alone. */
const INDEX_CREDENTIALS =
  /^((UV|PIP)_(DEFAULT_INDEX|INDEX|INDEX_URL|EXTRA_INDEX_URL)|UV_(INDEX|PUBLISH)_.*|TWINE_.*)$/i;

/**
 * What a child process gets of the user's environment, with `changes` on top (undefined removes). Credentials of
 * package indexes are for uv only.
 */
export function childEnvironment(
  environment: Environment,
  changes: Environment = {},
  isUv = false,
): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries({ ...environment, ...changes })) {
    if (value === undefined || SECRET.test(name) || PYTHON_BENDING.has(name)) continue;
    if (!isUv && INDEX_CREDENTIALS.test(name)) continue;
    result[name] = value;
  }
  return result;
}
