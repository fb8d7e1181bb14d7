// Runs the unit tests and the package test on Node.js 24, which npm brings. Further arguments go to Jest.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, '.cache', 'node-24');
const program = process.platform === 'win32' ? 'node.exe' : 'node';
const node = join(folder, 'node_modules', 'node', 'bin', program);

if (!existsSync(node)) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  const flags = ['install', '--no-save', '--no-audit', '--no-fund', '--prefer-offline'];
  execFileSync('npm', [...flags, 'node@24'], { cwd: folder, stdio: 'inherit' });
}

const given = process.argv.slice(2);
const jest = join(root, 'node_modules', 'jest', 'bin', 'jest.js');
// npm and what it runs stay on the Node.js of this machine, whose settings it reads; the tests and their programs do not.
const { status } = spawnSync(
  node,
  [jest, ...(given.length > 0 ? given : ['tests/unit', 'tests/cli/package'])],
  {
    cwd: root,
    stdio: 'inherit',
  },
);
process.exit(status ?? 1);
