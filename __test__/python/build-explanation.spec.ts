// What of the output of a failed build stands in the error: the line that a person would look for.

import { describe, expect, test } from 'vitest';
import { buildExplanation, uvWords } from '../../dist/python/dependency-errors.js';

/** What uv prints around the output of a back end. */
function explanation(...lines: string[]): string {
  return buildExplanation(
    uvWords(
      [
        '  × Failed to build `tool==1.0`',
        '  ╰─▶ The build backend returned an error',
        '      [stderr]',
        ...lines.map((line) => `      ${line}`),
        "      error: command '/usr/bin/gcc' failed with exit code 1",
      ].join('\n'),
    ),
  );
}

describe('a build that fails', () => {
  test('for a missing header is explained by the line that names it', () => {
    const line = 'src/_tool.c:1:10: fatal error: nosuch/header.h: No such file or directory';
    const place = ['    1 | #include <nosuch/header.h>', `      |          ^${'~'.repeat(280)}`];
    expect(explanation('gcc -c src/_tool.c', line, ...place, 'compilation terminated.')).toBe(line);
  });

  test('for a wrong line of code is explained by the first one', () => {
    const lines = ['tool.c:3:1: error: unknown type name ‘in’', 'tool.c:9:2: error: expected ‘;’'];
    expect(explanation(...lines)).toBe(lines[0]);
  });

  test('for a missing library is explained by what the linker says', () => {
    const line = '/usr/bin/ld: cannot find -lnosuch: No such file or directory';
    expect(explanation('gcc -shared -lnosuch', line, 'collect2: error: ld returned 1 exit status')).toBe(line);
  });

  test('without a compiler is explained by what it printed', () => {
    expect(explanation('ModuleNotFoundError: no module named numpy')).toContain('no module named numpy');
  });
});
