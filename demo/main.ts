import { NoBrokersError } from './demo-config.js';
import { type DemoOptions, readOptions, USAGE } from './options.js';
import { runDemo } from './run-demo.js';

const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;

async function main(): Promise<number> {
  let options: DemoOptions;
  try {
    options = readOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    return EXIT.usage;
  }
  if (options.kind === 'help') {
    console.log(USAGE);
    return EXIT.ok;
  }
  const interrupt = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupt.abort());
  try {
    const { ok } = await runDemo({
      isReal: options.isReal,
      stream: process.stdout,
      signal: interrupt.signal,
    });
    return ok ? EXIT.ok : EXIT.failed;
  } catch (error) {
    if (interrupt.signal.aborted) return EXIT.interrupted;
    console.error(`\nThe demo could not run. ${(error as Error).message}`);
    return error instanceof NoBrokersError ? EXIT.usage : EXIT.failed;
  }
}

process.exitCode = await main();
