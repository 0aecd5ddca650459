// Tiny projects, source distributions and wheels, made by the test. Their build back end lies inside them and needs
// nothing, so that a test of dependencies is about dependencies only.

import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { strToU8, zipSync } from 'fflate';
import { end, member } from '../fetch/ustar.mjs';

/** What a tiny project says. */
export interface TinyProject {
  readonly name: string;
  /** @default '1.0' */
  readonly version?: string;
  readonly dependencies?: readonly string[];
  /** More lines of `[project]`. */
  readonly project?: string;
  /** Lines behind it. */
  readonly more?: string;
  /** Content of its one module. */
  readonly module?: string;
  /** Statement that the back end begins with. */
  readonly backend?: string;
}

/** A PEP 517 back end that packs the modules beside it, and leaves a folder `build` behind as others do. */
const BACKEND = `
import base64, hashlib, os, tomllib, zipfile

def get_requires_for_build_wheel(settings=None):
    return []

def build_wheel(folder, settings=None, metadata=None):
    os.makedirs("build", exist_ok=True)
    open("build/trace", "w").close()
    with open("pyproject.toml", "rb") as file:
        project = tomllib.load(file)["project"]
    name, version = project["name"].replace("-", "_"), project["version"]
    info = f"{name}-{version}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {project['name']}", f"Version: {version}"]
    lines += [f"Requires-Dist: {line}" for line in project.get("dependencies", [])]
    for extra, wanted in project.get("optional-dependencies", {}).items():
        lines.append(f"Provides-Extra: {extra}")
        lines += [f"Requires-Dist: {line} ; extra == '{extra}'" for line in wanted]
    scripts = "".join(f"{key} = {value}\\n" for key, value in project.get("scripts", {}).items())
    files = {path: open(path, "rb").read() for path in sorted(os.listdir("."))
             if path.endswith(".py") and path not in ("backend.py", "setup.py")}
    files[f"{info}/METADATA"] = ("\\n".join(lines) + "\\n").encode()
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\\nGenerator: tiny\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    files[f"{info}/entry_points.txt"] = f"[console_scripts]\\n{scripts}".encode()
    record = "".join(
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip('=')},{len(data)}\\n"
        for path, data in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\\n".encode()
    file = f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, file), "w") as archive:
        for path, data in files.items():
            archive.writestr(zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0)), data)
    return file
`;

/** Files of a tiny project by path. */
export function tinyFiles(tiny: TinyProject): Record<string, string> {
  const { name, version = '1.0', dependencies = [] } = tiny;
  return {
    'pyproject.toml': `[project]
name = "${name}"
version = "${version}"
requires-python = ">=3.11"
dependencies = ${JSON.stringify(dependencies)}
${tiny.project ?? ''}

[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

${tiny.more ?? ''}
`,
    'backend.py': `${tiny.backend ?? ''}\n${BACKEND}`,
    [`${name.replaceAll('-', '_')}.py`]: tiny.module ?? 'def main():\n    return 0\n',
  };
}

/** Writes a tiny project into a folder; returns the folder. */
export function writeTiny(folder: string, tiny: TinyProject): string {
  writeFiles(folder, tinyFiles(tiny));
  return folder;
}

/** Writes the source distribution of a tiny project into a folder; returns its SHA-256. */
export function writeSdist(folder: string, tiny: TinyProject): string {
  const top = `${tiny.name.replaceAll('-', '_')}-${tiny.version ?? '1.0'}`;
  const files = {
    ...tinyFiles(tiny),
    'PKG-INFO': `Metadata-Version: 2.1\nName: ${tiny.name}\nVersion: ${tiny.version ?? '1.0'}\n`,
  };
  const members = Object.entries(files).map(([path, content]) =>
    member({ name: `${top}/${path}`, type: 'file', mode: 0o644, content: Buffer.from(content) }),
  );
  return write(join(folder, `${top}.tar.gz`), gzipSync(Buffer.concat([...members, end()])));
}

/** A wheel: of a tiny project's one module, or of other files. */
export type TinyWheel = TinyProject & { readonly files?: Readonly<Record<string, string>> };

/** Writes a wheel into a folder; returns its SHA-256. */
export function writeWheel(folder: string, wheel: TinyWheel, tag = 'py3-none-any'): string {
  const { name, version = '1.0', dependencies = [] } = wheel;
  const file = name.replaceAll('-', '_');
  const info = `${file}-${version}.dist-info`;
  const extras = new Set(dependencies.flatMap((line) => /extra == ["'](\w+)/.exec(line)?.[1] ?? []));
  const requires = [
    ...[...extras].map((extra) => `Provides-Extra: ${extra}\n`),
    ...dependencies.map((line) => `Requires-Dist: ${line}\n`),
  ].join('');
  const content: Record<string, string> = {
    ...(wheel.files ?? { [`${file}.py`]: wheel.module ?? `version = ${JSON.stringify(version)}\n` }),
    [`${info}/METADATA`]: `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n${requires}`,
    [`${info}/WHEEL`]: `Wheel-Version: 1.0\nGenerator: tiny\nRoot-Is-Purelib: true\nTag: ${tag}\n`,
  };
  const lines = Object.entries(content).map(([path, text]) => {
    const digest = createHash('sha256').update(text).digest('base64url');
    return `${path},sha256=${digest},${Buffer.byteLength(text)}\n`;
  });
  content[`${info}/RECORD`] = `${lines.join('')}${info}/RECORD,,\n`;
  const members = Object.entries(content).map(([path, text]) => [path, strToU8(text)] as const);
  const zip = zipSync(Object.fromEntries(members), { mtime: new Date(2020, 0, 1) });
  return write(join(folder, `${file}-${version}-${tag}.whl`), zip);
}

/** Writes files by their paths below a folder. */
export function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [path, content] of Object.entries(files)) write(join(folder, path), content);
}

function write(path: string, content: string | Uint8Array): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return createHash('sha256').update(content).digest('hex');
}
