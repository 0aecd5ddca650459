/**
 * Splits a command of the manifest into its words, as a shell does with blanks, quotes and backslashes. Nothing is
 * expanded and no shell is started: what a shell would treat as an operator is an ordinary word.
 */

/** The words; undefined if a quote is not closed or a backslash stands at the end. */
export function splitWords(command: string): string[] | undefined {
  const words: string[] = [];
  const pattern = /\s+|'([^']*)'|"((?:[^"\\]|\\[\s\S])*)"|\\([\s\S])|([^\s'"\\]+)/y;
  let word: string | undefined;
  while (pattern.lastIndex < command.length) {
    const match = pattern.exec(command);
    if (match === null) return undefined;
    const [, single, double, escaped, plain] = match;
    const part = single ?? double?.replaceAll(/\\(["\\$`])/g, '$1') ?? escaped ?? plain;
    if (part !== undefined) {
      word = (word ?? '') + part;
    } else if (word !== undefined) {
      words.push(word);
      word = undefined;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}
