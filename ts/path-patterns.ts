/**
 * Patterns over paths of a tree, as manifests have them: `*` and `?` stay within one name, `**` stands for any number
 * of folders, `[abc]` for one of some characters. A pattern with `/` counts from the root of the tree, one without
 * matches a name in any folder. What matches a folder covers everything below it.
 */

/** Whether a path (relative, with `/`) matches one of the patterns. */
export type PathMatcher = (path: string) => boolean;

/** Makes a matcher. */
export function pathMatcher(patterns: readonly string[]): PathMatcher {
  const expressions = patterns.map(expressionOf);
  return (path) => expressions.some((expression) => expression.test(path));
}

function expressionOf(pattern: string): RegExp {
  const trimmed = pattern.replace(/^\.?\/+/, '').replace(/\/+$/, '');
  const anchored = trimmed.includes('/') || pattern.startsWith('/');
  let text = '';
  for (let rest = trimmed; rest !== ''; ) {
    const [token = ''] = /^(?:\*\*\/|\*\*|\*|\?|\[!?[^\]]+\]|[\s\S])/.exec(rest) ?? [];
    rest = rest.slice(token.length);
    if (token === '**/') text += '(?:[^/]+/)*';
    else if (token === '**') text += '.*';
    else if (token === '*') text += '[^/]*';
    else if (token === '?') text += '[^/]';
    else if (token.length > 1)
      text += `[${token.startsWith('[!') ? '^' : ''}${escaped(token.replace(/^\[!?|\]$/g, ''))}]`;
    else text += escaped(token);
  }
  return new RegExp(`^${anchored ? '' : '(?:.*/)?'}${text}(?:/.*)?$`, 's');
}

/** `-` stays: between characters of a set it means a range. */
function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
