/**
 * What lies in a package besides what its project asks for: pip, `extra_packages`, and the local projects of
 * `build.dependencies` with what they depend on. It is resolved together with the project, or beside a lock, whose
 * versions then stay.
 */

import { isFlavorError } from '../errors.js';
import { foldName } from '../manifest/names.js';
import type { LockDocument } from './lock-document.js';
import { additionalDocument, type ResolutionRequest, resolvedDocument } from './lock-resolution.js';
import { requirementName } from './requirements.js';

/** The pip that is packed where the user's index has it. */
const PIP_REQUIREMENT = 'pip==26.3';

/** What the manifest adds to the project's own requirements. */
async function additions({ session, project }: ResolutionRequest): Promise<string[]> {
  const { dependencies, extraPackages } = session.manifest.build;
  const folders = await Promise.all(dependencies.map((folder) => project.sources.locate(folder)));
  return [...extraPackages, ...folders];
}

/** The locked document and what the manifest adds to it; pip is added where nobody else brings it. */
export async function wholeDocument(
  request: ResolutionRequest,
  locked: LockDocument | undefined,
): Promise<LockDocument> {
  const { session, project } = request;
  const added = await additions(request);
  const has = (document: LockDocument | undefined): boolean =>
    document?.packages.some(({ name }) => foldName(name) === 'pip') ?? false;
  const asks = [...project.requirements, ...added].some((text) => requirementName(text) === 'pip');
  const needsPip = session.manifest.includePip && !has(locked) && !asks;
  const resolve = async (more: readonly string[]): Promise<LockDocument> => {
    if (locked === undefined) return resolvedDocument(request, more);
    if (more.length === 0) return locked;
    const { packages } = await additionalDocument(request, locked, more);
    return { ...locked, packages: [...locked.packages, ...packages] };
  };
  if (!needsPip) return resolve(added);
  try {
    return await resolve([...added, PIP_REQUIREMENT]);
  } catch (error) {
    // An index of a company may hold another pip than the one that we know; any pip serves.
    if (!isFlavorError(error) || !/\bpip==/.test(String(error.cause))) throw error;
    return resolve([...added, 'pip']);
  }
}
