// Writes tar archives that depend on their input only: owner 0, time 0, no host names. Names that do not
// fit a ustar header are refused; the trees packed here have none.

const BLOCK = 512;

/** One member: header and padded content. `type` is 'file', 'directory' or 'symlink'. */
export function member({ name, type, mode, content = Buffer.alloc(0), target = '' }) {
  const header = Buffer.alloc(BLOCK);
  const { prefix, rest } = splitName(type === 'directory' ? `${name}/` : name);
  header.write(rest, 0, 100);
  octal(header, 100, 8, mode);
  octal(header, 108, 8, 0);
  octal(header, 116, 8, 0);
  octal(header, 124, 12, content.length);
  octal(header, 136, 12, 0);
  header.write('        ', 148, 8);
  header.write({ file: '0', directory: '5', symlink: '2' }[type], 156, 1);
  if (Buffer.byteLength(target) > 100) throw new Error(`link target is too long for ustar: ${target}`);
  header.write(target, 157, 100);
  header.write('ustar\u000000', 257, 8);
  header.write(prefix, 345, 155);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\u0000 `, 148, 8);
  const padding = Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK);
  return Buffer.concat([header, content, padding]);
}

/** What ends an archive. */
export function end() {
  return Buffer.alloc(2 * BLOCK);
}

function splitName(name) {
  if (Buffer.byteLength(name) <= 100) return { prefix: '', rest: name };
  for (let at = name.indexOf('/'); at !== -1; at = name.indexOf('/', at + 1)) {
    const rest = name.slice(at + 1);
    if (at <= 155 && Buffer.byteLength(rest) <= 100) return { prefix: name.slice(0, at), rest };
  }
  throw new Error(`name is too long for ustar: ${name}`);
}

function octal(header, offset, length, value) {
  header.write(`${value.toString(8).padStart(length - 1, '0')}\u0000`, offset, length);
}
