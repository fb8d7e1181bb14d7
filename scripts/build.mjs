// Compiles src twice with tsc: ES modules into dist/esm, CommonJS into dist/cjs, each with its own types.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');

// `nodenext` would follow the "type" of package.json and emit ES modules again; `bundler` is the resolution that
// TypeScript accepts beside `commonjs`. The first build has checked the imports as Node.js resolves them.
const FORMATS = [
  { folder: 'esm', type: 'module', flags: [] },
  { folder: 'cjs', type: 'commonjs', flags: ['--module', 'commonjs', '--moduleResolution', 'bundler'] },
];

rmSync(join(root, 'dist'), { recursive: true, force: true });
for (const { folder, type, flags } of FORMATS) {
  const outDir = join(root, 'dist', folder);
  mkdirSync(outDir, { recursive: true });
  // Says how Node.js and TypeScript have to read the files beside it.
  writeFileSync(join(outDir, 'package.json'), `${JSON.stringify({ type, sideEffects: false }, null, 2)}\n`);
  try {
    execFileSync(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--outDir', outDir, ...flags], {
      cwd: root,
      stdio: 'inherit',
    });
  } catch {
    process.exit(1);
  }
}
