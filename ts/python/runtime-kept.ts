/**
 * Installed runtimes in the build cache. Only those whose archive has a digest that uv compared with its list, or that
 * is the user's own: a copy of an interpreter of this machine and a given folder have none, and whatever changes in
 * them would be packed as it was before.
 *
 * A kept installation is used where it lies: build back ends run from it, extension modules are built against it. It
 * differs from what uv installs in the folder that its texts name, and in the bytecode of some modules, so that the
 * many short runs of a build, which may write none (`PYTHONDONTWRITEBYTECODE`), do not each compile them.
 */

import { join, relative, sep } from 'node:path';

import { copyTree, findTree, keepTree, notKept, stagingFolder, treePath } from '../build-cache/build-cache.js';
import { cacheKey } from '../build-cache/key.js';
import { isSystemError } from '../errors.js';
import { runsHere } from '../platform.js';
import { runProcess } from './process.js';
import { wantedRuntime } from './runtime-staging.js';
import type { BuildSession, InstalledRuntime, RuntimeSource } from './session.js';
import { replaceInTexts } from './tree.js';

interface Facts {
  /** Path of the interpreter below the root, with `/`. */
  readonly program: string;
  readonly version: string;
}

/** What build back ends import. */
const IMPORTS = `
import argparse, ast, base64, configparser, contextlib, copy, csv, dataclasses, datetime, difflib, email.message
import email.parser, fnmatch, functools, glob, gzip, hashlib, importlib.metadata, inspect, json, logging, pathlib
import platform, pkgutil, queue, re, runpy, shlex, shutil, site, socket, ssl, string, subprocess, sysconfig, tarfile
import tempfile, textwrap, threading, tokenize, traceback, typing, urllib.parse, uuid, venv, warnings, weakref, zipfile
import concurrent.futures, http.client, importlib.resources, tomllib, unittest.mock
`;

/** The installation of an archive, if there is one; `source` is how it is called. */
export async function keptInstallation(
  session: BuildSession,
  name: string,
  sha256: string | undefined,
  source: RuntimeSource,
): Promise<InstalledRuntime | undefined> {
  if (session.cache === undefined || sha256 === undefined) return undefined;
  const key = keyOf(name, sha256);
  const kept = await findTree<Facts>(session.cache, 'installations', key);
  if (kept === undefined) return undefined;
  const { root, facts } = kept;
  return wantedRuntime(session, {
    root,
    interpreter: join(root, facts.program),
    version: facts.version,
    source,
    archiveSha256: sha256,
    installation: { key, spare: undefined },
  });
}

/** Keeps an installation of the scratch folder, and hands out the kept one; the other becomes its spare. */
export async function keepInstallation(
  session: BuildSession,
  runtime: InstalledRuntime,
  name: string,
): Promise<InstalledRuntime> {
  const { cache } = session;
  if (cache === undefined || runtime.archiveSha256 === undefined) return runtime;
  const key = keyOf(name, runtime.archiveSha256);
  const place = treePath(cache, 'installations', key);
  const program = relative(runtime.root, runtime.interpreter).replaceAll(sep, '/');
  try {
    const staged = stagingFolder(cache);
    await copyTree(runtime.root, staged);
    await replaceInTexts(staged, runtime.root, place);
    if (runsHere(session.target)) await writeBytecode(session, join(staged, program));
    const facts: Facts = { program, version: runtime.version };
    const { root } = await keepTree(cache, 'installations', key, { root: staged, facts });
    if (root !== place) return runtime;
    const installation = { key, spare: runtime.root };
    return { ...runtime, root, interpreter: join(root, program), installation };
  } catch (error) {
    if (!isSystemError(error)) throw error;
    notKept(cache, error);
    return runtime;
  }
}

async function writeBytecode(session: BuildSession, interpreter: string): Promise<void> {
  // An interpreter without one of the modules leaves out those behind it, which only costs time.
  await runProcess({
    file: interpreter,
    args: ['-I', '-c', IMPORTS],
    cwd: session.scratch,
    environment: { PATH: session.environment['PATH'] },
    signal: session.reporter.signal,
    timeoutMs: 60_000,
  });
}

function keyOf(name: string, sha256: string): string {
  return cacheKey('installation', { name, sha256 });
}
