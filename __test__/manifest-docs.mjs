// Writes what follows from the manifest's schema: the table of keys in README.md, and the JSON Schema for editors.
// `--check` writes nothing and fails if one of them is out of date.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from './steps.mjs';

const README = path.join(ROOT, 'README.md');
const SCHEMA = path.join(ROOT, 'ts/manifest/pyproject.schema.json');
const BEGIN = '<!-- manifest:begin -->';
const END = '<!-- manifest:end -->';

/** The schema as it stands in the sources, so that nothing needs to be built. */
async function loadSchema() {
  const require = createRequire(import.meta.url);
  const typescript = require('typescript');
  const folder = mkdtempSync(path.join(ROOT, 'node_modules', '.manifest-'));
  try {
    writeFileSync(path.join(folder, 'package.json'), '{"type": "module"}');
    const sources = path.join(ROOT, 'ts/manifest');
    for (const name of readdirSync(sources).filter((file) => /^schema.*\.ts$/.test(file))) {
      const { outputText } = typescript.transpileModule(readFileSync(path.join(sources, name), 'utf8'), {
        compilerOptions: { target: 'ES2022', module: 'ESNext', verbatimModuleSyntax: true },
      });
      writeFileSync(path.join(folder, name.replace(/ts$/, 'js')), outputText);
    }
    const { flavorTable } = await import(pathToFileURL(path.join(folder, 'schema.js')));
    const { z } = await import('zod');
    return z.toJSONSchema(flavorTable, { io: 'input', target: 'draft-7' });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Editors ask about the whole file; what is not ours is not judged. */
function documentSchema({ $schema, ...flavor }) {
  return {
    $schema,
    title: 'pyproject.toml with [tool.flavor]',
    type: 'object',
    properties: { tool: { type: 'object', properties: { flavor: withoutEmptyTables(flavor) } } },
  };
}

/** Defaults that are whole tables say nothing that the keys inside do not say. */
function withoutEmptyTables(schema) {
  if (Array.isArray(schema)) return schema.map(withoutEmptyTables);
  if (typeof schema !== 'object' || schema === null) return schema;
  const entries = Object.entries(schema).filter(
    ([key, value]) => !(key === 'default' && typeof value === 'object' && !Array.isArray(value)),
  );
  return Object.fromEntries(entries.map(([key, value]) => [key, withoutEmptyTables(value)]));
}

/** Rows of the table for the keys of a table of the manifest. */
function rows(table, prefix) {
  const required = table.required ?? [];
  return Object.entries(table.properties).flatMap(([key, schema]) => {
    const name = `${prefix}${key}`;
    const own = schema.properties === undefined ? [row(name, schema, required.includes(key))] : [];
    return [...own, ...nested(schema, name)];
  });
}

/** Rows of the tables inside a value. */
function nested(schema, name) {
  if (schema.properties !== undefined) return rows(schema, `${name}.`);
  if (schema.items?.properties !== undefined) return rows(schema.items, `${name}[].`);
  if (schema.additionalProperties?.anyOf !== undefined) return nested(schema.additionalProperties, `${name}.NAME`);
  return (schema.anyOf ?? []).flatMap((branch) => (branch.properties === undefined ? [] : rows(branch, `${name}.`)));
}

function row(name, schema, isRequired) {
  const fallback = isRequired ? '*needed*' : defaultText(schema.default);
  return `| \`${name}\` | ${valueText(schema)} | ${fallback} | ${schema.description ?? ''} |`;
}

function defaultText(value) {
  if (value === undefined || (typeof value === 'object' && Object.keys(value).length === 0)) return '';
  return `\`${JSON.stringify(value)}\``;
}

/** What a value looks like, in the words of TOML. */
function valueText(schema) {
  if (schema.enum !== undefined) return schema.enum.map((word) => `\`${word}\``).join(' ');
  if (schema.const !== undefined) return `\`${schema.const}\``;
  if (schema.anyOf !== undefined) {
    const separator = schema.anyOf.every((branch) => branch.const !== undefined) ? ' ' : ' or ';
    return [...new Set(schema.anyOf.map(valueText))].join(separator);
  }
  if (schema.type === 'array') return schema.items.type === 'string' ? listText(schema.items) : 'tables';
  if (schema.type === 'object') {
    if (schema.additionalProperties?.anyOf !== undefined) return `table of ${valueText(schema.additionalProperties)}`;
    return schema.properties === undefined ? 'table of texts' : 'table';
  }
  return schema.type === 'boolean' ? '`true` `false`' : 'text';
}

function listText(items) {
  return items.enum === undefined ? 'texts' : `list of ${valueText(items)}`;
}

function readmeWith(text, flavor) {
  const [before, rest = ''] = text.split(BEGIN);
  const after = rest.split(END)[1];
  if (after === undefined) throw new Error(`README.md has no ${BEGIN} … ${END}`);
  const table = ['| key under `tool.flavor` | value | default | meaning |', '|---|---|---|---|', ...rows(flavor, '')];
  return `${before}${BEGIN}\n\n${table.join('\n')}\n\n${END}${after}`;
}

const flavor = await loadSchema();
const wanted = [
  [SCHEMA, `${JSON.stringify(documentSchema(flavor), null, 2)}\n`],
  [README, readmeWith(readFileSync(README, 'utf8'), flavor)],
];
for (const [file, content] of wanted) {
  let present = '';
  try {
    present = readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  if (present === content) continue;
  if (process.argv.includes('--check')) {
    console.error(`${path.relative(ROOT, file)} is out of date: node __test__/manifest-docs.mjs`);
    process.exitCode = 1;
  } else {
    writeFileSync(file, content);
    console.log(`wrote ${path.relative(ROOT, file)}`);
  }
}
