/**
 * Where every package of an installation lies: a walk over production dependencies as they are installed here (so the
 * versions are those of the lock file), laid out anew for a folder that holds nothing else.
 */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The manifest in a folder. */
export function manifestOf(folder) {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
}

/** The folder of a dependency, found as Node finds it: in `node_modules` of the folder and of all above it. */
export function findInstalled(name, from) {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return realpathSync(candidate);
    if (folder === dirname(folder)) return undefined;
  }
}

/** The place that a package at `place` would find for a name among those taken, or undefined. */
function visible(taken, place, name) {
  for (let at = place; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    const candidate = at === '' ? `node_modules/${name}` : `${at}/node_modules/${name}`;
    if (taken.has(candidate)) return candidate;
    if (at === '') return undefined;
  }
}

/**
 * Places of `roots` and all they need at run time.
 *
 * @param {ReadonlyMap<string, string>} roots - folders by package name; they go to the top.
 * @param find - folder of a dependency of a package: `findInstalled`.
 * @returns {Map<string, string>} folder by place, such as `node_modules/a/node_modules/b`.
 * @throws Error naming a dependency that is not installed here.
 */
export function layoutOf(roots, find = findInstalled, manifest = manifestOf) {
  const taken = new Map();
  const queue = [];
  const put = (place, folder) => {
    taken.set(place, folder);
    queue.push(place);
  };
  for (const [name, folder] of roots) put(`node_modules/${name}`, folder);
  // Breadth first: all that lies beside a package is known before what it needs itself is looked for.
  for (let next = 0; next < queue.length; next++) {
    const place = queue[next];
    const folder = taken.get(place);
    const { dependencies = {}, optionalDependencies = {}, name: owner } = manifest(folder);
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      const wanted = roots.get(name) ?? find(name, folder);
      if (wanted === undefined) {
        if (name in optionalDependencies) continue;
        throw new Error(`${name}, which ${owner} needs, is not installed here; run npm ci`);
      }
      const there = visible(taken, place, name);
      if (there === undefined) put(`node_modules/${name}`, wanted);
      else if (taken.get(there) !== wanted) put(`${place}/node_modules/${name}`, wanted);
    }
  }
  return taken;
}
