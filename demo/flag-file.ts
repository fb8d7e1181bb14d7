import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrokerName } from '../src/index.js';

/** The configuration file whose flags a running bus watches. */
export interface FlagFile {
  readonly path: string;
  /** Replaces the file by one that names this broker for this consumer. */
  set(consumer: string, broker: BrokerName): Promise<void>;
  remove(): Promise<void>;
}

/** Writes a file of flags into a new temporary folder, as an operator would keep one beside the service. */
export async function createFlagFile(initial: Readonly<Record<string, BrokerName>>): Promise<FlagFile> {
  const folder = await mkdtemp(join(tmpdir(), 'buscoupler-demo-'));
  const path = join(folder, 'buscoupler.config.json');
  const flags = { ...initial };
  const write = async (): Promise<void> => {
    const consumers = Object.fromEntries(Object.entries(flags).map(([name, broker]) => [name, { broker }]));
    // Replaced, not rewritten: a reader never sees half of it.
    await writeFile(`${path}.new`, `${JSON.stringify({ consumers }, null, 2)}\n`);
    await rename(`${path}.new`, path);
  };
  await write();
  return {
    path,
    set: (consumer, broker) => {
      flags[consumer] = broker;
      return write();
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
