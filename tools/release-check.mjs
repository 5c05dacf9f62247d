#!/usr/bin/env node
/**
 * What a release would do and whether each package is fit to be published: `nx release --dry-run`, then publint and a
 * few rules of our own on every package's manifest. Changes nothing and publishes nothing; packages must be built.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { root, runNx } from './nx.mjs';

/**
 * Rules for a published manifest beyond what publint knows.
 *
 * @param {Record<string, any>} manifest - parsed package.json.
 * @returns {string[]} one sentence per fault.
 */
export function manifestFaults(manifest) {
  const faults = [];
  for (const script of ['preinstall', 'install', 'postinstall', 'prepare']) {
    if (manifest.scripts?.[script]) faults.push(`has a ${script} script; published packages run nothing on install`);
  }
  for (const field of ['name', 'version', 'description', 'license', 'engines', 'exports', 'files', 'type']) {
    if (manifest[field] === undefined) faults.push(`lacks "${field}"`);
  }
  if (manifest.private) faults.push('is private');
  if (manifest.license !== 'Apache-2.0') faults.push(`has licence ${manifest.license}, expected Apache-2.0`);
  for (const file of ['README.md', 'CHANGELOG.md', 'LICENSE']) {
    if (!manifest.files?.includes(file)) faults.push(`does not list ${file} in "files"`);
  }
  for (const [path, target] of Object.entries(manifest.exports ?? {})) {
    if (typeof target === 'object' && target !== null && Object.keys(target)[0] !== 'types') {
      faults.push(`export "${path}" must list "types" first`);
    }
  }
  for (const [name, range] of Object.entries(manifest.dependencies ?? {})) {
    if (/^(file|link|workspace|git|https?):/.test(String(range)) || range === '*') {
      faults.push(`depends on ${name}@${range}, which nobody else can install`);
    }
  }
  return faults;
}

async function main() {
  if (runNx(['release', '--dry-run', '--skip-publish']).status !== 0) {
    console.error('release-check: nx release --dry-run failed, see above');
    process.exitCode = 1;
  }
  for (const name of readdirSync(join(root, 'packages')).sort()) {
    const folder = join(root, 'packages', name);
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const { messages } = await publint({ pkgDir: folder, level: 'warning', strict: true });
    const faults = [
      ...manifestFaults(manifest),
      ...messages.map((message) => String(formatMessage(message, manifest))),
    ];
    for (const fault of faults) console.error(`release-check: ${manifest.name} ${fault}`);
    if (faults.length > 0) process.exitCode = 1;
    else console.log(`release-check: ${manifest.name} ${manifest.version} is fit to publish`);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
