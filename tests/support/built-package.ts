import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, runProgram } from './run-program.js';

/** A folder as a user has it: the built package and its command line, and the libraries of this project. */
export interface UserFolder {
  readonly path: string;
  remove(): void;
}

const TSC = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');

/**
 * Builds the ES modules of the package into a new folder (some seconds). `dist` is left alone: another test may be
 * packing it. That a packed package can be installed is the package test's matter.
 */
export async function openUserFolder(): Promise<UserFolder> {
  const cache = join(ROOT, '.cache');
  mkdirSync(cache, { recursive: true });
  const path = mkdtempSync(join(cache, 'user-'));
  const home = join(path, 'node_modules', 'buscoupler');
  const dist = join(home, 'dist', 'esm');
  const built = await runProgram([process.execPath, TSC, '-p', 'tsconfig.build.json', '--outDir', dist]);
  if (built.code !== 0) throw new Error(`the package cannot be built: ${built.stdout}`);
  copyFileSync(join(ROOT, 'package.json'), join(home, 'package.json'));
  // Without it the folder belonged to this project, and its name meant `dist`.
  writeFileSync(join(path, 'package.json'), '{ "name": "shop", "private": true }');
  const bin = join(path, 'node_modules', '.bin');
  mkdirSync(bin);
  chmodSync(join(dist, 'cli', 'main.js'), 0o755);
  symlinkSync(join(dist, 'cli', 'main.js'), join(bin, 'buscoupler'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
