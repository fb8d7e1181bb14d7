import { existsSync, mkdtempSync, readdirSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** The folder into which `.ci/install-servers` puts what no package manager installs. */
export function serverCache(): string {
  const cacheHome = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return process.env.BUSCOUPLER_CACHE || join(cacheHome, 'buscoupler');
}

/** A new folder of its own for one server. */
export function serverFolder(server: string): string {
  return mkdtempSync(join(tmpdir(), `buscoupler-${server}-`));
}

/** The path of a program of this machine, or undefined. */
export function findProgram(name: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** The entries of a folder, none when it is missing. */
export function entriesOf(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}
