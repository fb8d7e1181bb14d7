import { spawn } from 'node:child_process';
import { createRecorder } from '../../src/testing/index.js';

/** The server of a page, in a process of its own. */
export interface ShopServer {
  /** Resolves once its output has this. Rejects when the process ends first. */
  says(text: string): Promise<unknown>;
  kill(signal: NodeJS.Signals): void;
  /** Its exit code. */
  readonly end: Promise<number | null>;
}

/** Starts `node server.mjs` in a folder. */
export function startShop(where: { cwd: string; env: Readonly<Record<string, string>> }): ShopServer {
  const child = spawn(process.execPath, ['server.mjs'], {
    cwd: where.cwd,
    env: { PATH: process.env.PATH ?? '', ...where.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines = createRecorder<string>('output of the server');
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
      for (const line of chunk.split('\n')) lines.add(line);
    });
  const end = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const ended = end.then((code): never => {
    throw new Error(`the server ended with ${code}: ${output}`);
  });
  ended.catch(() => undefined); // of no interest once it said what was waited for
  return {
    says: (text) => Promise.race([lines.first((line) => line.includes(text)), ended]),
    kill: (signal) => void child.kill(signal),
    end,
  };
}
