// A workshop with one tiny project, and a folder of distributions that is all that uv finds besides.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Workshop } from './command.js';
import { type TinyProject, writeTiny } from './tiny-projects.js';

export class SampleWorkshop extends Workshop {
  /** Folder of the project; a test may choose another one before it writes. */
  project = join(this.folder, 'sample');
  /** Folder of the distributions. */
  readonly links = join(this.folder, 'links');
  /** Variables for commands. */
  readonly env: Record<string, string> = {
    UV_FIND_LINKS: this.links,
    UV_CACHE_DIR: join(this.folder, 'uv'),
    FLAVOR_CACHE: join(this.folder, 'cache'),
  };

  constructor() {
    super();
    mkdirSync(this.links);
  }

  /** Writes the project, without pip; `flavor` goes into its `[tool.flavor]`. */
  sample({ flavor = '', more = '', ...rest }: Partial<TinyProject> & { flavor?: string } = {}): void {
    const table = `[tool.flavor]\nentry_point = "sample:main"\npython_version = "3.14"\ninclude_pip = false\n${flavor}`;
    writeTiny(this.project, { name: 'sample', ...rest, more: `${more}\n${table}` });
  }
}
