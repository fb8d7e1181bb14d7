#!/usr/bin/env node
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { CliIo } from './cli-io.js';
import { loadOptions } from './load-options.js';
import { runCli } from './run-cli.js';

const { stdin, stdout, stderr } = process;
const interrupt = new AbortController();
const stop = (): void => interrupt.abort();

// Once: the second Ctrl-C ends the process at once.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);

/** Whoever read the output has enough: that is no failure. */
let isClosed = false;
stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  isClosed = true;
  stop();
});

async function out(text: string): Promise<void> {
  if (isClosed || stdout.write(text)) return;
  await once(stdout, 'drain', { signal: interrupt.signal }).catch(() => undefined);
}

async function* linesOf(file: string): AsyncGenerator<string> {
  if (file === '-') yield* createInterface({ input: stdin });
  else yield* (await open(file)).readLines();
}

const io: CliIo = {
  out,
  err: (text) => void stderr.write(text),
  hasColours: stdout.isTTY === true && stdout.hasColors(),
  signal: interrupt.signal,
  load: loadOptions,
  lines: linesOf,
};

/** The one place that exits: what the configuration file opened may not end by itself. */
void runCli(process.argv.slice(2), io).then((code) => {
  const exit = (): never => process.exit(isClosed ? 0 : code);
  if (isClosed) exit();
  else stdout.write('', exit);
});
