// The progress line of a slow first start (LAUNCH.md 10.5), on a terminal of its own. The start is made slow by holding a lock
// that it waits for while it brings slots into the store.

import { spawn, spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { users } from './packaged.js';
import { type Launcher, launchers } from './suite/launchers.js';
import { Machine } from './suite/machine.js';
import { held, run } from './suite/start.js';
import { openSuite, type Suite } from './suite/suite.js';

const canRecord = spawnSync('script', ['--version']).status === 0;

describe.runIf(canRecord).each(launchers())('$name (needs script(1))', (launcher: Launcher) => {
  let suite: Suite | undefined;
  beforeAll(() => {
    suite = openSuite(launcher);
  });
  afterAll(() => suite?.close());

  it('draws a line on a terminal after a while and erases it before the program prints anything', async () => {
    if (suite === undefined || users[0] === undefined) throw new Error('the suite is not ready');
    using machine = new Machine(users[0], suite.launcher);
    machine.install('package', await suite.packages.make('demo'), false);
    await run(machine, suite.stage, {}, { env: {}, logged: false });
    for (const path of machine.paths('<v1>/receipts/*')) rmSync(path);
    const release = await held(machine.expand('<v1>/locks/collect'));
    const command = `exec env -i HOME='${machine.home}' '${machine.expand('<package>')}' --do=quiet --do=error:done`;
    const recorded = spawn('script', ['-qefc', command, '/dev/null'], { stdio: ['ignore', 'pipe', 'inherit'] });
    let shown = '';
    recorded.stdout.on('data', (bytes: Buffer) => {
      shown += bytes.toString();
      if (shown.includes('unpacking for the first start')) release();
    });
    const code = await new Promise((resolve) => recorded.once('close', resolve));
    expect(code).toBe(0);
    expect(shown).toMatch(/^\r?demo: unpacking for the first start, \d+% \(\d+ s\)/);
    expect(shown).toMatch(/\r +\rdone\r\n$/);
  });
});
