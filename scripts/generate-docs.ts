import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { renderPages } from './docs/pages.js';

const root = resolve(import.meta.dirname, '..');
for (const [path, text] of Object.entries(renderPages(root))) {
  mkdirSync(dirname(resolve(root, path)), { recursive: true });
  writeFileSync(resolve(root, path), text);
  console.log(`wrote ${path}`);
}
