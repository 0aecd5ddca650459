/** Entry of the `flavor` command: runs the arguments of this process. */

import { runCommandLine } from './program.js';

await runCommandLine(process.argv.slice(2));
