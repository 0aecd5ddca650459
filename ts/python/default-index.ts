/**
 * The public package index, asked when the user's settings name no other. The only file that names it.
 */

/** Root of the simple repository API. */
export const DEFAULT_INDEX = 'https://pypi.org/simple/';
